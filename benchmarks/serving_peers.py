"""Servers beside which ours is measured: the same predictor, or an echo, behind FastAPI and KServe."""

import asyncio
import sys

from fastapi import FastAPI, Request, Response
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer
import numpy as np
import orjson
import uvicorn

from components.modeling.predictor import load_predictor, Predictor
from components.serving.server.payloads import Payloads, payloads_for
from components.serving.server.request_rows import Tensor


def tensor_of(given: InferInput) -> Tensor:
    """A V2 input as our readers take it."""
    data = given.data if given.data is not None else []
    return Tensor(name=given.name, datatype=given.datatype, shape=tuple(given.shape), data=data, raw=given._raw_data)


def outputs_of(predictor: Predictor, payloads: Payloads, tensors: list[Tensor]) -> np.ndarray:
    """Probabilities, shape (N, K)."""
    return predictor.predict(payloads.from_tensors(tensors).inputs).probabilities_BK


class KServeModel(Model):
    """The same predictor as a KServe model, as its documentation has it: in a thread, one request at a time."""

    def __init__(self, predictor: Predictor | None) -> None:
        super().__init__("model")
        self._predictor = predictor
        self._payloads = payloads_for(predictor.features) if predictor is not None else None
        self._lock = asyncio.Lock()
        self.ready = True

    async def predict(
        self, payload: InferRequest, headers: object = None, response_headers: object = None
    ) -> InferResponse:
        """Probabilities; of the echo, two numbers."""
        values = np.array([[0.5, 0.5]], np.float32)
        if self._predictor is not None and self._payloads is not None:
            tensors = [tensor_of(given) for given in payload.inputs]
            async with self._lock:
                values = await asyncio.to_thread(outputs_of, self._predictor, self._payloads, tensors)
        output = InferOutput("probabilities", list(values.shape), "FP32", data=values.ravel().tolist())
        return InferResponse(response_id=payload.id or "1", model_name="model", infer_outputs=[output])


def fastapi_app(predictor: Predictor) -> FastAPI:
    """An application as teams write it: the body as JSON, or binary tensors, one request at a time."""
    app, payloads, lock = FastAPI(), payloads_for(predictor.features), asyncio.Lock()

    @app.post("/v2/models/model/infer")
    async def infer(request: Request) -> Response:
        body = await request.body()
        length = int(request.headers.get("inference-header-content-length", len(body)))
        content, offset, tensors = orjson.loads(body[:length]), length, []
        for given in content["inputs"]:
            size = given.get("parameters", {}).get("binary_data_size")
            raw = None if size is None else body[offset : offset + size]
            offset += size or 0
            tensors.append(
                Tensor(
                    name=given["name"],
                    datatype=given["datatype"],
                    shape=tuple(given["shape"]),
                    data=given.get("data", []),
                    raw=raw,
                )
            )
        async with lock:
            values = await asyncio.to_thread(outputs_of, predictor, payloads, tensors)
        output = {
            "name": "probabilities",
            "shape": list(values.shape),
            "datatype": "FP32",
            "data": values.ravel().tolist(),
        }
        return Response(orjson.dumps({"model_name": "model", "outputs": [output]}), media_type="application/json")

    return app


def main() -> None:
    """Serve as the arguments say: fastapi, kserve or echo; the bundle; the port."""
    kind, bundle, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.argv[1:] = []
    if kind == "echo":
        ModelServer(http_port=port, enable_grpc=False, enable_latency_logging=False, access_log_format=None).start(
            [KServeModel(None)]
        )
        return
    predictor = load_predictor(bundle, device="cpu")
    if kind == "kserve":
        ModelServer(http_port=port, enable_grpc=False, enable_latency_logging=False).start([KServeModel(predictor)])
    else:
        uvicorn.run(fastapi_app(predictor), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
