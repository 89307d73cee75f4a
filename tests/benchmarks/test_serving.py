"""The benchmarks of the server in their smallest case: what they measure, not how much."""

import asyncio
from collections import Counter
from collections.abc import Iterator
import contextlib
import json
import re

import httpx
from kserve import InferInput, InferRequest
import numpy as np
import psutil
import pytest
import torch

from benchmarks import serving, serving_overload
from benchmarks.http_load import closed_loop, Load, raw_request
from benchmarks.serving_peers import fastapi_app, KServeModel
from components.modeling.predictor import load_predictor, Predictor


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> Predictor:
    path = tmp_path_factory.mktemp("bundle") / "model"
    serving.write_model(path, "table")
    return load_predictor(path, device="cpu")


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def bodies(predictor: Predictor) -> list[bytes]:
    requests = serving.requests_of("table", predictor, "ours")
    return [request.partition(b"\r\n\r\n")[2] for request in requests]


def probabilities(predictor: Predictor, fares: list[float]) -> np.ndarray:
    rows = {"fare": fares, "company": ["Blue"] * len(fares)}
    types = {"fare": "FP64", "company": "BYTES"}
    inputs = [InferInput(name, [len(fares)], types[name], data=values) for name, values in rows.items()]
    answer = asyncio.run(KServeModel(predictor).predict(InferRequest(model_name="model", infer_inputs=inputs)))
    return np.array(answer.outputs[0].data).reshape(answer.outputs[0].shape)


def test_peers_and_requests_ask_the_same_predictor(predictor):
    async def asked() -> list[float]:
        transport = httpx.ASGITransport(fastapi_app(predictor))
        async with httpx.AsyncClient(transport=transport, base_url="http://peer") as client:
            answers = [await client.post("/v2/models/model/infer", content=body) for body in bodies(predictor)[:3]]
        return [answer.json()["outputs"][0]["data"] for answer in answers]

    given = probabilities(predictor, [0.0, 1.0, 2.0])
    assert given.shape == (3, 2)
    np.testing.assert_allclose(given.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(asyncio.run(asked()), given, rtol=1e-5)


def test_the_echo_answers_without_a_model():
    request = InferRequest(model_name="model", infer_inputs=[])
    answer = asyncio.run(KServeModel(None).predict(request))
    assert answer.outputs[0].data == [0.5, 0.5]


def test_the_bare_model_is_measured_in_rows(predictor):
    cores = psutil.Process().cpu_affinity()
    assert serving.bare_rate("table", predictor, 4, 0.01) > 0
    assert psutil.Process().cpu_affinity() == cores


def test_clients_count_answers_apart_from_refusals():
    answered, ended = Counter(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):  # the client has its answers
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
                status = "503 Busy" if answered.total() % 3 == 2 else "200 OK"
                answered[status] += 1
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        writer.close()
        await writer.wait_closed()
        ended.set()

    async def measured() -> Load:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        load = await closed_loop(port, [raw_request("/", b"12345")], clients=1, seconds=0.1)
        server.close()
        await ended.wait()
        return load

    load = asyncio.run(measured())
    assert (load.num_answered, load.num_other) == (answered["200 OK"], answered["503 Busy"])


def test_ours_is_held_against_each_peer_round_by_round(capsys):
    def measured(rate: float) -> serving.Measured:
        load = Load(num_answered=10, rate=rate, p50_ms=1.0, p99_ms=2.0, num_other=0)
        return serving.Measured(load=load, cpu_ms=100.0 / rate, memory_mb=100.0)

    rates = {"ours": (30.0, 40.0, 90.0), "echo": (10.0, 20.0, 30.0)}
    found = {
        (name, clients): [measured(rate) for rate in given]
        for name, given in rates.items()
        for clients in serving.CONCURRENCIES
    }
    serving.show(["ours", "echo"], found, {clients: [60.0, 80.0, 90.0] for clients in serving.CONCURRENCIES})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 clients: bare 80.0 a second"
    assert "0.50 of bare" in lines[1]
    assert lines[3] == "  ours / echo: rate 3.00, CPU 0.33"


@pytest.mark.slow
def test_all_servers_are_measured_in_one_run(capsys, one_thread):
    serving.main(model="table", rounds=1, seconds=0.2, servers="ours,fastapi,kserve,echo")
    printed = capsys.readouterr().out
    assert len(re.findall(r"^  (ours|fastapi|kserve|echo) +\d", printed, re.MULTILINE)) == 12
    assert "refused" not in printed
    assert re.search(r"ours / kserve: rate \d", printed)


@pytest.mark.slow
def test_the_server_under_too_much_and_at_its_end_is_measured(capsys):
    cores = psutil.Process().cpu_affinity()
    serving_overload.rate(model="digits", seconds=0.5, times=2.0)
    serving_overload.drain(model="digits", repeats=1)
    goodput, by_status, ended = capsys.readouterr().out.splitlines()
    assert goodput.startswith("sustainable ")
    statuses = json.loads(re.search(r"\{.*\}", by_status)[0].replace("200:", '"200":').replace("429:", '"429":'))
    assert statuses["200"] > 0
    assert "'exit 0': 1" in ended
    assert "'cut'" not in ended
    assert psutil.Process().cpu_affinity() == cores
