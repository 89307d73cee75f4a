from dataclasses import replace
from datetime import datetime, UTC
import os
import time
import uuid

import numpy as np
import pytest

from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.recorder import RecorderLimits, RequestRecorder
from components.shared.serving_log.removal import delete_before, delete_rows, Retention
from components.shared.serving_log.served_request import ServedModel, ServedRequest
from components.shared.serving_log.time_window import parse_window

NOON_NS = int(datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
DAY_NS = 86_400_000_000_000
ROLES = {"fare": "feature", "order": "id", "patient": "group"}
MODEL = ServedModel(
    name="m", version="v", info=ExampleTableInfo(modality="tabular", class_names=(), column_roles=ROLES)
)
PHONE = "010-1234-5678"


def asked(number: int) -> ServedRequest:
    return ServedRequest(
        request_id=f"r{number}",
        time_ns=NOON_NS + number * DAY_NS,
        features={"fare": np.array([1.0, 2.0])},
        labels=["a", "b"],
        context={"order": [f"o{number}", "shared"], "patient": [PHONE if number == 1 else "other", "other"]},
    )


@pytest.fixture
def recorder(tmp_path):
    made = RequestRecorder(str(tmp_path), MODEL, limits=RecorderLimits(gather_s=0.0))
    for number in range(3):
        made.offer(asked(number))
    return made


def left(path) -> list[tuple]:
    rows = [row for batch in ServingLog(path).iter_batches() for row in batch.to_pylist()]
    return sorted((row["request_id"], row["row"]) for row in rows)


ALL = [(f"r{number}", row) for number in range(3) for row in range(2)]


@pytest.mark.parametrize(
    ("column", "value", "gone"),
    [
        ("request_id", "r1", {("r1", 0), ("r1", 1)}),
        ("order", "shared", {(f"r{number}", 1) for number in range(3)}),
        ("patient", PHONE, {("r1", 0)}),
        ("order", "nobody's", set()),
    ],
)
def test_rows_of_a_value_are_deleted_also_where_the_log_holds_its_hash(recorder, tmp_path, column, value, gone):
    assert recorder.close(60.0)
    assert delete_rows(str(tmp_path), [value], column=column) == len(gone)
    assert left(tmp_path) == sorted(set(ALL) - gone)


def test_a_row_that_waits_is_deleted_when_it_comes(recorder, tmp_path):
    assert delete_rows(str(tmp_path), ["r1"]) == 0
    assert recorder.close(60.0)
    assert left(tmp_path) == [key for key in ALL if key[0] != "r1"]


def test_what_is_to_be_deleted_is_not_written_down_in_plain(recorder, tmp_path):
    recorder.close(60.0)
    delete_rows(str(tmp_path), [PHONE], column="patient")
    assert not any(PHONE.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_store_at_a_uri_forgets_too(tmp_path):
    uri = f"memory://forgotten-{uuid.uuid4().hex}"
    made = RequestRecorder(uri, MODEL, limits=RecorderLimits(gather_s=0.0), spool=tmp_path)
    made.offer(asked(0))
    made.offer(asked(1))
    assert made.close(60.0)
    assert delete_rows(uri, ["r0"]) == 2
    assert left(uri) == [("r1", 0), ("r1", 1)]


def test_days_before_a_start_are_deleted_whole(recorder, tmp_path):
    recorder.close(60.0)
    assert delete_before(str(tmp_path), parse_window("2026-05-02T13:00", "")) == 2
    assert left(tmp_path) == [("r2", 0), ("r2", 1)]


def test_a_recorder_deletes_days_that_are_too_old(tmp_path, recorder):
    recorder.close(60.0)
    limits = RecorderLimits(gather_s=0.0, retention_days=1.0)
    later = RequestRecorder(str(tmp_path), MODEL, limits=limits)
    until = time.monotonic() + 60
    # Not a glob, which fails at a folder that goes while it looks.
    while any(name.endswith(".parquet") for _, _, names in os.walk(tmp_path) for name in names):
        assert time.monotonic() < until
        time.sleep(0.05)
    later.close(60.0)
    assert later.counters()["deleted_parts"] == 3
    assert not list(tmp_path.glob("date=*"))  # nor folders of nothing


def test_the_hour_that_is_written_is_never_too_old(tmp_path):
    made = RequestRecorder(str(tmp_path), MODEL, limits=RecorderLimits(gather_s=0.0))
    made.offer(replace(asked(0), time_ns=time.time_ns()))
    made.close(60.0)
    retention = Retention(str(tmp_path), 1e-9)
    retention.keep()
    assert retention.num_deleted == 0
    assert left(tmp_path) == [("r0", 0), ("r0", 1)]


def test_no_days_at_all_are_refused(tmp_path):
    with pytest.raises(ValueError, match="days that a log is kept must be above 0 and at most 36,500, got 0"):
        RequestRecorder(str(tmp_path), MODEL, limits=RecorderLimits(retention_days=0.0))
