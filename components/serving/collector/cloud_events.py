"""The CloudEvents that KServe's logger sends: one for a request, one for its answer, both of the same id.

KServe (`pkg/logger`) sends binary mode, with the request's body as data, and the answer's where its status was 200; the
data's content type is the request's for both. Source: CloudEvents 1.0.2, HTTP protocol binding, sections 3.1 and 3.2.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, UTC
import hashlib
import json
import re
from typing import Any, Literal

from components.shared.contracts.releases import VERSION_ANNOTATION

HalfKind = Literal["request", "response"]
_KINDS: Mapping[str, HalfKind] = {
    "org.kubeflow.serving.inference.request": "request",
    "org.kubeflow.serving.inference.response": "response",
}
_STRUCTURED = "application/cloudevents+json"
_SERVICE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
# The metadata of a V2 model name its outputs, too, without these.
_TENSOR_DATA = (b'"data"', b'"binary_data_size"')
_NAMED = ("inferenceservicename", "namespace", "component", "endpoint")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedEvent:
    """One event: a request to a service, or its answer.

    Attributes
    ----------
    event_id, source
        What CloudEvents identify by; a request and its answer have the same.
    kind
        Which of the two it is.
    service, namespace, component, endpoint
        The InferenceService, and the part of it that answered.
    time_ns
        When the logger took it, in nanoseconds since 1970, UTC; None where it does not say.
    model_version
        The release's, where the logger is told to hand on the annotation that names it; else None.
    data
        The body.
    """

    event_id: str
    source: str
    kind: HalfKind
    service: str
    namespace: str
    component: str
    endpoint: str
    time_ns: int | None
    data: bytes
    model_version: str | None = None

    @property
    def is_of_a_prediction(self) -> bool:
        """Whether the body is of a prediction: KServe's logger hands on whatever passes it, health and metadata too.

        These are asked for without a body, and their answers hold neither `predictions` nor tensors with data.
        """
        if self.kind == "request":
            return bool(self.data.strip())
        has_tensors = b'"outputs"' in self.data and any(name in self.data for name in _TENSOR_DATA)
        return has_tensors or b'"predictions"' in self.data

    @property
    def pair(self) -> str:
        """The same for a request and its answer, and for no other event: 32 hexadecimal digits."""
        names = [self.event_id, self.source, self.service, self.namespace, self.component, self.endpoint]
        return hashlib.blake2b(json.dumps(names).encode(), digest_size=16).hexdigest()

    @property
    def key(self) -> bytes:
        """The same for an event that is sent again, and for no other: 17 bytes."""
        return bytes.fromhex(self.pair) + self.kind[2:3].encode()


def read_event(headers: Mapping[str, str], body: bytes) -> LoggedEvent:
    """Read an event in binary or structured mode.

    Parameters
    ----------
    headers
        Of the HTTP request, names in small letters.

    Raises
    ------
    ValueError
        If it is no CloudEvent of KServe's logger.
    """
    if headers.get("content-type", "").partition(";")[0].strip().casefold() == _STRUCTURED:
        attributes, data = _structured(body)
    else:
        attributes = {name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")}
        data = body
    for name in ("specversion", "id", "source", "type"):
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise ValueError(f"a CloudEvent must have the attribute {name}, a text that is not empty, but it lacks it")
    if not attributes["specversion"].startswith("1."):
        raise ValueError(f"the specversion of a CloudEvent must be 1.0, got {attributes['specversion'][:20]!r}")
    kind = _KINDS.get(attributes["type"])
    if kind is None:
        raise ValueError(f"the type of an event must be one of {', '.join(_KINDS)}, got {attributes['type'][:80]!r}")
    service, namespace, component, endpoint = (str(attributes.get(name) or "") for name in _NAMED)
    if not _SERVICE.fullmatch(service):
        raise ValueError(f"inferenceservicename must be the name of an InferenceService, got {service[:80]!r}")
    return LoggedEvent(
        event_id=attributes["id"],
        source=attributes["source"],
        kind=kind,
        service=service,
        namespace=namespace,
        component=component,
        endpoint=endpoint,
        time_ns=_time_ns(attributes.get("time")),
        data=data,
        model_version=_model_version(attributes.get("annotations")),
    )


def _structured(body: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("a CloudEvent in structured mode must be JSON") from error
    if not isinstance(content, dict):
        raise ValueError("a CloudEvent in structured mode must be a JSON object")
    if "data_base64" in content:
        try:
            return content, base64.b64decode(str(content["data_base64"]), validate=True)
        except ValueError as error:
            raise ValueError("data_base64 of a CloudEvent must be base64") from error
    data = content.get("data")
    return content, data.encode() if isinstance(data, str) else json.dumps(data).encode()


def _model_version(annotations: Any) -> str | None:
    """KServe writes the annotations that its `metadataAnnotations` name as a JSON object."""
    try:
        found = json.loads(annotations) if isinstance(annotations, str) else annotations
    except (ValueError, RecursionError):
        return None
    version = found.get(VERSION_ANNOTATION) if isinstance(found, dict) else None
    return version if isinstance(version, str) and version else None


def _time_ns(text: Any) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError(f"the time of a CloudEvent must be as in RFC 3339, got {str(text)[:40]!r}") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400_000_000 + delta.seconds * 1_000_000 + delta.microseconds) * 1000
