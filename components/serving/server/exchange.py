"""One request of either protocol: how it is read, and what its client gets."""

from collections.abc import Callable, Mapping
import re
from typing import Any, TYPE_CHECKING
import uuid

from kserve import InferRequest, InferResponse
from kserve.errors import InvalidInput
from kserve.protocol.infer_type import to_http_parameters
import numpy as np

from components.modeling.answers import Prediction
from components.serving.server.request_context import check_rows, Context, split_instances, split_tensors
from components.serving.server.request_rows import kind_of, ReadRows, shown, Tensor

if TYPE_CHECKING:
    from components.serving.server.bundle_model import BundleModel

# The parameter of a V2 request that says so of its rows.
REPAIRED = "repaired"
REQUEST_ID_HEADER = "x-request-id"
_MAX_ID = 128
_HEADER_ID = re.compile(rf"[!-~]{{1,{_MAX_ID}}}")


class Exchange:
    """A request between its arrival and its answer; what the computing thread works on.

    Parameters
    ----------
    decode
        The V1 dictionary or the V2 request; called in the computing thread.
    encode
        What the client gets for a V1 dictionary or a V2 response; called there too.
    request_id
        How the answer is called unless the request has an `id` of its own.
    """

    def __init__(
        self,
        model: "BundleModel",
        *,
        decode: Callable[[], Any],
        encode: Callable[[Any], Any],
        num_bytes: int,
        request_id: str,
    ) -> None:
        self._model, self._decode, self._encode = model, decode, encode
        self.num_bytes, self.request_id = num_bytes, request_id
        self._request: InferRequest | None = None
        self._outputs: list[str] = []
        self._rows: ReadRows | None = None
        self._contexts: list[Context] | None = None

    def read(self) -> Mapping[str, np.ndarray]:
        """The predictor's inputs; `InvalidInput` says in one sentence what is wrong with the request."""
        payload = self._decode()
        self._decode = _nothing  # what was decoded is not kept while the request waits
        try:
            rows = self._read_v2(payload) if isinstance(payload, InferRequest) else self._read_v1(payload)
        except InvalidInput:
            raise
        except ValueError as error:
            raise InvalidInput(str(error)) from error
        self._rows = rows
        return rows.inputs

    def finish(self, answers: Prediction) -> Any:
        """What the client gets for the answers to its rows."""
        labels = self._model.format.labels(answers)
        self._model.observer.metrics.predicted(labels, answers.numbers_B)
        assert self._rows is not None
        self._model.record(self.request_id, self._rows, self._contexts, answers, labels)
        if self._request is None:
            return self._encode(
                {"predictions": self._model.format.predictions(answers, labels), "request_id": self.request_id}
            )
        outputs = self._model.format.outputs(answers, labels)
        return self._encode(
            InferResponse(
                response_id=self.request_id,
                model_name=self._model.name,
                model_version=self._model.version,
                infer_outputs=[outputs[name] for name in self._outputs],
                use_binary_outputs=self._request.use_binary_outputs,
                requested_outputs=self._request.request_outputs,
            )
        )

    def _read_v1(self, payload: Any) -> ReadRows:
        model = self._model
        payload, self._contexts = split_instances(payload, model.context_columns, inputs=model.input_names)
        return model.payloads.from_instances(payload)

    def _read_v2(self, request: InferRequest) -> ReadRows:
        model = self._model
        if request.id:
            self.request_id = _checked_id(request.id)
        self._outputs = _requested_outputs(request, model.format.names)
        payloads = model.repaired_payloads if _is_repaired(request) else model.payloads
        tensors, self._contexts = split_tensors([_tensor(given) for given in request.inputs], model.context_columns)
        rows = payloads.from_tensors(tensors)
        check_rows(self._contexts, len(next(iter(rows.inputs.values()))))
        # Of the request only what the answer needs is kept, not its tensors.
        self._request = request
        request.inputs = []
        return rows


def new_request_id(headers: Mapping[str, str]) -> str:
    """The client's `x-request-id` where it is one of visible ASCII, at most 128 characters; else a new one."""
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if _HEADER_ID.fullmatch(given) else str(uuid.uuid4())


def request_bytes(request: InferRequest) -> int:
    """About how many bytes a V2 request that is decoded already holds."""
    return sum(_tensor_bytes(_tensor(given)) for given in request.inputs)


def _tensor_bytes(tensor: Tensor) -> int:
    if tensor.raw is not None:
        return len(tensor.raw)
    return sum(len(value) if isinstance(value, bytes | str) else 8 for value in tensor.data)


def _nothing() -> Any:
    raise AssertionError("a request is read once")


def _checked_id(given: Any) -> str:
    if not isinstance(given, str) or len(given) > _MAX_ID or not given.isprintable():
        raise ValueError(f"the id of a request must be at most {_MAX_ID} printable characters")
    return given


def _requested_outputs(request: InferRequest, known: list[str]) -> list[str]:
    if not request.request_outputs:
        return known
    names = [output.name for output in request.request_outputs]
    if len(set(names)) != len(names) or set(names) - set(known):
        raise ValueError(
            f"outputs must be different ones of {', '.join(known)}, got {[shown(name) for name in names[:5]]}"
        )
    return names


def _is_repaired(request: InferRequest) -> bool:
    """Whether the rows of a request are said to be as they are after the repairs of the model's bundle."""
    said = to_http_parameters(request.parameters or {}).get(REPAIRED, False)
    if not isinstance(said, bool):
        raise ValueError(f"the parameter {REPAIRED} must be true or false, got {kind_of(said)}")
    return said


def _tensor(given: Any) -> Tensor:
    return Tensor(
        name=given.name,
        datatype=given.datatype,
        shape=tuple(given.shape),
        data=given.data if given.data is not None else [],
        raw=given._raw_data,  # KServe has no public reader that hands binary strings over as they came
    )
