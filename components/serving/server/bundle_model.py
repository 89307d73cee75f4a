"""A bundle as a KServe model: V1 and V2 requests in, labels and probabilities out.

Shapes: N examples, K classes.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
import uuid

from kserve import InferOutput, InferRequest, InferResponse, Model
from kserve.errors import InvalidInput
import numpy as np

from components.modeling.predictor import Predictor
from components.serving.server.payloads import payloads_for
from components.serving.server.request_rows import shown, Tensor

PROBABILITIES = "probabilities"
LABEL = "label"
# A large request computes in parts, so that it needs no more memory than a middling one.
_PART_ROWS = 64


class BundleModel(Model):
    """Answers KServe's requests with a `Predictor`, which prepares and computes as training does.

    Reading, preparation and prediction run in one thread of their own: the event loop stays free for health checks, and
    two requests never compete for the same cores.
    """

    def __init__(self, name: str, predictor: Predictor, *, version: str) -> None:
        super().__init__(name)
        self.version = version
        self._predictor = predictor
        self._payloads = payloads_for(predictor.features)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the metadata endpoint."""
        return self._payloads.input_types

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the metadata endpoint."""
        return [
            {"name": PROBABILITIES, "datatype": "FP32", "shape": [-1, len(self._predictor.class_names)]},
            {"name": LABEL, "datatype": "BYTES", "shape": [-1]},
        ]

    async def predict(
        self,
        payload: dict[str, Any] | InferRequest,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> dict[str, Any] | InferResponse:
        """Answer one request; one that cannot be used is `InvalidInput`: KServe answers 400 or `INVALID_ARGUMENT`."""
        answer: Callable[[Any], Any] = self._answer_v2 if isinstance(payload, InferRequest) else self._answer_v1
        return await asyncio.get_running_loop().run_in_executor(self._executor, answer, payload)

    def _answer_v1(self, payload: Any) -> dict[str, Any]:
        probabilities_NK = self._probabilities(self._checked(self._payloads.from_instances, payload))
        rows = [dict(zip(self._predictor.class_names, row, strict=True)) for row in probabilities_NK.tolist()]
        labels = self._labels(probabilities_NK)
        return {
            "predictions": [{"label": label, "probabilities": row} for label, row in zip(labels, rows, strict=True)]
        }

    def _answer_v2(self, request: InferRequest) -> InferResponse:
        wanted = self._checked(_requested_outputs, request)
        tensors = [_tensor(given) for given in request.inputs]
        probabilities_NK = self._probabilities(self._checked(self._payloads.from_tensors, tensors))
        outputs = {
            PROBABILITIES: InferOutput(
                PROBABILITIES, list(probabilities_NK.shape), "FP32", data=probabilities_NK.ravel().tolist()
            ),
            LABEL: InferOutput(LABEL, [len(probabilities_NK)], "BYTES", data=self._labels(probabilities_NK)),
        }
        return InferResponse(
            response_id=request.id or str(uuid.uuid4()),
            model_name=self.name,
            model_version=self.version,
            infer_outputs=[outputs[name] for name in wanted],
            use_binary_outputs=request.use_binary_outputs,
            requested_outputs=request.request_outputs,
        )

    def _probabilities(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        num_rows = len(next(iter(inputs.values())))
        parts = [
            self._predictor.predict({name: value[start : start + _PART_ROWS] for name, value in inputs.items()})
            for start in range(0, num_rows, _PART_ROWS)
        ]
        return np.concatenate([part.probabilities_BK for part in parts])

    def _labels(self, probabilities_NK: np.ndarray) -> list[str]:
        return [self._predictor.class_names[index] for index in probabilities_NK.argmax(axis=1)]

    @staticmethod
    def _checked(read: Callable[[Any], Any], given: Any) -> Any:
        try:
            return read(given)
        except ValueError as error:
            raise InvalidInput(str(error)) from error


def _tensor(given: Any) -> Tensor:
    return Tensor(
        name=given.name,
        datatype=given.datatype,
        shape=tuple(given.shape),
        data=given.data if given.data is not None else [],
        raw=given._raw_data,  # KServe has no public reader that hands binary strings over as they came
    )


def _requested_outputs(request: InferRequest) -> list[str]:
    known = [PROBABILITIES, LABEL]
    if not request.request_outputs:
        return known
    names = [output.name for output in request.request_outputs]
    if len(set(names)) != len(names) or set(names) - set(known):
        raise ValueError(
            f"outputs must be different ones of {', '.join(known)}, got {[shown(name) for name in names[:5]]}"
        )
    return names
