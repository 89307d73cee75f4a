from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, UTC
import json
from pathlib import Path
import shutil
import uuid

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.contracts.parquet_folder import METADATA_KEY
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.log_writer import ServingLogWriter
from components.shared.serving_log.time_window import parse_window, TimeWindow
from components.shared.tables.personal_key import keyed_hash

GOLDEN = Path(__file__).parent / "golden" / "serving_log_v1"
INFO = ExampleTableInfo(
    modality="image", class_names=(), column_roles={"brightness": "derived", "camera": "slice", "contrast": "derived"}
)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def rows(times, *, revision="a1", **further) -> pa.RecordBatch:
    count = len(times)
    columns = {
        "request_id": pa.array([f"r{number}" for number in range(count)]),
        "event_time": pa.array(times, pa.timestamp("us", tz="UTC")),
        "model_name": pa.array(["pets"] * count),
        "model_revision": pa.array([revision] * count),
        "predicted": pa.array(["cat"] * count),
        **further,
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def hours(count, *, first=NOON):
    return [first + timedelta(hours=number) for number in range(count)]


def num_rows(log: ServingLog, *, revision: str | None = None) -> int:
    return sum(batch.num_rows for batch in log.iter_batches(["request_id"], revision=revision))


def read(log, columns=None, **options) -> pa.Table:
    return pa.Table.from_batches(list(log.iter_batches(columns, **options)))


def first_part(log: Path, day: str) -> Path:
    return min((log / day).rglob("*.parquet"))


def rewritten(part, *, metadata=None, **columns):
    """Replace columns of a part, or what its metadata say, as another writer would have."""
    table = pq.read_table(part, partitioning=None)
    content = json.loads(table.schema.metadata[METADATA_KEY]) | (metadata or {})
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.remove_column(place) if values is None else table.set_column(place, name, values)
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(content).encode()}), part)


@pytest.fixture
def two_days(tmp_path):
    """24 hours from noon to noon: 12 rows on each of two days, one part an hour."""
    path = tmp_path / "log"
    brightness = pa.array([float(number) for number in range(24)])
    ServingLogWriter(path, INFO).append(rows(hours(24), brightness=brightness))
    return path


def test_what_was_appended_is_read(two_days):
    log = ServingLog(two_days)
    found = read(log)
    assert num_rows(log) == found.num_rows == 24
    assert found.column("brightness").to_pylist() == [float(number) for number in range(24)]
    assert found.column("event_time").to_pylist() == hours(24)
    assert found.schema.names == log.schema.names
    assert log.remarks == ()


def test_rows_go_to_the_partition_of_their_hour_in_utc(two_days):
    folders = sorted("/".join(path.parent.parts[-2:]) for path in two_days.rglob("*.parquet"))
    first, second = ([f"date=2026-05-0{day}/hour={hour:02}" for hour in range(24)] for day in (1, 2))
    assert folders == first[12:] + second[:12]


def test_another_time_zone_is_the_same_moment(tmp_path):
    seoul = pa.array([NOON], pa.timestamp("ms", tz="UTC")).cast(pa.timestamp("ms", tz="+09:00"))
    batch = rows([NOON])
    batch = pa.RecordBatch.from_arrays([batch.column(0), seoul, *batch.columns[2:]], batch.schema.names)
    ServingLogWriter(tmp_path, INFO).append(batch)
    assert read(ServingLog(tmp_path), ["event_time"]).column(0).to_pylist() == [NOON]


def test_every_column_has_its_role(two_days):
    info = ServingLog(two_days).info
    assert info.modality == "image"
    assert info.columns_of("prediction") == ("predicted",)
    assert info.columns_of("time") == ("event_time",)
    assert info.columns_of("derived") == ("brightness",)


def test_payload_and_probabilities_are_kept_where_they_are_logged(tmp_path):
    further = {"image": pa.array([b"\x89PNG"]), "probabilities": pa.array([[0.25, 0.75]])}
    ServingLogWriter(tmp_path, INFO).append(rows([NOON], **further))
    found = read(ServingLog(tmp_path), ["probabilities", "image"]).to_pylist()
    assert found == [{"probabilities": [0.25, 0.75], "image": b"\x89PNG"}]


def test_a_window_begins_with_its_start_and_stops_before_its_end(two_days):
    log = ServingLog(two_days, window=parse_window("2026-05-01T15:00Z", "2026-05-02T02:00Z"))
    assert read(log, ["event_time"]).column(0).to_pylist() == hours(11, first=NOON + timedelta(hours=3))
    assert num_rows(log) == 11


def test_parts_of_other_days_are_not_opened(two_days):
    part = first_part(two_days, "date=2026-05-01")
    part.write_bytes(b"damaged")
    assert num_rows(ServingLog(two_days, window=parse_window("2026-05-02", ""))) == 12
    with pytest.raises(ContractError, match=f"{part} must be a Parquet file, but is damaged"):
        ServingLog(two_days)


def test_an_empty_window_has_columns_and_no_rows(two_days):
    log = ServingLog(two_days, window=parse_window("2027-01-01", ""))
    assert num_rows(log) == 0
    assert log.times is None
    assert "brightness" in log.schema.names
    assert list(log.iter_batches()) == []


def test_the_log_says_what_time_it_covers(two_days):
    assert ServingLog(two_days).times == (NOON, NOON + timedelta(hours=23))


def test_one_revision_can_be_read_alone(two_days):
    ServingLogWriter(two_days, INFO).append(rows(hours(3), revision="b2", brightness=pa.array([9.0] * 3)))
    log = ServingLog(two_days)
    assert log.revisions() == {"a1": 24, "b2": 3}
    assert num_rows(log, revision="b2") == 3
    assert read(log, ["model_revision"], revision="b2").column(0).to_pylist() == ["b2"] * 3
    assert num_rows(log, revision="c3") == 0


def test_a_revision_and_a_window_hold_together(two_days):
    ServingLogWriter(two_days, INFO).append(rows(hours(3), revision="b2", brightness=pa.array([9.0] * 3)))
    log = ServingLog(two_days, window=TimeWindow(start=NOON + timedelta(hours=1)))
    assert num_rows(log, revision="b2") == 2


def test_parts_come_in_the_order_of_their_first_event(tmp_path):
    writer = ServingLogWriter(tmp_path, INFO)
    for number in (4, 0, 2, 3, 1):
        writer.append(rows([NOON + timedelta(minutes=number)]))
    found = read(ServingLog(tmp_path), ["event_time"]).column(0).to_pylist()
    assert found == sorted(found)


def test_a_column_of_a_later_deployment_is_empty_before_it_and_said(two_days):
    later = rows(hours(2, first=NOON + timedelta(days=2)), brightness=pa.array([1.0, 2.0]), camera=pa.array(["x", "y"]))
    ServingLogWriter(two_days, INFO).append(later)
    log = ServingLog(two_days)
    assert read(log, ["camera"]).column(0).to_pylist() == [None] * 24 + ["x", "y"]
    assert len(log.remarks) == 1
    assert "'camera' is missing from 24 of 26 parts" in log.remarks[0]


@pytest.mark.parametrize(
    ("later", "united", "first"),
    [
        (pa.array([1, 2], pa.int64()), pa.float64(), 0.0),
        (pa.array(["dark", "light"]), pa.string(), "0"),
        (pa.array([None, None], pa.null()), pa.float64(), 0.0),
        (pa.array(["dark", "light"]).dictionary_encode(), pa.string(), "0"),
    ],
    ids=["whole numbers", "text", "nothing", "dictionary"],
)
def test_a_changed_type_is_read_in_the_one_that_holds_both_and_said(two_days, later, united, first):
    ServingLogWriter(two_days, INFO).append(rows(hours(2, first=NOON + timedelta(days=2)), brightness=later))
    log = ServingLog(two_days)
    assert log.schema.field("brightness").type == united
    assert read(log, ["brightness"]).column(0)[0].as_py() == first
    assert "'brightness' is " in log.remarks[0]


def test_types_that_do_not_go_together_are_named_with_part_and_column(two_days):
    [part] = ServingLogWriter(two_days, INFO).append(
        rows([NOON + timedelta(days=2)], brightness=pa.array([[1.0]], pa.list_(pa.float64())))
    )
    with pytest.raises(ContractError, match=f"{part} must have the column 'brightness' as double, .* got list"):
        ServingLog(two_days)


def test_flat_files_and_hours_are_read_too(tmp_path):
    parts = ServingLogWriter(tmp_path / "written", INFO).append(rows(hours(1)))
    flat, nested = tmp_path / "log" / "any-name.parquet", tmp_path / "log" / "date=2026-05-01" / "hour=12" / "p.parquet"
    nested.parent.mkdir(parents=True)
    for target in (flat, nested):
        shutil.copy(parts[0], target)
    assert num_rows(ServingLog(tmp_path / "log")) == 2
    assert num_rows(ServingLog(tmp_path / "log", window=TimeWindow(start=NOON, end=NOON + timedelta(seconds=1)))) == 2


def test_parts_of_other_hours_are_not_opened(tmp_path):
    damaged = tmp_path / "date=2026-05-01" / "hour=11" / "part-0.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"damaged")
    ServingLogWriter(tmp_path, INFO).append(rows([NOON]))
    assert num_rows(ServingLog(tmp_path, window=TimeWindow(start=NOON))) == 1


def test_a_row_in_the_folder_of_another_day_is_an_error(two_days):
    part = first_part(two_days, "date=2026-05-01")
    moved = part.rename(two_days / "date=2026-05-02" / "moved.parquet")
    with pytest.raises(
        ContractError, match=f"{moved} must hold event times of its folder, 2026-05-02.* got 2026-05-01"
    ):
        ServingLog(two_days)


def test_hidden_and_unfinished_files_are_passed_over(two_days):
    (two_days / "date=2026-05-01" / ".part-1.parquet").write_bytes(b"unfinished")
    (two_days / "_temporary").mkdir()
    (two_days / "_temporary" / "part-1.parquet").write_bytes(b"unfinished")
    assert num_rows(ServingLog(two_days)) == 24


def test_a_store_behind_a_uri_is_written_and_read():
    uri = f"memory://serving-log-{uuid.uuid4().hex}"
    ServingLogWriter(uri, INFO).append(rows(hours(24)))
    assert num_rows(ServingLog(uri, window=parse_window("2026-05-02", ""))) == 12
    assert len(fsspec.filesystem("memory").find(uri)) == 24


def test_several_writers_append_at_once(tmp_path):
    def append(number):
        ServingLogWriter(tmp_path, INFO).append(rows(hours(20), revision=str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(16)))
    assert ServingLog(tmp_path).revisions() == {str(number): 20 for number in range(16)}


def test_a_log_without_rows_in_a_part_is_read(two_days):
    part = first_part(two_days, "date=2026-05-02")
    pq.write_table(pq.read_table(part, partitioning=None)[:0], part)
    assert num_rows(ServingLog(two_days)) == 23


def test_what_every_log_has_may_not_be_left_out(tmp_path):
    batch = rows([NOON])
    with pytest.raises(ContractError, match="must have the column 'predicted'"):
        ServingLogWriter(tmp_path, INFO).append(pa.RecordBatch.from_arrays(batch.columns[:4], batch.schema.names[:4]))
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_was_not_seen_is_empty(tmp_path):
    batch = rows([NOON])
    unanswered = pa.RecordBatch.from_arrays([*batch.columns[:4], pa.nulls(1)], batch.schema.names)
    ServingLogWriter(tmp_path, INFO).append(unanswered)
    assert read(ServingLog(tmp_path), ["predicted"]).column(0).to_pylist() == [None]


def test_an_empty_identifier_is_named_with_its_row(tmp_path):
    batch = rows([NOON, NOON])
    broken = pa.RecordBatch.from_arrays([pa.array(["r0", None]), *batch.columns[1:]], batch.schema.names)
    with pytest.raises(ContractError, match="'request_id' must not be empty, but row 1"):
        ServingLogWriter(tmp_path, INFO).append(broken)


def test_a_column_without_a_role_is_refused(tmp_path):
    with pytest.raises(ContractError, match="column 'speed' must have a role"):
        ServingLogWriter(tmp_path, INFO).append(rows([NOON], speed=pa.array([1.0])))


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        (
            "event_time",
            pa.array([0], pa.timestamp("us")),
            "'event_time' must be a time with a time zone, got timestamp",
        ),
        ("request_id", pa.array([[1]]), "'request_id' must be string, got list"),
    ],
)
def test_a_type_that_cannot_be_cast_is_named(tmp_path, column, values, sentence):
    batch = rows([NOON])
    columns = {**dict(zip(batch.schema.names, batch.columns, strict=True)), column: values}
    with pytest.raises(ContractError, match=sentence):
        ServingLogWriter(tmp_path, INFO).append(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


def test_a_part_of_another_modality_is_named(two_days):
    text = ExampleTableInfo(modality="text", class_names=(), column_roles={"num_words": "derived"})
    [part] = ServingLogWriter(two_days, text).append(rows([NOON + timedelta(days=2)], num_words=pa.array([3])))
    with pytest.raises(ContractError, match=f"{part} must be of the modality image, .* got text"):
        ServingLog(two_days)


def test_a_part_of_answers_alone_has_no_modality_of_its_own(two_days):
    text = ExampleTableInfo(modality="text", class_names=(), column_roles={})
    ServingLogWriter(two_days, text).append(rows([NOON + timedelta(days=2)]))

    assert num_rows(ServingLog(two_days)) == 25
    assert ServingLog(two_days).info.modality == "image"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"metadata": {"format_version": 4}}, "serving_log at .* must have a format_version from 1 to 3, got 4"),
        ({"metadata": {"contract": "example_table"}}, "must be a shard of serving_log, got 'example_table'"),
        ({"metadata": {"column_roles": None}}, "must hold modality and column_roles"),
        ({"metadata": {"modality": "sound"}}, "modality must be image, text or tabular, got 'sound'"),
        ({"predicted": None}, "must have the column 'predicted'; it has request_id, "),
        ({"predicted": pa.array([1])}, "must have the column 'predicted' as string, got int64"),
    ],
)
def test_a_part_that_breaks_the_contract_is_named(two_days, change, sentence):
    part = first_part(two_days, "date=2026-05-02")
    rewritten(part, **change)
    with pytest.raises(ContractError, match=sentence) as refused:
        ServingLog(two_days)
    assert str(part) in str(refused.value)


def test_a_part_that_is_damaged_inside_is_named(two_days):
    part = first_part(two_days, "date=2026-05-01")
    content = bytearray(part.read_bytes())
    content[4:400] = bytes(396)
    part.write_bytes(content)
    with pytest.raises(ContractError, match=f"{part} must be a Parquet file, but is damaged"):
        list(ServingLog(two_days).iter_batches())


def test_an_unknown_column_is_named_with_those_there_are(two_days):
    with pytest.raises(ContractError, match="must have the column 'sharpness'; it has request_id, "):
        list(ServingLog(two_days).iter_batches(["sharpness"]))


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "empty"])
def test_a_folder_without_parts_is_no_log(tmp_path, make):
    make(tmp_path / "log")
    with pytest.raises(FileNotFoundError, match=r"a folder with Parquet parts, .* holds none: a server brings"):
        ServingLog(tmp_path / "log")


def test_a_store_without_a_driver_is_one_sentence():
    with pytest.raises(ValueError, match="the serving log nosuch://bucket/log must be a folder that can be read"):
        ServingLog("nosuch://bucket/log")


def test_times_are_known_without_statistics_in_the_footer(two_days):
    for part in two_days.rglob("*.parquet"):
        pq.write_table(pq.read_table(part, partitioning=None), part, write_statistics=False)
    assert ServingLog(two_days).times == (NOON, NOON + timedelta(hours=23))


def test_a_log_of_format_version_1_still_loads():
    log = ServingLog(GOLDEN)
    assert log.times == (datetime(2026, 5, 1, 23, 30, tzinfo=UTC), datetime(2026, 5, 2, 0, 30, tzinfo=UTC))
    assert {name: log.info.main_role(name) for name in log.info.column_roles} == {
        "request_id": "id",
        "event_time": "time",
        "model_name": "metadata",
        "model_revision": "metadata",
        "predicted": "prediction",
        "probabilities": "metadata",
        "image": "payload",
        "brightness": "derived",
        "camera": "slice",
    }
    assert read(log, ["request_id", "predicted", "probabilities", "image", "brightness", "camera"]).to_pylist() == [
        {
            "request_id": "r0",
            "predicted": "cat",
            "probabilities": [0.75, 0.25],
            "image": b"\x89PNG",
            "brightness": 0.5,
            "camera": "door",
        },
        {
            "request_id": "r1",
            "predicted": None,
            "probabilities": None,
            "image": None,
            "brightness": None,
            "camera": "garden",
        },
    ]


def test_personal_columns_are_hashed_and_other_texts_masked_but_not_the_payload(tmp_path):
    roles = {"phone": "pii", "patient": "group", "note": "slice", "city": "feature"}
    further = {name: pa.array(["010-1234-5678"]) for name in [*roles, "text"]}
    info = replace(INFO, modality="text", column_roles=roles)
    ServingLogWriter(tmp_path / "a", info).append(rows([NOON], **further))
    hashed, stays = keyed_hash("010-1234-5678"), "010-1234-5678"
    found = read(ServingLog(tmp_path / "a"), [*roles, "text"]).to_pylist()[0]
    assert [*found.values()] == [hashed, hashed, "<phone>", stays, stays]
    ServingLogWriter(tmp_path / "b", info, kept=["note", "patient"]).append(rows([NOON], **further))
    assert read(ServingLog(tmp_path / "b"), ["patient", "note"]).to_pylist() == [{"patient": stays, "note": stays}]


def test_a_log_of_numbers_holds_predictions_as_numbers(tmp_path):
    info = ExampleTableInfo(modality="tabular", class_names=(), column_roles={"area": "feature"}, task="regression")
    batch = rows(hours(3), area=pa.array([1.0, 2.0, 3.0]))
    numbers = rows(hours(3), area=pa.array([1.0, 2.0, 3.0]), predicted=pa.array([1.5, None, -2.0]))
    ServingLogWriter(tmp_path / "log", info).append(numbers)
    log = ServingLog(tmp_path / "log")
    assert (log.info.task, log.info.main_role("predicted")) == ("regression", "prediction")
    assert read(log, ["predicted"]).column(0).to_pylist() == [1.5, None, -2.0]
    with pytest.raises(ContractError, match="column 'predicted' must be double, got string"):
        ServingLogWriter(tmp_path / "log", info).append(batch)
    ServingLogWriter(tmp_path / "log", INFO).append(rows(hours(1)))
    with pytest.raises(ContractError, match=r"must be of the (task|modality)"):
        ServingLog(tmp_path / "log")


def test_a_log_of_format_version_2_loads():
    """Of numbers, with columns of several roles, two of them personal."""
    log = ServingLog(GOLDEN.parent / "serving_log_v2")
    assert (log.info.modality, log.info.task) == ("tabular", "regression")
    assert log.info.roles_of("age") == ("feature", "slice")
    assert log.info.columns_of("pii", "group") == ("phone", "patient")
    assert log.times == (datetime(2026, 5, 1, 23, 30, tzinfo=UTC), datetime(2026, 5, 2, 0, 30, tzinfo=UTC))
    assert read(log, ["request_id", "predicted", "age", "phone", "patient"]).to_pylist() == [
        {"request_id": "r0", "predicted": 1.5, "age": 30, "phone": "hash-1", "patient": "p1"},
        {"request_id": "r1", "predicted": None, "age": None, "phone": None, "patient": "p2"},
    ]
