"""The server under more than it can do: bursts whose clients hang up, five times the sustainable rate, and its end.

    python -m benchmarks.serving_overload burst
    python -m benchmarks.serving_overload rate --seconds 60
    python -m benchmarks.serving_overload drain --repeats 20

`burst`: 200 photos of 1.2 MB and 100 of 10 MB at once, whose clients hang up; printed are how long a small request
takes afterwards and the server's peak memory. `rate`: clients that send five times what the server can do, whatever it
answers; printed is the goodput beside what it does for clients that wait. `drain`: SIGTERM under load, again and again;
printed is how many accepted requests failed. The server has one core, the clients the other.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
import contextlib
import io
import json
import os
from pathlib import Path
import signal
import subprocess
import tempfile
import time
from typing import Annotated

import numpy as np
from PIL import Image
import psutil
import typer

from benchmarks.http_load import answer_status, closed_loop, raw_request
from benchmarks.serving import CLIENT_CORE, prefixed, server, write_model, write_release

app = typer.Typer(add_completion=False)
PATH = "/v2/models/model/infer"


@app.command()
def burst(model: Annotated[str, typer.Option(help="photos or digits.")] = "photos") -> None:
    """Bursts whose clients hang up, then a small request."""
    with _running(model) as (child, port):
        small = photo_request(80)
        asyncio.run(closed_loop(port, [small], clients=1, seconds=2))
        alone_s = min(asyncio.run(_timed(port, small)) for _ in range(5))
        before = psutil.Process(child.pid).memory_info().rss
        for count, num_bytes in ((200, 1_200_000), (100, 10_000_000)):
            asyncio.run(_burst(port, photo_request(num_bytes), count))
            after_s = asyncio.run(_timed(port, small))
            peak = (
                int(
                    next(
                        line
                        for line in Path(f"/proc/{child.pid}/status").read_text().splitlines()
                        if line.startswith("VmHWM")
                    ).split()[1]
                )
                * 1024
            )
            typer.echo(
                f"{count} x {num_bytes:,} bytes: the next small request took {after_s:.3f} s (alone {alone_s:.3f} s); "
                f"memory before {before / 1e6:,.0f} MB, peak {peak / 1e6:,.0f} MB"
            )


@app.command()
def rate(
    model: Annotated[str, typer.Option(help="photos or digits.")] = "photos",
    seconds: Annotated[float, typer.Option(help="Seconds of overload.")] = 60.0,
    times: Annotated[float, typer.Option(help="Times the sustainable rate.")] = 5.0,
) -> None:
    """More than the server can do."""
    with _running(model) as (_, port):
        request = photo_request(100_000)
        sustainable = asyncio.run(closed_loop(port, [request], clients=16, seconds=max(5.0, seconds / 6))).rate
        statuses, wall_s = asyncio.run(_open_loop(port, request, rate=times * sustainable, seconds=seconds))
        goodput = statuses[200] / wall_s
        typer.echo(f"sustainable {sustainable:.1f} a second, asked {times * sustainable:.1f}, goodput {goodput:.1f}")
        typer.echo(f"goodput / sustainable: {goodput / sustainable:.2f}; by status: {dict(statuses)}")


@app.command()
def drain(
    model: Annotated[str, typer.Option(help="photos or digits.")] = "digits",
    repeats: Annotated[int, typer.Option(help="How often.")] = 20,
) -> None:
    """SIGTERM under load."""
    total: Counter[str] = Counter()
    for repeat in range(repeats):
        with _running(model, "--drain-seconds", "1") as (child, port):
            total += asyncio.run(_until_ended(port, child, clients=32 if repeat % 2 else 4))
    typer.echo(f"{repeats} times SIGTERM: {dict(total)}")


async def _burst(port: int, request: bytes, count: int) -> None:
    async def client() -> None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(writer.drain(), 10)
            writer.transport.abort()

    await asyncio.gather(*(client() for _ in range(count)))


async def _timed(port: int, request: bytes) -> float:
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    status = await answer_status(reader)
    writer.close()
    if status != 200:
        raise RuntimeError(f"the small request was answered with {status}")
    return time.perf_counter() - began


async def _open_loop(port: int, request: bytes, *, rate: float, seconds: float) -> tuple[Counter[int], float]:
    """A request every 1 / `rate` seconds, each on a connection that is free or a new one, as far as the core can."""
    statuses: Counter[int] = Counter()
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def one() -> None:
        try:
            reader, writer = free.pop() if free else await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        except OSError:
            statuses[0] += 1
            return
        try:
            writer.write(request)
            statuses[await answer_status(reader)] += 1
            free.append((reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            statuses[0] += 1

    began, tasks, sent = time.perf_counter(), set(), 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            task = asyncio.create_task(one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    for _, writer in free:
        writer.close()
    return statuses, time.perf_counter() - began


async def _until_ended(port: int, child: subprocess.Popen[bytes], *, clients: int) -> Counter[str]:
    """Clients on kept-alive connections through a SIGTERM: how their requests ended."""
    found: Counter[str] = Counter()
    request = photo_request(3_000)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        with contextlib.closing(writer):
            while True:
                try:
                    writer.write(request)
                    head = await reader.readuntil(b"\r\n\r\n")
                except (OSError, asyncio.IncompleteReadError):
                    found["cut"] += 1
                    return
                found[head[9:12].decode()] += 1
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                if b"connection: close" in head.lower():
                    found["told to close"] += 1
                    return

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    await asyncio.sleep(1.0)
    child.send_signal(signal.SIGTERM)
    await asyncio.gather(*tasks)
    await asyncio.to_thread(child.wait, 60)
    found[f"exit {child.returncode}"] += 1
    return found


@contextlib.contextmanager
def _running(model: str, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        with tempfile.TemporaryDirectory() as scratch:
            write_model(Path(scratch) / "model", model)
            write_release(Path(scratch) / "model", Path(scratch) / "release")
            with server("ours", Path(scratch), *options) as running:
                yield running
    finally:
        os.sched_setaffinity(0, before)


def photo_request(num_bytes: int) -> bytes:
    """A photo as a file of about so many bytes, in binary."""
    rng = np.random.default_rng(1)
    side = max(8, int((num_bytes / 3) ** 0.5))
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (side, side, 3)).astype(np.uint8)).save(buffer, "PNG", compress_level=0)
    return raw_request(*_binary(buffer.getvalue()))


def _binary(content: bytes) -> tuple[str, bytes, list[tuple[str, str]]]:
    raw = prefixed(content)
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    return (
        PATH,
        head + raw,
        [("Inference-Header-Content-Length", str(len(head))), ("Content-Type", "application/octet-stream")],
    )


if __name__ == "__main__":
    app()
