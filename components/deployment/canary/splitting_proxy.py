"""A small HTTP proxy on loopback that splits requests between two servers, and says in each answer which one it was."""

from collections.abc import Awaitable, Callable, MutableMapping
import logging
import random
import socket
import threading
import time
from types import TracebackType
from typing import Any, Literal

import httpx
import uvicorn

from components.shared.served_model.inference_client import LOOPBACK

Side = Literal["stable", "canary"]
Address = tuple[str, int]
SIDE_HEADER = "x-pluszero-side"
_TIMEOUT_S = 60.0
_START_S = 30.0
# Of one connection alone, and what uvicorn writes itself.
_NOT_FORWARDED = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}

_Message = MutableMapping[str, Any]


class SplittingProxy:
    """Sends each request to the canary with a chance of `percent` in a hundred, else to the stable server.

    Runs in a thread of its own while the block lasts. A server that cannot be reached is a 502 of its side.

    Parameters
    ----------
    stable, canary
        Where they listen: host and port.
    seed
        Of the choices.

    Attributes
    ----------
    percent
        The canary's share, 0 to 100; may be set at any time.
    port
        Where it listens, on loopback.
    """

    def __init__(self, *, stable: Address, canary: Address, seed: int = 0) -> None:
        self.percent = 0
        self._addresses: dict[Side, Address] = {"stable": stable, "canary": canary}
        self._random = random.Random(seed)
        self._socket = socket.socket()
        self._socket.bind((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(self._answer, interface="asgi3", lifespan="on", log_level="critical", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._client: httpx.AsyncClient | None = None
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request

    def __enter__(self) -> "SplittingProxy":
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError(f"the splitting proxy must listen within {_START_S:g} s, but does not")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def route(self, *, stable: Address, canary: Address) -> None:
        """Ask other servers from now on."""
        self._addresses = {"stable": stable, "canary": canary}

    async def _live(
        self, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
    ) -> None:
        """Open and close the client in the thread's own event loop."""
        await receive()
        # This machine's proxies are not asked.
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as self._client:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = await _body(receive)
        side: Side = "canary" if self._random.random() * 100 < self.percent else "stable"
        status, headers, content = await self._asked(side, scope, body)
        headers += [(SIDE_HEADER.encode(), side.encode()), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _asked(self, side: Side, scope: _Message, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        assert self._client is not None
        query = scope["query_string"].decode("latin-1")
        host, port = self._addresses[side]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}{scope['path']}{'?' + query if query else ''}"
        try:
            answer = await self._client.request(
                scope["method"], url, content=body, headers=_forwarded(scope["headers"])
            )
        except httpx.HTTPError as error:
            return 502, [], f"{type(error).__name__}: the {side} server cannot be reached".encode()
        return answer.status_code, _forwarded(answer.headers.raw), answer.content


async def _body(receive: Callable[[], Awaitable[_Message]]) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _forwarded(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.decode("latin-1").lower() not in _NOT_FORWARDED]
