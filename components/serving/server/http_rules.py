"""What this server adds to KServe's HTTP application: a limit on bodies, and one shape for every refusal."""

from collections.abc import Awaitable, Callable, MutableMapping
import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

# Beside inference, whose bodies `rest_endpoint` bounds, nothing that KServe answers needs a body.
_MAX_BODY_BYTES = 1024 * 1024

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class BodyLimit:
    """ASGI middleware that answers 413 to a body above `max_bytes`, holding no more than that in memory.

    The answer comes at once; the rest of such a body is thrown away by the connection.
    """

    def __init__(self, app: App, *, max_bytes: int = _MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on a request whose body is within the limit, and answer the others."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chunks, num_bytes, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = message.get("body", b""), message.get("more_body", False)
            num_bytes += len(body)
            if num_bytes > self._max_bytes:
                refusal = _refusal(
                    413, f"the body must have at most {self._max_bytes:,} bytes, got {num_bytes:,} or more"
                )
                await refusal(scope, receive, send)
                return
            chunks.append(body)
        await self._app(scope, _replay(b"".join(chunks), receive), send)


def add_http_rules(app: FastAPI) -> None:
    """Give KServe's application the body limit and the handlers for requests that its framework refuses."""
    app.add_middleware(BodyLimit)
    app.add_exception_handler(HTTPException, _refuse_http)


def refusal_messages(status: int, sentence: str) -> tuple[Message, Message]:
    """The two ASGI messages of a refusal."""
    content = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    return {"type": "http.response.start", "status": status, "headers": headers}, {
        "type": "http.response.body",
        "body": content,
    }


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


def _refusal(status: int, reason: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": reason}, status_code=status, headers=headers)


async def _refuse_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _refusal(error.status_code, error.detail, error.headers)
