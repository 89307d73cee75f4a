"""HTTP connections with an end: bounds on heads, on time, on what is thrown away, and on their number.

uvicorn's own protocol on httptools keeps a head of any size, and a message that never ends, for ever.
"""

import asyncio
from collections.abc import Callable
import json
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from components.serving.traffic.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES, TrafficLimits

# Under this key of the request's ASGI extensions lies its connection.
CONNECTION = "pluszero.connection"
_SLOWEST_BYTES_A_SECOND = 64 * 1024
_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def bounded_protocol(limits: TrafficLimits, refused: Callable[[str], None]) -> type[HttpToolsProtocol]:
    """The protocol class of a server with such limits; `refused` is told a short reason for each refusal."""

    class Bounded(BoundedProtocol):
        limits_of_server = limits
        on_refusal = staticmethod(refused)

    return Bounded


class BoundedServer(uvicorn.Server):
    """uvicorn's server that looks every second for connections that take too long."""

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: whether to end."""
        if counter % 10 == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.close_if_stalled()
        return await super().on_tick(counter)


class BoundedProtocol(HttpToolsProtocol):
    """One connection; `when_gone` is called once when its client hangs up before the answer."""

    limits_of_server = TrafficLimits()
    on_refusal: Callable[[str], None] = staticmethod(lambda reason: None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it where there are too many."""
        self.when_gone: Callable[[], Any] | None = None
        self._in_head, self._head_bytes = False, 0
        self._message_bytes, self._thrown_away_bytes = 0, 0
        self._waits_since: float | None = self.loop.time()
        super().connection_made(transport)
        if len(self.connections) > self.limits_of_server.max_connections:
            self._refuse(503, "connections", "the server has too many connections: try again later")

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless its head is too long."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "head_size", f"the request's head must have at most {MAX_HEAD_BYTES:,} bytes")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever works for this client."""
        super().connection_lost(exc)
        gone, self.when_gone = self.when_gone, None
        if gone is not None:
            gone()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._message_bytes = True, 0, 0
        self._waits_since = self.loop.time()
        self.scope["extensions"] = {CONNECTION: self}  # type: ignore[typeddict-item, dict-item]

    def on_headers_complete(self) -> None:
        """A head ends."""
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body; what nobody reads any more is thrown away, but not for ever."""
        self._message_bytes += len(body)
        if self.cycle.response_complete:
            self._thrown_away_bytes += len(body)
            if self._thrown_away_bytes > 2 * MAX_BODY_BYTES:
                self.transport.close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A message ends: its client is listened to from now on, to hear it hang up."""
        super().on_message_complete()
        self._waits_since, self._thrown_away_bytes = None, 0
        if not self.pipeline:
            self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(400, "not_http", "the request must be HTTP/1.1")

    def close_if_stalled(self) -> None:
        """Close the connection where a message takes too long to come; called now and then."""
        if self._waits_since is None or self.transport.is_closing():
            return
        allowed_s = self.limits_of_server.receive_timeout_s + self._message_bytes / _SLOWEST_BYTES_A_SECOND
        if self.loop.time() - self._waits_since > allowed_s:
            if self._may_be_told():
                self._refuse(408, "slow_client", "the request did not come in time")
            else:
                self.transport.close()

    def _may_be_told(self) -> bool:
        """Whether an answer is due: a request has begun, and no answer to it or to the one before has."""
        if self.cycle is None:
            return self._in_head
        return self.cycle.response_complete if self._in_head else not self.cycle.response_started

    def _refuse(self, status: int, reason: str, sentence: str) -> None:
        content = json.dumps({"error": sentence}).encode()
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        type(self).on_refusal(reason)
        self.transport.write(head.encode("ascii") + content)
        self.transport.close()
