"""A bundle as a KServe model: V1 and V2 requests in, answers in its `AnswerFormat` out."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
import uuid

from kserve import InferRequest, InferResponse, Model
from kserve.errors import InvalidInput
from kserve.protocol.infer_type import to_http_parameters
import numpy as np

from components.modeling.predictor import Predictor
from components.modeling.task import Answers
from components.serving.server.answer_formats import answer_format, joined_answers
from components.serving.server.payloads import payloads_for
from components.serving.server.request_rows import kind_of, shown, Tensor
from components.shared.contracts.operating_threshold import OperatingThreshold

# A large request computes in parts, so that it needs no more memory than a middling one.
_PART_ROWS = 64
# The parameter of a V2 request that says so of its rows.
REPAIRED = "repaired"


class BundleModel(Model):
    """Answers KServe's requests with a `Predictor`, which prepares and computes as training does.

    Reading, preparation and prediction run in one thread of their own: the event loop stays free for health checks, and
    two requests never compete for the same cores.
    """

    def __init__(
        self, name: str, predictor: Predictor, *, version: str, threshold: OperatingThreshold | None = None
    ) -> None:
        super().__init__(name)
        self.version = version
        self._predictor = predictor
        self._payloads = payloads_for(predictor.features, predictor.config.repairs)
        self._repaired_payloads = payloads_for(predictor.features)
        self._format = answer_format(predictor, threshold)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the metadata endpoint."""
        return self._payloads.input_types

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the metadata endpoint."""
        return self._format.output_types

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
        answers = self._answers(self._checked(self._payloads.from_instances, payload))
        return {"predictions": self._format.predictions(answers)}

    def _answer_v2(self, request: InferRequest) -> InferResponse:
        wanted = self._checked(self._requested_outputs, request)
        tensors = [_tensor(given) for given in request.inputs]
        payloads = self._repaired_payloads if self._checked(_is_repaired, request) else self._payloads
        outputs = self._format.outputs(self._answers(self._checked(payloads.from_tensors, tensors)))
        return InferResponse(
            response_id=request.id or str(uuid.uuid4()),
            model_name=self.name,
            model_version=self.version,
            infer_outputs=[outputs[name] for name in wanted],
            use_binary_outputs=request.use_binary_outputs,
            requested_outputs=request.request_outputs,
        )

    def _answers(self, inputs: Mapping[str, np.ndarray]) -> Answers:
        num_rows = len(next(iter(inputs.values())))
        return joined_answers(
            [
                self._predictor.predict({name: value[start : start + _PART_ROWS] for name, value in inputs.items()})
                for start in range(0, num_rows, _PART_ROWS)
            ]
        )

    def _requested_outputs(self, request: InferRequest) -> list[str]:
        known = self._format.names
        if not request.request_outputs:
            return known
        names = [output.name for output in request.request_outputs]
        if len(set(names)) != len(names) or set(names) - set(known):
            raise ValueError(
                f"outputs must be different ones of {', '.join(known)}, got {[shown(name) for name in names[:5]]}"
            )
        return names

    @staticmethod
    def _checked(read: Callable[[Any], Any], given: Any) -> Any:
        try:
            return read(given)
        except ValueError as error:
            raise InvalidInput(str(error)) from error


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
