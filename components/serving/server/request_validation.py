"""Strict decoding between KServe's protocols and the model: every malformed request becomes `InvalidInput`, a 400.

KServe's own decoding answers 500 where a field is missing, takes binary tensors for UTF-8 text, and reads V1 JSON only
under some content types.
"""

from collections.abc import Mapping
import json
import math
from typing import Any

from cloudevents.sdk.converters.util import has_binary_headers
from kserve.constants.constants import INFERENCE_CONTENT_LENGTH_HEADER, PredictorProtocol
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.infer_type import InferRequest
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.v2_datamodels import InferenceRequest
import orjson

from components.serving.server.v2_decoding import v2_request

# A value of JSON may take a hundred bytes of memory for its two characters.
MAX_JSON_VALUES = 5_000_000
_SEPARATORS = (b",", b"[", b"{")


class BundleDataPlane(DataPlane):
    """KServe's data plane with strict decoding; not ready where it is `draining`."""

    draining = False

    async def ready(self) -> bool:
        """Whether the server wants requests."""
        return not self.draining

    async def model_ready(self, model_name: str, disable_predictor_health_check: bool = False) -> bool:
        """Whether a model wants requests; `ModelNotFound` where there is none of that name."""
        return await super().model_ready(model_name, disable_predictor_health_check) and not self.draining

    def metadata(self) -> dict[str, Any]:
        """Server metadata: name, version and the extensions that this server has."""
        return {**super().metadata(), "extensions": ["binary_tensor_data"]}

    def decode(
        self,
        body: Any,
        headers: dict[str, str],
        protocol_version: str = PredictorProtocol.REST_V1.value,
        model_name: str | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Body of a REST request as a V1 dictionary or a V2 request; `InvalidInput` where it is neither."""
        is_v1 = protocol_version == PredictorProtocol.REST_V1.value
        try:
            if is_v1 and isinstance(body, bytes) and not has_binary_headers(headers):
                body = _json(body)
            return super().decode(body, headers, protocol_version, model_name)
        except InvalidInput:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"the request cannot be read: {error}") from error

    def decode_inference_request(
        self, body: bytes | InferenceRequest, headers: dict[str, str], model_name: str
    ) -> InferRequest:
        """V2 request from parsed JSON, or from bytes whose tensors may follow the JSON in binary."""
        if isinstance(body, bytes):
            return _request_from_bytes(body, headers, model_name)
        return InferRequest.from_inference_request(body, model_name)


class FixedRepository(ModelRepositoryExtension):
    """Refuses to load or unload over the network: this server holds one bundle, checked before it started."""

    async def load(self, model_name: str) -> None:
        """Refuse."""
        raise InvalidInput("this server serves one bundle, which must not be loaded over the network")

    async def unload(self, model_name: str) -> None:
        """Refuse."""
        raise InvalidInput("this server serves one bundle, which must not be unloaded over the network")


def _json(data: bytes) -> Any:
    if not data:
        raise InvalidInput("the request must have a body, got an empty one")
    if len(data) > MAX_JSON_VALUES and (count := sum(map(data.count, _SEPARATORS))) > MAX_JSON_VALUES:
        raise InvalidInput(
            f"the request's JSON must hold at most {MAX_JSON_VALUES:,} values, got {count:,}: send binary tensors, or "
            "several requests"
        )
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the request must be JSON: {error}") from error


def _json_with_nan(data: bytes) -> Any:
    """JSON that may hold NaN, as clients write a missing number; infinite ones are refused."""
    try:
        return _json(data)
    except InvalidInput as error:
        if not data or not isinstance(error.__cause__, orjson.JSONDecodeError):
            raise
        try:
            return json.loads(data, parse_constant=_only_nan)
        except (ValueError, RecursionError):
            raise error from None


def _only_nan(name: str) -> float:
    if name != "NaN":
        raise ValueError(name)
    return math.nan


def _request_from_bytes(body: bytes, headers: Mapping[str, str], model_name: str) -> InferRequest:
    json_length = _json_length(headers, len(body))
    content = _json_with_nan(body[:json_length])
    tensors = content.get("inputs") if isinstance(content, dict) else None
    raws: dict[int, bytes] = {}
    offset = json_length
    for index, tensor in enumerate(tensors if isinstance(tensors, list) else []):
        size = _binary_size(tensor)
        if size is None:
            continue
        if size > len(body) - offset:
            raise InvalidInput(f"binary_data_size must fit the body, got {size} of {len(body) - offset} bytes left")
        raws[index] = body[offset : offset + size]
        tensor["data"] = []
        offset += size
    if offset != len(body):
        raise InvalidInput(f"the body must end with the inputs' binary data, but {len(body) - offset} bytes are left")
    request = v2_request(content, model_name)
    for index, raw in raws.items():
        request.inputs[index]._raw_data = raw  # where KServe itself keeps the binary data of gRPC requests
    return request


def _json_length(headers: Mapping[str, str], body_length: int) -> int:
    text = headers.get(INFERENCE_CONTENT_LENGTH_HEADER, str(body_length))
    if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) > body_length:
        raise InvalidInput(f"Inference-Header-Content-Length must be 0 to {body_length}, got {text[:20]!r}")
    return int(text)


def _binary_size(tensor: Any) -> int | None:
    parameters = tensor.get("parameters") if isinstance(tensor, dict) and "data" not in tensor else None
    if not isinstance(parameters, dict) or "binary_data_size" not in parameters:
        return None
    size = parameters["binary_data_size"]
    if type(size) is not int or size < 0:
        raise InvalidInput(f"binary_data_size must be a whole number of 0 or more, got {str(size)[:20]!r}")
    return size
