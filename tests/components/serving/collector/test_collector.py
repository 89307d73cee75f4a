import asyncio
import contextlib
import http.client
import json
import os
from pathlib import Path
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

from components.serving.collector.cloud_events import read_event
from components.serving.collector.collector import Collector, CollectorConfig
from components.serving.collector.journal import JournalFullError
from components.shared.contracts.bundle import BundleConfig
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.payload_policy import PayloadPolicy
from components.shared.tables.personal_key import keyed_hash
from tests.components.serving.collector.events import answered, asked, headers, structured

REPOSITORY = Path(__file__).parents[4]
FARES = BundleConfig(
    task="tabular_classification",
    class_names=("none", "tip"),
    backbone={},
    preprocessing={},
    column_roles={"fare": ("feature",), "phone": ("pii", "feature"), "order": ("id",)},
)
PHONE = "010-1234-5678"


def request_event(name, *fares, **changed):
    return read_event(headers("request", name), asked(*(fares or (1.0,)), **changed))


def response_event(name, *labels, **changed):
    return read_event(headers("response", name), answered(*(labels or ("tip",)), **changed))


@contextlib.contextmanager
def collecting(path, **changed):
    options = {"models": {"fares": FARES}, "segment_age_s": 0.05, "pair_wait_s": 60.0, **changed}
    collector = Collector(CollectorConfig(log=str(path), **options))
    try:
        yield collector
    finally:
        collector.close()


def take(collector, *events):
    async def all_of_them():
        for event in events:
            await collector.take(event)

    asyncio.run(all_of_them())


def rows_of(path) -> list[dict]:
    found = [row for batch in ServingLog(path / "fares").iter_batches() for row in batch.to_pylist()]
    return sorted(found, key=lambda row: (row["event_id"], row["row"]))


def balances(counts) -> bool:
    return counts["received"] == counts["stored"] + counts["repeated"] + counts["lost"]


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_request_and_its_answer_become_whole_rows_in_either_order(tmp_path, is_reversed):
    events = [request_event("e1", 1.0, 2.0), response_event("e1", "tip", "none", request_id="r1", model_version="v1")]
    with collecting(tmp_path) as collector:
        take(collector, *(reversed(events) if is_reversed else events))
    first, second = rows_of(tmp_path)
    assert (first["request_id"], first["row"], first["fare"], first["predicted"]) == ("r1", 0, 1.0, "tip")
    assert (second["row"], second["fare"], second["predicted"], second["model_revision"]) == (1, 2.0, "none", "v1")
    assert first["probabilities"] == [0.25, 0.75]
    assert first["model_name"] == "fares"
    assert "phone" not in first
    assert balances(collector.counters())


def test_answers_that_name_no_version_have_the_one_that_the_logger_hands_on(tmp_path):
    told = {"annotations": '{"pluszero-mlops/model-version":"a1"}'}
    with collecting(tmp_path) as collector:
        take(
            collector,
            read_event(headers("request", "e1", **told), asked(1.0)),
            read_event(headers("response", "e1", **told), answered("tip")),
            read_event(headers("response", "e2", **told), answered("tip", model_version="b2")),
            read_event(headers("request", "e3", **told), asked(1.0)),
        )
    with collecting(tmp_path, pair_wait_s=0.0) as collector:
        until = time.monotonic() + 60
        while collector.counters()["alone"] < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
    # What was never answered is no release's.
    assert {row["event_id"]: row["model_revision"] for row in rows_of(tmp_path)} == {
        "e1": "a1",
        "e2": "b2",
        "e3": "unknown",
    }


def test_an_event_that_comes_again_is_stored_once_also_after_a_restart(tmp_path):
    events = [request_event("e1"), response_event("e1")]
    for _ in range(2):
        with collecting(tmp_path) as collector:
            take(collector, *events, *events)
    assert len(rows_of(tmp_path)) == 1
    counts = collector.counters()
    assert (counts["received"], counts["stored"], counts["repeated"]) == (8, 2, 6)


def test_halves_find_one_another_over_a_restart(tmp_path):
    with collecting(tmp_path) as collector:
        take(collector, request_event("e1"))
    with collecting(tmp_path) as collector:
        take(collector, response_event("e1"))
    [row] = rows_of(tmp_path)
    assert (row["fare"], row["predicted"]) == (1.0, "tip")


def test_a_half_that_waited_long_enough_is_written_alone_and_counted(tmp_path):
    with collecting(tmp_path, pair_wait_s=0.0) as collector:
        take(collector, request_event("e1"))
        until = time.monotonic() + 60
        while not collector.counters()["alone"]:
            assert time.monotonic() < until
            time.sleep(0.05)
        take(collector, response_event("e1"))
    asked_alone, answered_alone = sorted(rows_of(tmp_path), key=lambda row: row["predicted"] or "")
    assert (asked_alone["fare"], asked_alone["predicted"]) == (1.0, None)
    assert (answered_alone["fare"], answered_alone["predicted"]) == (None, "tip")
    assert collector.counters()["alone"] == 2


def test_an_answer_of_other_rows_than_its_request_is_not_joined(tmp_path):
    with collecting(tmp_path) as collector:
        take(collector, request_event("e1", 1.0, 2.0), response_event("e1", "tip"))
    assert [(row["fare"], row["predicted"]) for row in rows_of(tmp_path)].count((1.0, "tip")) == 0
    assert len(rows_of(tmp_path)) == 3


def test_of_an_unknown_service_no_feature_of_a_table_is_kept(tmp_path):
    with collecting(tmp_path, models={}, policy=PayloadPolicy(kind="full")) as collector:
        take(collector, request_event("e1"), response_event("e1"))
    [row] = rows_of(tmp_path)
    assert not {"fare", "phone"} & set(row)
    assert row["predicted"] == "tip"


def test_whole_payloads_hold_personal_columns_hashed(tmp_path):
    with collecting(tmp_path, policy=PayloadPolicy(kind="full")) as collector:
        take(collector, request_event("e1"), response_event("e1"))
    assert rows_of(tmp_path)[0]["phone"] == keyed_hash(PHONE)


def test_a_sample_waits_for_the_answer_to_decide(tmp_path):
    policy = PayloadPolicy(kind="sampled", sampled_share=0.0, uncertain_margin=0.6)
    unsure = [{"label": "tip", "probabilities": {"none": 0.05, "tip": 0.95}}]
    sure = read_event(headers("response", "e2"), json.dumps({"predictions": unsure}).encode())
    with collecting(tmp_path, policy=policy) as collector:
        take(collector, request_event("e1"), response_event("e1"), request_event("e2"), sure)
    first, second = rows_of(tmp_path)
    assert (first["phone"], first["payload_weight"]) == (keyed_hash(PHONE), 1.0)
    assert (second["phone"], second["payload_weight"]) == (None, None)
    assert (first["fare"], second["fare"]) == (1.0, 1.0)


def test_photos_are_measured_and_not_kept(tmp_path):
    body = json.dumps({"instances": [{"image": {"b64": "bm8gcGhvdG8="}}]}).encode()
    with collecting(tmp_path, models={}) as collector:
        take(collector, read_event(headers("request", "e1"), body), response_event("e1"))
    [row] = rows_of(tmp_path)
    assert "image" not in row
    assert row["image_width"] is None


def test_each_service_has_a_log_of_its_own_and_answers_alone_do_not_spoil_it(tmp_path):
    body = json.dumps({"instances": [{"text": "fine"}]}).encode()
    with collecting(tmp_path, models={}, pair_wait_s=0.0) as collector:
        take(collector, read_event(headers("request", "e1", inferenceservicename="films"), body), request_event("e1"))
        take(collector, read_event(headers("response", "e2", inferenceservicename="films"), answered("good")))
        until = time.monotonic() + 60
        while collector.counters()["alone"] < 3:
            assert time.monotonic() < until
            time.sleep(0.05)
    log = ServingLog(tmp_path / "films")
    assert log.info.modality == "text"
    assert sum(batch.num_rows for batch in log.iter_batches(["row"])) == 2
    assert len(rows_of(tmp_path)) == 1


def test_a_body_that_is_none_is_refused_and_counted(tmp_path):
    with collecting(tmp_path) as collector:
        with pytest.raises(ValueError, match="body must begin with a JSON object"):
            take(collector, read_event(headers("request", "e1"), b"no JSON"))
        take(collector, request_event("e2"), response_event("e2"))
    assert collector.counters()["lost_unreadable"] == 1
    assert balances(collector.counters())


def test_health_and_metadata_are_passed_over_and_count_as_neither_received_nor_lost(tmp_path):
    looked_at = [read_event(headers("request", "h1"), b""), read_event(headers("response", "h1"), b'{"ready":true}')]
    with collecting(tmp_path) as collector:
        take(collector, *looked_at, request_event("e1"), response_event("e1"))
    counts = collector.counters()
    assert (counts["received"], counts["lost"], counts["passed_over"]) == (2, 0, 2)
    assert len(rows_of(tmp_path)) == 1


def test_a_full_disk_is_refused_counted_and_the_event_taken_later(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with collecting(tmp_path, segment_age_s=60.0) as collector:
        take(collector, request_event("e1"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            with pytest.raises(JournalFullError):
                take(collector, *(request_event(f"more-{number}") for number in range(50)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert collector.counters()["lost_no_space"] == 1
        take(collector, response_event("e1"))
    assert [row["predicted"] for row in rows_of(tmp_path) if row["event_id"] == "e1"] == ["tip"]
    assert balances(collector.counters())


def test_two_collectors_of_one_log_are_refused(tmp_path):
    with collecting(tmp_path), pytest.raises(ValueError, match="one collector alone must write a log"):
        Collector(CollectorConfig(log=str(tmp_path)))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(log, port):
    command = [sys.executable, "-m", "components.serving", "collect", "--log-dir", str(log), "--port", str(port)]
    command += ["--segment-age-s", "0.1", "--pair-wait-s", "60"]
    child = subprocess.Popen(command, cwd=log.parent, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    try:
        until = time.monotonic() + 300
        while True:
            with contextlib.suppress(OSError):
                if sent(port, "GET", "/health/ready")[0] == 200:
                    break
            assert child.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield child
    finally:
        child.kill()
        child.wait()


def sent(port, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_events_over_http_are_stored_refused_and_counted(tmp_path):
    port = free_port()
    log = tmp_path / "log"
    with running(log, port) as child:
        assert sent(port, "POST", "/", headers("request", "e1"), asked(1.0))[0] == 200
        assert sent(port, "POST", "/", *structured("response", "e1", answered("tip")))[0] == 200
        status, body, _ = sent(port, "POST", "/", headers("request", "e2", type="org.other"), b"{}")
        assert (status, json.loads(body)["error"].startswith("the type of an event must be one of")) == (400, True)
        metrics = sent(port, "GET", "/metrics")[1].decode()
        assert 'pluszero_collector_events_total{outcome="stored"} 2' in metrics
        child.send_signal(signal.SIGTERM)
        assert child.wait(120) == 0
    [row] = rows_of(log)
    assert row["predicted"] == "tip"


@pytest.mark.slow
def test_a_killed_collector_has_every_event_that_it_acknowledged_once(tmp_path):
    log, acknowledged = tmp_path / "log", set()
    for number in range(20):
        port = free_port()
        with running(log, port) as child:
            until = time.monotonic() + 0.1 + 0.05 * number
            for event in range(10_000):
                name = f"{number}-{event // 2}"
                kind, body = ("request", asked(1.0)) if event % 2 == 0 else ("response", answered("tip"))
                if time.monotonic() > until:
                    child.kill()
                try:
                    if sent(port, "POST", "/", headers(kind, name), body)[0] == 200:
                        acknowledged.add((name, kind))
                except (OSError, http.client.HTTPException):
                    break
    with collecting(log, models={}, pair_wait_s=0.0) as collector:
        time.sleep(2)
    stored = rows_of(log)
    asked_ids = [row["event_id"] for row in stored if row["event_time"] is not None]
    answered_ids = [row["event_id"] for row in stored if row["predicted"] == "tip"]
    assert len(answered_ids) == len(set(answered_ids))
    assert {name for name, kind in acknowledged if kind == "response"} <= set(answered_ids)
    assert {name for name, _ in acknowledged} <= set(asked_ids)
    assert balances(collector.counters())
