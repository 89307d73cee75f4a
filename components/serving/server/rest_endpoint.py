"""The inference endpoints over REST, before KServe's application: nothing of a request is read before it is admitted.

KServe's own endpoints parse a body in the event loop, where it holds up every other request and grows to many times its
size; here its bytes wait until the computing thread takes them up. All other paths are KServe's.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
import logging
import re
import time
from typing import Any
from urllib.parse import parse_qs

from kserve import InferResponse
from kserve.constants.constants import PredictorProtocol
from kserve.errors import InvalidInput, ModelNotFound
from kserve.protocol.dataplane import DataPlane
import orjson

from components.serving.server.bundle_model import BundleModel
from components.serving.server.exchange import Exchange, new_request_id, REQUEST_ID_HEADER
from components.serving.server.http_rules import App, Message, Receive, refusal_messages, Send
from components.serving.traffic.admission import Admission, RefusedError
from components.serving.traffic.connection import BoundedProtocol, CONNECTION
from components.serving.traffic.limits import MAX_BODY_BYTES
from components.serving.traffic.metrics import refused_without_model
from components.serving.traffic.observer import CLIENT_GONE, Ended
from components.serving.traffic.reading_turns import FREE_BYTES, ReadingTurns
from components.serving.traffic.ticket import Ticket

logger = logging.getLogger("kserve")

V1, V2 = PredictorProtocol.REST_V1.value, PredictorProtocol.REST_V2.value
_V1_PATH = re.compile(r"/v1/models/([^/]+):predict")
_V2_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
_OF_PREFIX = {"/v1/": V1, "/v2/": V2}  # the protocol of a path that is none of them
_OF_MODEL = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/ready)?")


class _ClientGoneError(Exception):
    """The client hung up."""


class _TooLargeError(Exception):
    """A body above the limit."""


@dataclass(slots=True)
class _Progress:
    """What is known of a request so far."""

    began: float
    request_id: str
    protocol: str
    received_bytes: int = 0
    received: float | None = None
    admission: Admission | None = None
    exchange: Exchange | None = None
    ticket: Ticket | None = None


@dataclass(slots=True)
class _Answer:
    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None


class InferenceEndpoints:
    """The ASGI application: inference here, the rest by `app`."""

    def __init__(self, app: App, dataplane: DataPlane) -> None:
        self._app, self._dataplane = app, dataplane
        self._turns = ReadingTurns()
        self.draining = False
        self.start_page: bytes | None = None  # what a browser gets at `/`

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        found = _V1_PATH.fullmatch(path) or _V2_PATH.fullmatch(path) if scope["method"] == "POST" else None
        if found is None:
            await self._others(scope, receive, send)
            return
        model = self._model(found[1])
        versions = _versions(found[2], scope) if found.re is _V2_PATH else set()
        if model is None:
            refused_without_model(V1 if found.re is _V1_PATH else V2, 404)
            for message in refusal_messages(404, str(ModelNotFound(found[1]))):
                await send(message)
        elif others := versions - {model.version}:
            await self._refuse_version(model, min(others), send)
        else:
            await self._infer(model, V1 if found.re is _V1_PATH else V2, scope, receive, send)

    async def _others(self, scope: Message, receive: Receive, send: Send) -> None:
        if self.start_page is not None and scope["path"] == "/" and _wants_html(scope):
            headers = _raw_headers(self.start_page, {"content-type": "text/html; charset=utf-8"})
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": self.start_page})
            return
        found = _OF_MODEL.fullmatch(scope["path"])
        model = self._model(found[1]) if found is not None else None
        if found is not None and model is not None and (versions := _versions(found[2], scope)):
            if others := versions - {model.version}:
                await self._refuse_version(model, min(others), send)
                return
            scope = {**scope, "path": f"/v2/models/{found[1]}{found[3] or ''}", "query_string": b""}
        await self._app(scope, receive, _counted_refusals(scope["path"], send))

    def _model(self, name: str) -> BundleModel | None:
        model = self._dataplane.model_registry.get_model(name)
        return model if isinstance(model, BundleModel) else None

    async def _refuse_version(self, model: BundleModel, version: str, send: Send) -> None:
        model.observer.metrics.answered(V2, 404)
        sentence = f"the version of {model.name} must be {model.version}, which this server has, got {version[:64]!r}"
        for message in refusal_messages(404, sentence):
            await send(message)

    async def _infer(self, model: BundleModel, protocol: str, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        progress = _Progress(began=time.monotonic(), request_id=new_request_id(headers), protocol=protocol)
        try:
            answer = await self._answered(model, progress, headers, scope, receive)
        except (_ClientGoneError, asyncio.CancelledError) as error:
            _note(model, progress, status=CLIENT_GONE, reason="client_gone")
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            return
        except Exception as error:
            answer = self._refusal(model, error)
        finally:
            if progress.admission is not None:
                progress.admission.release()
        request_id = progress.request_id if progress.exchange is None else progress.exchange.request_id
        more = {**answer.headers}
        if request_id.isascii():  # another is in the body alone
            more[REQUEST_ID_HEADER] = request_id
        if self.draining:
            more["connection"] = "close"
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": _raw_headers(answer.content, more)}
        )
        await send({"type": "http.response.body", "body": answer.content})
        _note(model, progress, status=answer.status, reason=answer.reason, sent_bytes=len(answer.content))

    async def _answered(
        self, model: BundleModel, progress: _Progress, headers: dict[str, str], scope: Message, receive: Receive
    ) -> _Answer:
        announced = int(headers.get("content-length", 0))
        if announced > MAX_BODY_BYTES:
            raise _TooLargeError(f"{announced:,}")
        progress.admission = model.traffic.gate.admit(announced)
        body = await self._body(receive, progress)
        progress.received = time.monotonic()
        more: dict[str, str] = {}
        event: dict[str, Any] = {}  # the attributes of a CloudEvent, which its answer needs

        def decoded() -> Any:
            payload, attributes = self._dataplane.decode(body, headers, progress.protocol, model.name)
            event.update(attributes)
            return payload

        def encoded(answer: Any) -> bytes:
            content, found = self._dataplane.encode(model.name, answer, headers, event)
            return _content(content, found, more, is_v2=isinstance(answer, InferResponse))

        progress.exchange = Exchange(
            model,
            decode=decoded,
            encode=encoded,
            num_bytes=len(body),
            request_id=progress.request_id,
        )
        progress.ticket = model.submit(progress.exchange)
        connection = scope.get("extensions", {}).get(CONNECTION)
        if isinstance(connection, BoundedProtocol):
            connection.when_gone = progress.ticket.answer.cancel
        try:
            content = await progress.ticket.answer
        finally:
            if isinstance(connection, BoundedProtocol):
                connection.when_gone = None  # an idle connection keeps nothing of its last request
        return _Answer(200, content, more)

    async def _body(self, receive: Receive, progress: _Progress) -> bytes:
        chunks: list[bytes] = []
        more = True
        while more:
            if progress.received_bytes > FREE_BYTES:
                await self._turns.turn()
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGoneError
            chunk, more = message.get("body", b""), message.get("more_body", False)
            progress.received_bytes += len(chunk)
            if progress.received_bytes > MAX_BODY_BYTES:
                raise _TooLargeError(f"{progress.received_bytes:,} or more")
            assert progress.admission is not None
            progress.admission.grow(progress.received_bytes)
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _refusal(self, model: BundleModel, error: Exception) -> _Answer:
        more: dict[str, str] = {}
        if isinstance(error, RefusedError):
            refusal = error.refusal
            status, sentence, reason = refusal.status, refusal.sentence, refusal.reason
            more["retry-after"] = str(refusal.retry_after_s)
            model.observer.refused(sentence)
        elif isinstance(error, _TooLargeError):
            status, reason = 413, "body_size"
            sentence = f"the body must have at most {MAX_BODY_BYTES:,} bytes, got {error}"
            model.observer.refused(sentence)
        elif isinstance(error, InvalidInput):
            status, sentence, reason = 400, str(error), "invalid"
            logger.warning("a request", exc_info=error)
        else:
            status, sentence, reason = 500, "the server failed on this request, its log says why", "fault"
            logger.error("a request", exc_info=error)
        return _Answer(status, orjson.dumps({"error": sentence}), more, reason)


def _versions(in_path: str | None, scope: Message) -> set[str]:
    """Versions that a request asks for: in its path, or in its query as `model_version`."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return {version for version in (in_path, *query.get("model_version", ())) if version is not None}


def _content(content: Any, found: Mapping[str, str], more: dict[str, str], *, is_v2: bool) -> bytes:
    more.update({key: value for key, value in found.items() if key != "content-length"})
    if isinstance(content, bytes):
        more.setdefault("content-type", "application/octet-stream" if is_v2 else "application/json")
        return content
    return content.encode() if isinstance(content, str) else orjson.dumps(content)


def _counted_refusals(path: str, send: Send) -> Send:
    """A `send` that counts what KServe's application refuses."""

    async def counted(message: Message) -> None:
        if message["type"] == "http.response.start" and 400 <= message["status"] < 500:
            refused_without_model(_OF_PREFIX.get(path[:4], "http"), message["status"])
        await send(message)

    return counted


def _wants_html(scope: Message) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _raw_headers(content: bytes, more: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    headers = {"content-type": "application/json", **more, "content-length": str(len(content))}
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _note(model: BundleModel, progress: _Progress, *, status: int, reason: str | None, sent_bytes: int = 0) -> None:
    now = time.monotonic()
    model.observer.ended(
        Ended(
            request_id=progress.request_id if progress.exchange is None else progress.exchange.request_id,
            protocol=progress.protocol,
            status=status,
            received_bytes=progress.received_bytes,
            sent_bytes=sent_bytes,
            receive_s=(progress.received or now) - progress.began,
            total_s=now - progress.began,
            timing=None if progress.ticket is None else progress.ticket.timing,
            reason=reason,
        )
    )
