from datetime import datetime, timedelta, UTC

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_validation.monitoring.window import open_window
from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.log_writer import ServingLogWriter
from components.shared.tables.repair_spec import Repair
from components.shared.tables.repairs import repaired

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
INFO = ExampleTableInfo(
    modality="image", class_names=(), column_roles={"brightness": "derived", "sharp": "derived", "colours": "derived"}
)


def append(path, *, count=4, first=NOON, revision="a1", **further):
    columns = {
        "request_id": pa.array([f"r{number}" for number in range(count)]),
        "event_time": pa.array([first + timedelta(hours=n) for n in range(count)], pa.timestamp("us", tz="UTC")),
        "model_name": pa.array(["pets"] * count),
        "model_revision": pa.array([revision] * count),
        "predicted": pa.array(["cat", "dog"] * (count // 2)),
        "brightness": pa.array(range(count), pa.int32()),
        **further,
    }
    ServingLogWriter(path, INFO).append(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


@pytest.fixture
def log(tmp_path):
    append(tmp_path / "log")
    return str(tmp_path / "log")


def values(window, column):
    return [value for batch in window.iter_batches([column]) for value in batch.column(0).to_pylist()]


def test_the_rows_of_the_window_are_read_and_no_others(log):
    window = open_window(log, "2026-05-01T13:00Z", "2026-05-01T15:00Z")
    assert window.num_rows == 2
    assert values(window, "brightness") == [1, 2]


def test_columns_have_the_types_in_which_they_are_examined(tmp_path):
    sharp, colours = pa.array([True, False] * 2), pa.array([[1.0]] * 4)
    append(tmp_path, sharp=sharp, colours=colours)
    window = open_window(str(tmp_path), "", "")
    types = {field.name: field.type for field in window.schema}
    assert types["brightness"] == pa.int64()
    assert types["sharp"] == types["predicted"] == pa.string()
    assert types["event_time"] == pa.timestamp("us")
    assert types["colours"] == pa.list_(pa.float64())
    assert values(window, "sharp") == ["true", "false", "true", "false"]
    assert values(window, "event_time")[0] == NOON.replace(tzinfo=None)
    assert all(batch.schema == window.schema for batch in window.iter_batches())


def test_roles_are_those_of_the_log(log):
    info = open_window(log, "", "").info
    assert info.modality == "image"
    assert info.columns_of("derived", "prediction") == ("predicted", "brightness")


def test_small_parts_are_read_in_few_batches(tmp_path):
    for number in range(5):
        append(tmp_path, first=NOON + timedelta(minutes=number))
    assert [batch.num_rows for batch in open_window(str(tmp_path), "", "").iter_batches()] == [20]


def test_its_parts_together_are_the_window(log):
    window = open_window(log, "", "")
    parts = window.parts(8)
    assert sum(part.num_rows for part in parts) == 4
    assert [b for part in parts for b in window.iter_batches(["brightness"], part=part)] == list(
        window.iter_batches(["brightness"])
    )


def test_one_revision_is_read_alone_and_several_are_said(log):
    append(log, revision="b2", count=2)
    assert open_window(log, "", "", revision="b2").num_rows == 2
    assert open_window(log, "", "", revision="b2").remarks == ()
    assert "4 of 'a1', 2 of 'b2'" in open_window(log, "", "").remarks[0]


def test_a_column_that_some_parts_lack_is_said(log):
    append(log, first=NOON + timedelta(days=1), sharp=pa.array([True] * 4))
    assert "'sharp' is missing from 4 of 8 parts" in open_window(log, "", "").remarks[0]


def test_an_empty_window_says_what_the_log_covers(log):
    with pytest.raises(
        ValueError,
        match=r"from 2027-01-01 00:00:00 UTC to the end of .* must hold requests, but holds none; "
        "the log covers 2026-05-01 12:00:00 UTC to 2026-05-01 15:00:00 UTC",
    ):
        open_window(log, "2027-01-01", "")


def test_a_revision_that_did_not_answer_is_told_who_did(log):
    with pytest.raises(ValueError, match="must hold requests to the revision 'z9', but holds 4 of 'a1'"):
        open_window(log, "", "", revision="z9")


def test_a_log_without_any_row_says_so(tmp_path):
    append(tmp_path / "log")
    for part in (tmp_path / "log").rglob("*.parquet"):
        pq.write_table(pq.read_table(part, partitioning=None)[:0], part)
    with pytest.raises(ValueError, match="holds none; the log has no rows"):
        open_window(str(tmp_path / "log"), "", "")


def test_the_log_holds_what_the_model_reads_after_the_repairs_as_its_baseline_does(tmp_path):
    repairs = (Repair(column="groesse", rename="height"), Repair(column="height", scale=0.01))
    info = ExampleTableInfo(modality="tabular", class_names=(), column_roles={"height": "feature"}, repairs=repairs)
    base = {
        "request_id": pa.array(["r0", "r1"]),
        "event_time": pa.array([NOON, NOON], pa.timestamp("us", tz="UTC")),
        "model_name": pa.array(["m", "m"]),
        "model_revision": pa.array(["a1", "a1"]),
        "predicted": pa.array(["yes", "no"]),
    }

    def served(columns):
        return pa.RecordBatch.from_arrays([*base.values(), *columns.values()], [*base, *columns])

    sent = {"groesse": pa.array([180.0, None])}
    writer = ServingLogWriter(str(tmp_path / "log"), info)
    writer.append(served(repaired(sent, info.repairs)))
    window = open_window(str(tmp_path / "log"), "", "")
    assert values(window, "height") == [1.8, None]
    with pytest.raises(ContractError, match="column 'groesse' must have a role"):
        writer.append(served(sent))
