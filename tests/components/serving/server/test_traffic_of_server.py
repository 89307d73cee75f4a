"""A real server: what clients are told, and what happens at its end."""

import asyncio
import base64
import contextlib
import http.client
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import time

import grpc
from kserve.protocol.grpc.grpc_predict_v2_pb2 import ModelMetadataRequest
import pytest

from components.deployment.canary.side_counts import SideCounts
from components.deployment.endpoint.pod_counts import PodCounts
from components.serving.traffic.limits import MAX_BODY_BYTES
from components.shared.contracts.bundle import bundle_version
from components.shared.contracts.inference_service import VERSION_LABEL
from components.shared.served_model.child_server import MODEL_NAME
from components.shared.serving_log.log import ServingLog

PREDICT, INFER = f"/v1/models/{MODEL_NAME}:predict", f"/v2/models/{MODEL_NAME}/infer"


def instances(images, count=1) -> str:
    return json.dumps({"instances": [base64.b64encode(images[0]).decode()] * count})


def tensors(images, **more) -> str:
    data = [base64.b64encode(images[0]).decode()]
    return json.dumps({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": data}], **more})


def test_every_answer_has_the_requests_id(server, send, images):
    _, content, headers = send(server, PREDICT, instances(images), X_Request_Id="order-7")
    assert headers["x-request-id"] == json.loads(content)["request_id"] == "order-7"

    _, content, headers = send(server, INFER, tensors(images, id="42"))
    assert headers["x-request-id"] == json.loads(content)["id"] == "42"

    _, first, _ = send(server, PREDICT, instances(images))
    _, second, _ = send(server, PREDICT, instances(images))
    assert json.loads(first)["request_id"] != json.loads(second)["request_id"]
    status, _, headers = send(server, PREDICT, b"{")
    assert (status, bool(headers["x-request-id"])) == (400, True)


@pytest.mark.parametrize("given", ["\\ud800", "a\\u0000b", "a\\nb", "a" * 129])
def test_an_id_that_no_log_could_hold_is_a_400(server, send, images, given):
    status, content, _ = send(server, INFER, tensors(images).replace('{"inputs"', f'{{"id": "{given}", "inputs"', 1))

    assert status == 400
    assert "id" in json.loads(content)["error"] or "surrogate" in json.loads(content)["error"]


def test_the_version_that_answers_carry_is_a_version_to_ask(server, send, images, bundle):
    version = bundle_version(bundle)

    assert send(server, f"/v2/models/{MODEL_NAME}/versions/{version}/infer", tensors(images))[0] == 200
    for path in ("", "/ready"):
        assert got(server, f"/v2/models/{MODEL_NAME}/versions/{version}{path}")[0] == 200
        status, content = got(server, f"/v2/models/{MODEL_NAME}/versions/1{path}")
        assert (status, version in json.loads(content)["error"]) == (404, True)
    for asked in ("/versions/1/infer", "/infer?model_version=1", f"/versions/{version}/infer?model_version=%F2%81"):
        status, content, _ = send(server, f"/v2/models/{MODEL_NAME}{asked}", tensors(images))
        assert (status, version in json.loads(content)["error"]) == (404, True)


def test_the_version_may_stand_in_the_query(server, send, images, bundle):
    version = bundle_version(bundle)

    assert send(server, f"{INFER}?model_version={version}", tensors(images))[0] == 200
    for path in ("", "/ready"):
        assert got(server, f"/v2/models/{MODEL_NAME}{path}?model_version={version}")[0] == 200
        status, content = got(server, f"/v2/models/{MODEL_NAME}{path}?model_version=1")
        assert (status, version in json.loads(content)["error"]) == (404, True)


def test_what_is_nowhere_is_counted_by_protocol_and_never_by_its_name(server, send, grpc_stub):
    send(server, "/v1/models/secret-1:predict", b"{}")
    send(server, "/v2/models/secret-2/infer", b"{}")
    send(server, f"/v2/models/{MODEL_NAME}/versions/secret-3/infer", b"{}")
    for path in ("/v2/models/secret-4", "/secret-5"):
        assert got(server, path)[0] == 404
    with grpc_stub(server) as stub, pytest.raises(grpc.RpcError, match="secret-6"):
        stub.ModelMetadata(ModelMetadataRequest(name="secret-6"))

    content = got(server, "/metrics")[1].decode()
    counted = dict(line.rsplit(" ", 1) for line in content.splitlines() if line.startswith("pluszero_requests_total{"))
    for model, protocol in (("", "v1"), ("", "v2"), (MODEL_NAME, "v2"), ("", "http"), ("", "grpc")):
        assert (
            float(counted[f'pluszero_requests_total{{model_name="{model}",protocol="{protocol}",status="404"}}']) >= 1
        )
    assert "secret" not in content


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "1e999"])
def test_an_infinite_number_is_no_json(server, send, number):
    body = '{"inputs": [{"name": "image", "datatype": "FP64", "shape": [1], "data": [NUMBER]}]}'

    assert send(server, INFER, body.replace("NUMBER", number))[0] == 400


def test_more_values_than_memory_is_given_are_refused(server, send):
    status, content, _ = send(server, INFER, '{"inputs": [' + "[]," * 5_000_001 + "[]]}")

    assert status == 400
    assert "at most 5,000,000 values" in json.loads(content)["error"]


def test_a_body_above_the_limit_is_refused_before_it_is_sent(server):
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.http_port), 10)) as connection:
        connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: a\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_metrics_tell_stages_answers_and_refusals(server, send, images):
    send(server, PREDICT, instances(images, 3))
    send(server, PREDICT, b"{")

    content = got(server, "/metrics")[1].decode()

    for wanted in (
        f'pluszero_requests_total{{model_name="{MODEL_NAME}",protocol="v1",status="200"}}',
        'pluszero_refusals_total{reason="invalid"}',
        f'pluszero_request_seconds_count{{model_name="{MODEL_NAME}",stage="queue"}}',
        f'pluszero_predictions_total{{label="cat",model_name="{MODEL_NAME}"}}',
        f'pluszero_queue_requests{{model_name="{MODEL_NAME}"}} 0.0',
        "pluszero_held_bytes 0.0",
        f'request_predict_seconds_count{{model_name="{MODEL_NAME}"}}',
    ):
        assert wanted in content


def test_the_deploy_step_reads_what_a_server_did_between_two_looks(server, send, images):
    pod = {"metadata": {"name": "a", "uid": "a", "labels": {VERSION_LABEL: "1"}}, "status": {}}
    counts = PodCounts(MODEL_NAME, lambda _: ("127.0.0.1", server.http_port))
    send(server, PREDICT, instances(images, 3))
    assert counts.since_last([pod], "1") == SideCounts()

    for _ in range(4):
        send(server, PREDICT, instances(images, 3))
    send(server, PREDICT, b"{")
    found = counts.since_last([pod], "1")

    # What a client got wrong is no fault of the release; twelve rows in four requests are four answers.
    assert (found.requests, found.errors, found.timed, sum(found.predictions.values())) == (4, 0, 4, 4)
    assert counts.since_last([pod], "1").requests == 0
    assert counts.since_last([pod], "another release").requests == 0


def test_many_clients_at_once_get_their_own_answers(server, images):
    """Each client asks for another photo, again and again, on a connection of its own."""

    async def client(number: int) -> set[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        body = json.dumps({"instances": [base64.b64encode(images[number % len(images)]).decode()]}).encode()
        found = set()
        for _ in range(8):
            head = f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
            content = json.loads(await reader.readexactly(length))
            found.add(
                json.dumps(
                    {name: round(value, 4) for name, value in content["predictions"][0]["probabilities"].items()}
                )
            )
        writer.close()
        return found

    async def run():
        return await asyncio.gather(*(client(number) for number in range(12)))

    together = asyncio.run(run())
    alone = [asyncio.run(client(number)) for number in range(6)]
    assert all(len(found) == 1 for found in together)
    assert together == alone * 2


@pytest.mark.slow
def test_no_accepted_request_fails_at_the_servers_end(bundle, images, tmp_path):
    with started(bundle, tmp_path, "--drain-seconds", "1") as (child, port):
        ends = asyncio.run(until_ended(child, port, instances(images).encode(), clients=12))

    assert child.returncode == 0
    assert ends["cut"] == 0
    assert set(ends) <= {200, "cut"}
    assert ends[200] > 12


def test_a_killed_server_loses_nothing_that_it_counted(bundle, images, tmp_path):
    log = tmp_path / "log"
    with started(bundle, tmp_path, "--log-dir", str(log)) as (child, port):
        answered = [asked(port, instances(images, 2)) for _ in range(5)]
        time.sleep(0.5)
        child.send_signal(signal.SIGKILL)
        child.wait()
    with started(bundle, tmp_path, "--log-dir", str(log)) as (child, port):
        metrics = asked(port, None, "/metrics").decode()
        child.send_signal(signal.SIGTERM)
        child.wait(60)

    counts = {
        outcome: float(metrics.split(f'pluszero_log_records{{outcome="{outcome}"}} ')[1].split("\n")[0])
        for outcome in ("received", "stored", "lost")
    }
    assert counts["received"] == 5
    assert counts["received"] == counts["stored"] + counts["lost"]
    rows = [row for batch in ServingLog(str(log)).iter_batches() for row in batch.to_pylist()]
    ids = {json.loads(content)["request_id"] for content in answered}
    assert {row["request_id"] for row in rows} <= ids
    assert len({row["request_id"] for row in rows}) == counts["stored"]
    assert sorted(row["row"] for row in rows) == [0] * int(counts["stored"]) + [1] * int(counts["stored"])


async def until_ended(child, port: int, body: bytes, *, clients: int) -> dict:
    """How the requests of kept-alive clients ended, through a SIGTERM."""
    ends = {"cut": 0}

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            head = f"POST /v1/models/model:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
            try:
                writer.write(head.encode() + body)
                answer = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(answer.split(b"content-length: ")[1].split(b"\r\n")[0]))
            except (ConnectionError, asyncio.IncompleteReadError):
                ends["cut"] += 1
                return
            status = int(answer[9:12])
            ends[status] = ends.get(status, 0) + 1
            if b"connection: close" in answer:
                writer.close()
                return

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    await asyncio.sleep(0.5)
    child.send_signal(signal.SIGTERM)
    await asyncio.gather(*tasks)
    await asyncio.to_thread(child.wait, 60)
    return ends


@contextlib.contextmanager
def started(bundle, tmp_path, *options):
    with socket.socket() as first, socket.socket() as second:
        for opened in (first, second):
            opened.bind(("127.0.0.1", 0))
        port, grpc_port = (opened.getsockname()[1] for opened in (first, second))
    command = [sys.executable, "-m", "components.serving", "--model-dir", str(bundle), "--http-port", str(port)]
    log = tmp_path / "server.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*command, "--grpc-port", str(grpc_port), *options],
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
    with child:
        try:
            until = time.monotonic() + 120
            while not is_ready(port):
                assert child.poll() is None, log.read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
            yield child, port
        finally:
            child.kill()


def is_ready(port: int) -> bool:
    try:
        asked(port, None, "/v2/health/ready")
    except OSError:
        return False
    return True


def asked(port: int, body: str | None, path: str = "/v1/models/model:predict") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()


def got(server, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
