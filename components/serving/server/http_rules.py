"""What this server adds to KServe's HTTP application: a limit on bodies, and one shape for every refusal."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from components.serving.server.request_validation import mistake_of

MAX_BODY_BYTES = 64 * 1024 * 1024

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]


class BodyLimit:
    """ASGI middleware that answers 413 to a body above `max_bytes`, holding no more than that in memory.

    A body that is too large is read to its end and dropped, so that the client sees the answer and not a reset
    connection.
    """

    def __init__(self, app: _App, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
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
            if num_bytes <= self._max_bytes:
                chunks.append(body)
            else:
                chunks.clear()
        if num_bytes > self._max_bytes:
            refusal = _refusal(413, f"the body must have at most {self._max_bytes:,} bytes, got {num_bytes:,}")
            await refusal(scope, receive, send)
            return
        await self._app(scope, _replay(b"".join(chunks), receive), send)


def add_http_rules(app: FastAPI) -> None:
    """Give KServe's application the body limit and the handlers for requests that its framework refuses."""
    app.add_middleware(BodyLimit)
    app.add_exception_handler(RequestValidationError, _refuse_invalid)
    app.add_exception_handler(HTTPException, _refuse_http)


def _replay(body: bytes, receive: _Receive) -> _Receive:
    pending: list[_Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> _Message:
        return pending.pop() if pending else await receive()

    return replayed


def _refusal(status: int, reason: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": reason}, status_code=status, headers=headers)


async def _refuse_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _refusal(400, mistake_of(error.errors()[0]))


async def _refuse_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _refusal(error.status_code, error.detail, error.headers)
