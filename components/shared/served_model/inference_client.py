"""A small client of the Open Inference Protocol over HTTP."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import http.client
import json
import math
import struct
import time
from typing import Any, NamedTuple

import numpy as np

LOOPBACK = "127.0.0.1"


class InferenceClientError(RuntimeError):
    """The server's answer is not what the protocol promises; the message says how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One HTTP answer.

    `content` is the JSON body, None where it is no JSON; `latency_s` runs from sending the request to reading the whole
    answer; `headers` have their names in small letters.
    """

    status: int
    content: Any
    latency_s: float
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why a request was refused; empty where the answer says nothing."""
        return str(self.content.get("error", "")) if isinstance(self.content, dict) else ""


class RequestBody(NamedTuple):
    """A request's body: JSON, after whose `json_length` bytes binary data follow where that is not None."""

    content: bytes
    json_length: int | None = None


class InferenceClient:
    """Sends V2 requests to one model, one at a time over one connection, past the environment's proxies.

    OSError or `http.client.HTTPException` where the server cannot be reached or does not answer within `timeout_s`.
    """

    def __init__(self, port: int, *, model_name: str, host: str = LOOPBACK, timeout_s: float = 60.0) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
        self._model_path = f"/v2/models/{model_name}"

    def __enter__(self) -> "InferenceClient":
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def is_ready(self) -> bool:
        """Whether the model answers that it is ready; False where nothing listens yet."""
        try:
            return self._exchange("GET", f"{self._model_path}/ready", None).status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            self._connection.close()

    def input_datatypes(self) -> dict[str, str]:
        """Names and datatypes of the model's inputs, from its metadata."""
        answer = self._exchange("GET", self._model_path, None)
        try:
            return {str(given["name"]): str(given["datatype"]) for given in answer.content["inputs"]}
        except (KeyError, TypeError) as error:
            raise InferenceClientError(f"the model's metadata must tell its inputs, but: {error!r}") from error

    def infer(self, body: RequestBody) -> Answer:
        """Send a request's body as it is."""
        headers = {"Content-Type": "application/json"}
        if body.json_length is not None:
            length = str(body.json_length)
            headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": length}
        return self._exchange("POST", f"{self._model_path}/infer", body.content, headers)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None = None) -> Answer:
        started = time.perf_counter()
        self._connection.request(method, path, body=body, headers=dict(headers or {}))
        response = self._connection.getresponse()
        data = response.read()
        latency_s = time.perf_counter() - started
        try:
            content = json.loads(data)
        except ValueError:
            content = None
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, content=content, latency_s=latency_s, headers=headers)


def example_request(row: Mapping[str, Any], datatypes: Mapping[str, str], *, is_repaired: bool = False) -> RequestBody:
    """Body of a V2 request for one example: bytes, text, a number or None (missing) for each of the model's inputs."""
    missing = [name for name in datatypes if name not in row]
    if missing:
        raise InferenceClientError(
            f"the examples must have the columns that the served model reads, but lack {', '.join(missing[:5])}"
        )
    tensors = [value_tensor(name, datatype, row[name]) for name, datatype in datatypes.items()]
    return tensors_request(tensors, is_repaired=is_repaired)


def value_tensor(name: str, datatype: str, value: Any, *, shape: Sequence[int] = (1,)) -> dict[str, Any]:
    """One input with one value as JSON has it: files in base64; missing text is empty, a missing number is null.

    An infinite number, which JSON does not have, stays one: `tensors_request` sends it in binary.
    """
    if isinstance(value, bytes):
        value = base64.b64encode(value).decode("ascii")
    elif value is None and datatype == "BYTES":
        value = ""
    elif isinstance(value, float) and math.isnan(value):
        value = None
    return {"name": name, "datatype": datatype, "shape": list(shape), "data": [value]}


def tensors_request(tensors: Sequence[Mapping[str, Any]], *, is_repaired: bool = False) -> RequestBody:
    """Body of a V2 request with inputs, right or wrong; `is_repaired` says that rows are as the model reads them."""
    parameters = {"parameters": {"repaired": True}} if is_repaired else {}
    inputs, raw = [], b""
    for tensor in tensors:
        if any(isinstance(value, float) and math.isinf(value) for value in tensor.get("data", ())):
            values = struct.pack(f"<{len(tensor['data'])}d", *tensor["data"])
            tensor = {name: value for name, value in tensor.items() if name != "data"}
            tensor |= {"datatype": "FP64", "parameters": {"binary_data_size": len(values)}}
            raw += values
        inputs.append(tensor)
    head = json.dumps({**parameters, "inputs": inputs}).encode()
    return RequestBody(head + raw, len(head) if raw else None)


def values_of(answer: Answer, *, output: str, count: int) -> np.ndarray:
    """The numbers of one output, shape (count,), float64, of an answer to a request for one example."""
    try:
        outputs = {output["name"]: output for output in answer.content["outputs"]}
        values = np.array(outputs[output]["data"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InferenceClientError(f"the server's answer must hold {output}, but: {error!r}") from error
    if values.shape != (count,):
        raise InferenceClientError(f"the server must answer {count} {output}, got {values.size}")
    return values
