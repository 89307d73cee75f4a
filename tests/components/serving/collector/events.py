"""Events as KServe's logger sends them."""

import base64
import json
from typing import Any

SERVICE = {"inferenceservicename": "fares", "namespace": "shop", "component": "predictor", "endpoint": "default"}
_TYPE = "org.kubeflow.serving.inference."


def headers(kind: str, name: str, **changed: str) -> dict[str, str]:
    """Headers of binary mode: a body is sent with the content type of the request, the answer's too."""
    named = {"specversion": "1.0", "id": name, "source": "http://localhost:9081/", "type": f"{_TYPE}{kind}"}
    given = {**named, "time": "2026-05-01T12:00:00.123456789Z", **SERVICE, **changed}
    return {**{f"ce-{key}": value for key, value in given.items()}, "content-type": "application/json"}


def structured(kind: str, name: str, data: bytes) -> tuple[dict[str, str], bytes]:
    """The same in structured mode."""
    binary = headers(kind, name)
    content: dict[str, Any] = {key[3:]: value for key, value in binary.items() if key.startswith("ce-")}
    content["data_base64"] = base64.b64encode(data).decode()
    return {"content-type": "application/cloudevents+json; charset=utf-8"}, json.dumps(content).encode()


def asked(*fares: float, **changed: Any) -> bytes:
    """A V1 request."""
    return json.dumps({"instances": [{"fare": fare, "phone": "010-1234-5678"} for fare in fares], **changed}).encode()


def answered(*labels: str, **changed: Any) -> bytes:
    """A V1 answer."""
    rows = [{"label": label, "probabilities": {"none": 0.25, "tip": 0.75}} for label in labels]
    return json.dumps({"predictions": rows, **changed}).encode()
