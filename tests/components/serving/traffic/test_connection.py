import asyncio
import contextlib
import json

import pytest
import uvicorn

from components.serving.traffic.connection import bounded_protocol, BoundedProtocol, CONNECTION
from components.serving.traffic.limits import MAX_HEAD_BYTES, TrafficLimits

GOOD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Server(uvicorn.Server):
    """Looks for stalled connections at every tick."""

    async def on_tick(self, counter: int) -> bool:
        for connection in list(self.server_state.connections):
            assert isinstance(connection, BoundedProtocol)
            connection.close_if_stalled()
        return await super().on_tick(counter)


@contextlib.asynccontextmanager
async def running(app=None, **limits):
    """The port of a server of `app`, and the reasons for which it refused."""
    refused: list[str] = []
    config = uvicorn.Config(
        app or answering,
        port=0,
        http=bounded_protocol(TrafficLimits(**limits), refused.append),
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1], refused
    finally:
        server.should_exit = True
        await task


async def answering(scope, receive, send):
    while (await receive()).get("more_body"):
        continue
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def exchanged(port: int, *parts: bytes) -> bytes:
    """What comes until the server closes, or an answer of 200 is there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        while chunk := await asyncio.wait_for(reader.read(65536), 10):
            found += chunk
            if found.endswith(b"ok"):
                break
    writer.close()
    return found


def told(answer: bytes) -> str:
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def run(test) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_good_request_is_answered():
    async def test():
        async with running() as (port, refused):
            assert (await exchanged(port, GOOD)).startswith(b"HTTP/1.1 200")
            assert refused == []

    run(test)


@pytest.mark.parametrize("header", [b"X-One: ", b"X-Many: 1\r\n" * 40_000], ids=["one long header", "many headers"])
def test_a_head_of_any_size_is_not_kept(header):
    async def test():
        async with running() as (port, refused):
            answer = await exchanged(port, b"GET / HTTP/1.1\r\n" + header, *[b"a" * 100_000] * 30)
            assert answer.startswith(b"HTTP/1.1 431")
            assert f"at most {MAX_HEAD_BYTES:,} bytes" in told(answer)
            assert refused == ["head_size"]
            assert (await exchanged(port, GOOD)).startswith(b"HTTP/1.1 200")

    run(test)


@pytest.mark.parametrize(
    "begun",
    [
        b"GET / HTTP/1.1\r\nHost",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    ],
    ids=["head", "body", "no body"],
)
def test_a_request_that_is_never_ended_is_closed(begun):
    async def test():
        async with running(receive_timeout_s=0.2) as (port, refused):
            answer = await exchanged(port, begun)
            assert answer.startswith(b"HTTP/1.1 408")
            assert refused == ["slow_client"]

    run(test)


def test_a_body_that_never_ends_after_its_answer_gets_no_second_one():
    async def refusing(scope, receive, send):
        await send({"type": "http.response.start", "status": 429, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"no"})

    async def test():
        async with running(refusing, receive_timeout_s=0.2) as (port, refused):
            answer = await exchanged(port, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")
            assert answer.count(b"HTTP/1.1") == 1
            assert answer.startswith(b"HTTP/1.1 429")
            assert refused == []

    run(test)


def test_a_connection_on_which_nothing_comes_is_closed_without_a_word():
    async def test():
        async with running(receive_timeout_s=0.2) as (port, _):
            assert await exchanged(port) == b""

    run(test)


def test_a_connection_is_kept_for_the_next_request():
    async def test():
        async with running(receive_timeout_s=0.2) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):
                writer.write(GOOD)
                assert b"ok" in await reader.readuntil(b"ok")
                await asyncio.sleep(0.6)  # longer than a request may take: nothing has begun
            writer.close()

    run(test)


def test_what_is_no_http_is_told_so():
    async def test():
        async with running() as (port, refused):
            answer = await exchanged(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400")
            assert "HTTP/1.1" in told(answer)
            assert refused == ["not_http"]

    run(test)


def test_there_are_only_so_many_connections():
    async def test():
        async with running(max_connections=2) as (port, refused):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await asyncio.sleep(0.1)
            assert (await exchanged(port)).startswith(b"HTTP/1.1 503")
            assert refused == ["connections"]
            held[0][1].close()
            await asyncio.sleep(0.1)
            assert (await exchanged(port, GOOD)).startswith(b"HTTP/1.1 200")
            held[1][1].close()

    run(test)


def test_a_body_without_end_after_the_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr("components.serving.traffic.connection.MAX_BODY_BYTES", 1 << 20)

    async def refusing(scope, receive, send):
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"no"})

    async def test():
        async with running(refusing) as (port, _):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 200 << 20:
                    writer.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
                    await writer.drain()
                    sent += 0x10000
            assert sent < 200 << 20
            writer.close()

    run(test)


def test_work_for_a_client_that_hangs_up_is_told_so():
    gone = asyncio.Event()

    async def waiting(scope, receive, send):
        while (await receive()).get("more_body"):
            continue
        scope["extensions"][CONNECTION].when_gone = gone.set
        await gone.wait()

    async def test():
        async with running(waiting) as (port, _):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            body = b"a" * 500_000  # more than is read ahead of the application
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            await asyncio.sleep(0.2)
            assert not gone.is_set()
            writer.close()
            await asyncio.wait_for(gone.wait(), 10)

    run(test)
