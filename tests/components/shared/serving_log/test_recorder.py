from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, UTC
import os
from pathlib import Path
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid

import numpy as np
import pyarrow as pa
import pytest

from components.shared.contracts.embedding_reference import EmbeddingReference
from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.payload_policy import PayloadPolicy
from components.shared.serving_log.recorder import RecorderLimits, RequestRecorder
from components.shared.serving_log.served_request import ServedModel, ServedRequest
from components.shared.serving_log.time_window import TimeWindow
from components.shared.tables.personal_key import keyed_hash

REPOSITORY = Path(__file__).parents[4]
ROLES = {"fare": "feature", "phone": ("pii", "feature"), "order": "id", "patient": "group", "note": "slice"}
TABLE = ServedModel(
    name="fares", version="a1", info=ExampleTableInfo(modality="tabular", class_names=(), column_roles=ROLES)
)
TEXT = ServedModel(
    name="films", version="a1", info=ExampleTableInfo(modality="text", class_names=(), column_roles={"order": "id"})
)
NOON_NS = int(datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
PHONE = "010-1234-5678"
QUICK = RecorderLimits(gather_s=0.0)


def asked(number: int = 0, **changed) -> ServedRequest:
    given = {
        "request_id": f"r{number}",
        "time_ns": NOON_NS + number,
        "features": {"fare": [1.5, None], "phone": [PHONE, PHONE]},
        "labels": ["tip", "none"],
        "probabilities": np.array([[0.25, 0.75], [0.55, 0.45]]),
    }
    return ServedRequest(**(given | changed))


def recorded(path, *requests, model=TABLE, **options) -> list[dict]:
    recorder = RequestRecorder(str(path), model, **({"limits": QUICK} | options))
    for request in requests:
        assert recorder.offer(request)
    assert recorder.close(120.0)
    return rows_of(path)


def rows_of(path) -> list[dict]:
    return [row for batch in ServingLog(path).iter_batches() for row in batch.to_pylist()]


def _wait_until(is_so, timeout_s=60.0):
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_every_row_has_its_request_its_number_and_its_answer(tmp_path):
    rows = recorded(tmp_path, asked(0), asked(1, rows=[4, 7], sampling_weight=10.0))
    assert [(row["request_id"], row["row"], row["predicted"], row["sampling_weight"]) for row in rows] == [
        ("r0", 0, "tip", 1.0),
        ("r0", 1, "none", 1.0),
        ("r1", 4, "tip", 10.0),
        ("r1", 7, "none", 10.0),
    ]
    assert rows[0]["probabilities"] == [0.25, 0.75]
    assert rows[0]["model_revision"] == "a1"
    assert rows[0]["event_time"] == datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_log_is_partitioned_by_the_hour(tmp_path):
    recorded(tmp_path, asked(0), asked(1, time_ns=NOON_NS + 3_600_000_000_000))
    folders = sorted("/".join(path.parent.parts[-2:]) for path in tmp_path.rglob("*.parquet"))
    assert folders == ["date=2026-05-01/hour=12", "date=2026-05-01/hour=13"]


def test_numbers_and_embeddings_are_kept(tmp_path):
    info = ExampleTableInfo(modality="tabular", class_names=(), column_roles={"fare": "feature"}, task="regression")
    model = ServedModel(name="fares", version="a1", info=info)
    request = ServedRequest(
        request_id="r",
        time_ns=NOON_NS,
        features={"fare": pa.array([1.0])},
        predictions=np.array([2.5], np.float32),
        embeddings=np.array([[1.0, 2.0, 3.0]]),
    )
    [row] = recorded(tmp_path, request, model=model)
    assert row["predicted"] == 2.5
    assert row["embedding"] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("kind", "columns", "phone"),
    [("none", set(), False), ("derived", {"fare"}, False), ("full", {"fare", "phone"}, True)],
)
def test_a_table_keeps_what_the_policy_says_and_personal_columns_hashed(tmp_path, kind, columns, phone):
    rows = recorded(tmp_path, asked(), policy=PayloadPolicy(kind=kind))
    assert {"fare", "phone"} & set(rows[0]) == columns
    assert rows[0].get("phone") == (keyed_hash(PHONE) if phone else None)


@pytest.mark.parametrize("kind", ["none", "derived"])
def test_no_payload_touches_the_disk_unless_the_policy_keeps_it(tmp_path, kind):
    secret = "a sentence that nobody may keep"
    request = asked(features={"text": [secret, secret]})
    recorder = RequestRecorder(str(tmp_path), TEXT, policy=PayloadPolicy(kind=kind), limits=QUICK)
    recorder.offer(request)
    _wait_until(lambda: recorder.counters()["stored"] == 1)
    segments = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert segments
    assert not any(secret.encode() in path.read_bytes() for path in segments)
    recorder.close()
    assert rows_of(tmp_path)[0].get("text_length") == (len(secret) if kind == "derived" else None)


def test_context_is_kept_under_the_rules_for_personal_data(tmp_path):
    context = {"order": ["a-1", "a-2"], "patient": [PHONE, "p2"], "note": [f"call {PHONE}", "none"]}
    for number, kind in enumerate(("none", "full")):
        first, _ = recorded(tmp_path / str(number), asked(context=context), policy=PayloadPolicy(kind=kind))
        assert (first["order"], first["patient"], first["note"]) == ("a-1", keyed_hash(PHONE), "call <phone>")


def test_a_sample_keeps_a_share_of_payloads_and_all_that_are_uncertain_each_with_its_weight(tmp_path):
    sure, unsure = np.array([[0.9, 0.1]]), np.array([[0.52, 0.48]])
    requests = [
        asked(number, features={"text": ["x"]}, labels=["a"], probabilities=unsure if number % 10 == 0 else sure)
        for number in range(1000)
    ]
    rows = recorded(tmp_path, *requests, model=TEXT, policy=PayloadPolicy(kind="sampled", sampled_share=0.1))
    kept = {row["request_id"]: row["payload_weight"] for row in rows if row["text"] is not None}
    uncertain = {f"r{number}" for number in range(0, 1000, 10)}
    assert uncertain <= set(kept)
    assert {kept[name] for name in uncertain} == {1.0}
    drawn = set(kept) - uncertain
    assert {kept[name] for name in drawn} == {10.0}
    assert {row["payload_draw"] for row in rows if row["request_id"] in drawn} == {"random"}
    assert {row["payload_draw"] for row in rows if row["request_id"] in uncertain} == {"uncertain"}
    assert 55 < len(drawn) < 125  # 90 expected, 9 the standard deviation
    assert all(row["text_length"] == 1 for row in rows)
    assert {row["payload_weight"] for row in rows if row["text"] is None} == {None}


def test_a_sample_keeps_the_payloads_that_lie_far_from_the_held_out_rows_each_standing_for_itself(tmp_path):
    near = np.random.default_rng(0).normal(size=(1000, 4)).astype(np.float32)
    model = replace(TEXT, reference=EmbeddingReference.fitted(near))
    far = np.full((2, 4), 5.0, np.float32)
    requests = [
        asked(0, features={"text": ["x"] * 1000}, labels=["a"] * 1000, probabilities=None, embeddings=near),
        asked(1, features={"text": ["y"] * 2}, labels=["a"] * 2, probabilities=None, embeddings=far),
        asked(2, features={"text": ["z"]}, labels=["a"], probabilities=None),  # nobody computed its embedding
    ]
    policy = PayloadPolicy(kind="sampled", sampled_share=0.0)
    rows = recorded(tmp_path / "first", *requests, model=model, policy=policy)
    kept = [row for row in rows if row["text"] is not None]
    assert Counter(row["text"] for row in kept) == {"x": 10, "y": 2}  # a hundredth of the held-out rows themselves
    assert {(row["payload_draw"], row["payload_weight"]) for row in kept} == {("drifted", 1.0)}

    rows = recorded(tmp_path / "second", *requests, model=model, policy=replace(policy, drift_quantile=None))
    assert {row["text"] for row in rows} == {None}


def test_a_column_called_as_one_of_the_contract_has_another_name(tmp_path):
    rows = recorded(tmp_path, asked(features={"row": ["aisle", "window"], "fare": [1, 2]}))
    assert [(row["row"], row["data.row"], row["fare"]) for row in rows] == [(0, "aisle", 1.0), (1, "window", 2.0)]


def test_a_request_that_cannot_be_read_is_counted_and_harms_no_other(tmp_path):
    recorder = RequestRecorder(str(tmp_path), TABLE, limits=RecorderLimits(gather_s=0.2))
    for number, features in enumerate([{"fare": [1.0, 2.0]}, {"fare": [1.0]}, {"fare": [1.0, object()]}]):
        recorder.offer(asked(number, features=features))
    assert recorder.close(60.0)
    counts = recorder.counters()
    assert (counts["received"], counts["stored"], counts["lost_unreadable"]) == (3, 1, 2)
    assert {row["request_id"] for row in rows_of(tmp_path)} == {"r0"}


def test_a_full_queue_loses_at_once_and_counts(tmp_path):
    recorder = RequestRecorder(str(tmp_path), TABLE, limits=RecorderLimits(gather_s=0.3, queue_requests=5))
    taken = [recorder.offer(asked(number)) for number in range(20)]
    assert sum(taken) < 20
    assert recorder.close(60.0)
    counts = recorder.counters()
    assert counts["received"] == 20
    assert counts["stored"] == sum(taken)
    assert counts["lost_queue_full"] == 20 - sum(taken)
    assert len(rows_of(tmp_path)) == 2 * sum(taken)


def test_what_is_offered_after_the_end_is_lost_and_counted(tmp_path):
    recorder = RequestRecorder(str(tmp_path), TABLE, limits=QUICK)
    assert recorder.offer(asked())
    assert recorder.close(60.0)
    assert not recorder.offer(asked(1))
    counts = recorder.counters()
    assert (counts["received"], counts["stored"], counts["lost_closed"]) == (2, 1, 1)


def test_many_threads_offer_at_once(tmp_path):
    recorder = RequestRecorder(str(tmp_path), TABLE, limits=QUICK)

    def offer(first):
        for number in range(first, first + 100):
            recorder.offer(asked(number))

    threads = [threading.Thread(target=offer, args=[100 * number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.close(60.0)
    counts = recorder.counters()
    assert counts["received"] == counts["stored"] + counts["lost"] == 800
    assert len({(row["request_id"], row["row"]) for row in rows_of(tmp_path)}) == 2 * counts["stored"]


def test_a_window_is_read_while_the_log_is_written(tmp_path):
    limits = RecorderLimits(gather_s=0.0, segment_age_s=0.05)
    recorder = RequestRecorder(str(tmp_path), TABLE, limits=limits)
    seen = 0
    for number in range(5):
        recorder.offer(asked(number))
        _wait_until(lambda: list(tmp_path.glob("date=*/hour=*/*.parquet")))
        now = len(rows_of(tmp_path))
        assert now >= seen
        seen = now
    recorder.close()
    assert len(rows_of(tmp_path)) == 10


def test_a_store_at_a_uri_is_filled_by_way_of_a_spool(tmp_path):
    uri = f"memory://recorded-{uuid.uuid4().hex}"
    recorder = RequestRecorder(uri, TABLE, limits=QUICK, spool=tmp_path / "spool")
    recorder.offer(asked())
    assert recorder.close(60.0)
    assert [row["row"] for row in rows_of(uri)] == [0, 1]


def test_a_log_that_cannot_be_written_keeps_its_rows_for_the_next_process(tmp_path):
    (tmp_path / "date=2026-05-01").write_text("in the way")
    recorder = RequestRecorder(str(tmp_path), TABLE, limits=QUICK)
    recorder.offer(asked())
    assert not recorder.close()
    assert recorder.counters()["failed_parts"] > 0
    (tmp_path / "date=2026-05-01").unlink()
    again = RequestRecorder(str(tmp_path), TABLE, limits=QUICK)
    assert again.close(60.0)
    assert len(rows_of(tmp_path)) == 2
    assert again.counters()["stored"] == 1


def test_a_spool_that_is_full_loses_and_counts(tmp_path):
    (tmp_path / "date=2026-05-01").write_text("in the way")
    limits = RecorderLimits(gather_s=0.0, segment_bytes=1, spool_bytes=1)
    recorder = RequestRecorder(str(tmp_path), TABLE, limits=limits)
    for number in range(20):
        recorder.offer(asked(number))
        time.sleep(0.01)
    recorder.close(1.0)
    counts = recorder.counters()
    assert counts["lost_no_space"] > 0
    assert counts["received"] == counts["stored"] + counts["lost"] == 20


_CHILD = textwrap.dedent(
    """
    import sys, time
    from components.shared.contracts.example_table import ExampleTableInfo
    from components.shared.serving_log.recorder import RecorderLimits, RequestRecorder
    from components.shared.serving_log.served_request import ServedModel, ServedRequest
    info = ExampleTableInfo(modality="tabular", class_names=(), column_roles={"fare": "feature"})
    recorder = RequestRecorder(
        sys.argv[1],
        ServedModel(name="fares", version="a1", info=info),
        limits=RecorderLimits(gather_s=0.005, segment_age_s=0.05),
    )
    number = 0
    while True:
        recorder.offer(
            ServedRequest(
                request_id=f"r{number}",
                time_ns=1_777_636_800_000_000_000 + number,
                features={"fare": [1.5, None]},
                labels=["tip", "none"],
            )
        )
        number += 1
        time.sleep(0.0005)
        if number == 1:
            while not recorder.counters()["stored"]:
                time.sleep(0.01)
            print("ready", flush=True)
    """
)


def _child(path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", _CHILD, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=path.parent)


@pytest.mark.parametrize("num_kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_server_loses_nothing_that_was_stored_and_its_successor_counts_the_rest(tmp_path, num_kills):
    rng = np.random.default_rng(0)
    log = tmp_path / "log"
    for _ in range(num_kills):
        with _child(log) as child:
            assert child.stdout.readline() == "ready\n"
            time.sleep(float(rng.uniform(0.05, 0.5)))
            child.send_signal(signal.SIGKILL)
    recorder = RequestRecorder(str(log), TABLE, limits=QUICK)
    assert recorder.close(60.0)
    counts = recorder.counters()
    rows = rows_of(log)
    assert counts["received"] == counts["stored"] + counts["lost"]
    assert counts["stored"] > 0
    assert len(rows) == 2 * counts["stored"] == counts["rows_stored"]
    assert counts["lost"] == counts["lost_killed"]


def test_a_full_disk_is_counted_and_leaves_no_torn_file(tmp_path):
    recorder = RequestRecorder(str(tmp_path), TABLE, limits=QUICK)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    try:
        for number in range(40):
            recorder.offer(asked(number))
            _wait_until(lambda: recorder.counters()["waiting"] == 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    recorder.offer(asked(100))
    assert recorder.close(60.0)
    counts = recorder.counters()
    assert counts["lost_no_space"] > 0
    assert counts["received"] == counts["stored"] + counts["lost"] == 41
    rows = rows_of(tmp_path)
    assert len(rows) == 2 * counts["stored"]
    assert "r100" in {row["request_id"] for row in rows}


@pytest.mark.slow
def test_several_servers_write_one_log_and_a_survivor_takes_over(tmp_path):
    log = tmp_path / "log"
    children = [_child(log), _child(log)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    alive = RequestRecorder(str(log), TABLE, limits=QUICK)
    assert len(list((log / "_spool").iterdir())) == 3
    time.sleep(0.2)
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()
    alive.close()
    survivor = RequestRecorder(str(log), TABLE, limits=QUICK)
    assert survivor.close(60.0)
    counts = survivor.counters()
    assert len(list((log / "_spool").iterdir())) == 1
    assert counts["received"] == counts["stored"] + counts["lost"]
    assert len(rows_of(log)) == 2 * counts["stored"] > 0


def test_hours_outside_a_window_are_not_listed(tmp_path, monkeypatch):
    writes = [asked(day, time_ns=NOON_NS + day * 86_400_000_000_000) for day in range(20)]
    recorded(tmp_path, *writes)
    log = ServingLog(tmp_path)
    listed = []
    filesystem = log._parts[0].filesystem
    real = type(filesystem).ls
    monkeypatch.setattr(type(filesystem), "ls", lambda self, path, **kw: listed.append(path) or real(self, path, **kw))
    start = datetime(2026, 5, 4, tzinfo=UTC)
    window = ServingLog(tmp_path, window=TimeWindow(start=start, end=start + timedelta(days=1)))
    assert sum(batch.num_rows for batch in window.iter_batches(["row"])) == 2
    assert len(listed) <= 3
