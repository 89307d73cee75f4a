from datetime import datetime, timedelta, UTC

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_ingestion.jobs.add_labels import add_late_labels
from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.log_writer import ServingLogWriter
from components.shared.serving_log.served_labels import read_labels
from components.shared.serving_log.time_window import TimeWindow

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
INFO = ExampleTableInfo(modality="text", class_names=(), column_roles={"order": "id"})


@pytest.fixture
def log(tmp_path):
    """Two requests, of one row and of two; the order o1 was served twice."""
    path = str(tmp_path / "log")
    columns = {
        "request_id": pa.array(["a", "b", "b"]),
        "row": pa.array([0, 0, 1], pa.int32()),
        "event_time": pa.array([NOON, NOON + timedelta(days=1), NOON + timedelta(days=1)]),
        "model_name": pa.array(["m"] * 3),
        "model_revision": pa.array(["v"] * 3),
        "predicted": pa.array(["x"] * 3),
        "order": pa.array(["o1", "o1", "o2"]),
    }
    ServingLogWriter(path, INFO).append(pa.RecordBatch.from_pydict(columns))
    return path


def added(log, tmp_path, text, **options):
    file = tmp_path / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return add_late_labels(str(file), log, tmp_path / "problems.csv", **options)


def stored(log) -> list[tuple]:
    rows = read_labels(log, TimeWindow()).to_pylist()
    return sorted(
        (row["request_id"], row["row"], row["label"], row["label_version"], row["label_source"]) for row in rows
    )


def test_labels_of_requests_and_rows_are_kept_beside_the_log(log, tmp_path):
    counts = added(log, tmp_path, "request_id,row,label\na,,cat\nb,1,dog\n", label_version=2)
    assert (counts.num_joined, counts.num_new, counts.problems) == (2, 2, {})
    assert stored(log) == [("a", 0, "cat", 2, "person"), ("b", 1, "dog", 2, "person")]


def test_labels_of_a_declared_identifier_mean_what_was_served_before_them(log, tmp_path):
    text = "order,time,label,label_source\no1,2026-05-01T13:00Z,cat,rule\no1,2026-05-02T13:00+00:00,dog,\n"
    added(log, tmp_path, text)
    assert stored(log) == [("a", 0, "cat", 1, "rule"), ("b", 0, "dog", 1, "person")]


def test_what_is_not_plain_is_listed_row_by_row(log, tmp_path):
    counts = added(log, tmp_path, "request_id,label\na,cat\nb,dog\nz,cat\n")
    assert counts.problems == {"several_rows": 1, "unmatched": 1}
    lines = (tmp_path / "problems.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[:3] for line in lines] == [
        ["file_row", "request_id", "problem"],
        ["2", "b", "several_rows"],
        ["3", "z", "unmatched"],
    ]


def test_the_same_labels_again_change_nothing_and_others_are_no_news(log, tmp_path):
    added(log, tmp_path, "request_id,label\na,cat\n")
    again = added(log, tmp_path, "request_id,label\na,cat\n")
    assert (again.num_joined, again.num_new) == (1, 0)
    other = added(log, tmp_path, "request_id,label\na,dog\n")
    assert (other.num_joined, other.problems) == (0, {"conflict": 1})
    newer = added(log, tmp_path, "request_id,label\na,dog\n", label_version=2)
    assert newer.num_new == 1
    assert stored(log) == [("a", 0, "cat", 1, "person"), ("a", 0, "dog", 2, "person")]


def test_parquet_is_read_and_only_the_window_is_looked_at(log, tmp_path):
    file = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"request_id": ["a", "b"], "row": [0, 0], "label": ["cat", "dog"]}), file)
    counts = add_late_labels(str(file), log, tmp_path / "problems.csv", window_start="2026-05-02")
    assert (counts.num_joined, counts.problems) == (1, {"unmatched": 1})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id,label\na,b\n", "must have the columns label and request_id or order, it has id, label"),
        ("request_id,row,label\na,first,b\n", "row of .* must be numbers"),
        ("order,time,label\no1,noon,b\n", "time of .* must be in ISO 8601, row 1 has 'noon'"),
        (
            "request_id,label,label_source\na,b,guess\n",
            "label_source of .* must be one of person, model, rule, got 'guess'",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_sentence(log, tmp_path, text, sentence):
    with pytest.raises(ContractError, match=sentence):
        added(log, tmp_path, text)
