"""A closed loop of HTTP clients on one core: each sends its next request when the last one is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
import itertools
import json
import os
from pathlib import Path
import sys
import time

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What was measured: answers of status 200, also a second, latencies in ms, and answers of other statuses."""

    num_answered: int
    rate: float
    p50_ms: float
    p99_ms: float
    num_other: int


def raw_request(path: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A POST request as bytes, on a connection that stays open."""
    given = {"Host": "127.0.0.1", "Content-Type": "application/json", **dict(headers), "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def closed_loop(port: int, requests: Sequence[bytes], *, clients: int, seconds: float) -> Load:
    """Ask with so many clients for so long; each goes through the requests from a place of its own."""
    latencies: list[float] = []
    other = 0
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal other
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        place = number
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(requests[place % len(requests)])
            status = await answer_status(reader)
            place += clients
            if status == 200:
                latencies.append(time.perf_counter() - began)
            else:
                other += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    wall_s = time.perf_counter() - began
    found = np.array(latencies or [np.nan]) * 1000
    return Load(
        num_answered=len(latencies),
        rate=len(latencies) / wall_s,
        p50_ms=float(np.quantile(found, 0.5)),
        p99_ms=float(np.quantile(found, 0.99)),
        num_other=other,
    )


async def answer_status(reader: asyncio.StreamReader) -> int:
    """Status of an answer, read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    _, found, rest = head.partition(b"content-length:")
    if found:
        await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        return status
    while size := int(await reader.readline(), 16):  # chunked
        await reader.readexactly(size + 2)
    await reader.readline()
    return status


def main() -> None:
    """Run what stands in standard input: port, clients, seconds, core, and a file of requests with their lengths."""
    asked = json.load(sys.stdin)
    os.sched_setaffinity(0, {asked["core"]})
    content = Path(asked["requests"]).read_bytes()
    ends = np.cumsum([0, *asked["lengths"]])
    requests = [content[start:end] for start, end in itertools.pairwise(ends)]
    load = asyncio.run(closed_loop(asked["port"], requests, clients=asked["clients"], seconds=asked["seconds"]))
    print(json.dumps(asdict(load)))


if __name__ == "__main__":
    main()
