"""A small client of the Open Inference Protocol over HTTP, for a server on loopback."""

import base64
from dataclasses import dataclass
import http.client
import json
import time
from typing import Any

import numpy as np

from components.serving.payloads import INPUT_NAME

LOOPBACK = "127.0.0.1"


class InferenceClientError(RuntimeError):
    """The server's answer is not what the protocol promises; the message says how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One HTTP answer.

    Attributes
    ----------
    status
        HTTP status code.
    content
        The JSON body; None where it is no JSON.
    latency_s
        From sending the request to reading the whole answer, seconds.
    """

    status: int
    content: Any
    latency_s: float

    @property
    def reason(self) -> str:
        """Why a request was refused; empty where the answer says nothing."""
        return str(self.content.get("error", "")) if isinstance(self.content, dict) else ""


class InferenceClient:
    """Sends V2 requests to one model, one at a time over one connection; proxies of the environment do not matter.

    Parameters
    ----------
    port
        The server's HTTP port on loopback.
    model_name
        The model's name.
    timeout_s
        How long to wait for an answer, seconds.
    """

    def __init__(self, port: int, *, model_name: str, timeout_s: float = 60.0) -> None:
        self._connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_s)
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

    def infer(self, body: bytes) -> Answer:
        """Send the body of an inference request as it is.

        Raises
        ------
        OSError, http.client.HTTPException
            If the server cannot be reached or does not answer in time.
        """
        return self._exchange("POST", f"{self._model_path}/infer", body)

    def _exchange(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        started = time.perf_counter()
        self._connection.request(method, path, body=body, headers=headers)
        response = self._connection.getresponse()
        data = response.read()
        latency_s = time.perf_counter() - started
        try:
            content = json.loads(data)
        except ValueError:
            content = None
        return Answer(status=response.status, content=content, latency_s=latency_s)


def image_request(data: bytes) -> bytes:
    """Body of a V2 request for one encoded image."""
    return bytes_request(base64.b64encode(data).decode("ascii"))


def bytes_request(text: str, *, shape: tuple[int, ...] = (1,)) -> bytes:
    """Body of a V2 request with one BYTES value, right or wrong."""
    tensor = {"name": INPUT_NAME, "datatype": "BYTES", "shape": list(shape), "data": [text]}
    return json.dumps({"inputs": [tensor]}).encode()


def probabilities_of(answer: Answer, *, num_classes: int) -> np.ndarray:
    """Probabilities of an answer to a request for one image.

    Parameters
    ----------
    answer
        The server's answer.
    num_classes
        K.

    Returns
    -------
    np.ndarray
        Shape (K,), float64.

    Raises
    ------
    InferenceClientError
        If the server refused, or the answer has no such output.
    """
    if answer.status != 200:
        raise InferenceClientError(f"the server answered {answer.status}: {answer.reason or 'no reason given'}")
    try:
        outputs = {output["name"]: output for output in answer.content["outputs"]}
        values = np.array(outputs["probabilities"]["data"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InferenceClientError(f"the server's answer must hold probabilities, but: {error!r}") from error
    if values.shape != (num_classes,):
        raise InferenceClientError(f"the server must answer {num_classes} probabilities, got {values.size}")
    return values
