"""Repairs: one module, the same values whoever asks."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from components.shared.contracts.problem import parse_problem
from components.shared.runtime.errors import ContractError
from components.shared.tables.column_types import type_of_texts
from components.shared.tables.repair_spec import (
    check_payload,
    Repair,
    repaired_names,
    repairs_from,
    repairs_of,
    source_name,
)
from components.shared.tables.repairs import FailedRepairs, repaired
from components.shared.tables.table_recognition import table_file
from components.shared.tables.table_rows import column_types, iter_rows
from components.shared.tables.table_spec import TableSpec
from components.shared.tables.value_cleaning import ValueCleaning

REPAIRS = (
    Repair(column="groesse", rename="height"),
    Repair(column="height", scale=0.01),
    Repair(column="sex", map={"M": "male", "F": "female"}),
    Repair(column="day", date="%d/%m/%Y"),
)


def done(values, repair, kind=None, **told):
    """A column after one repair; texts are those of a file of text."""
    column = pa.array(values, kind)
    return repaired({"x": column}, [repair], is_typed=column.type != pa.string(), **told)["x"]


def test_a_column_gets_another_name_in_its_place():
    found = repaired({"a": pa.array([1]), "x": pa.array([2]), "b": pa.array([3])}, [Repair(column="x", rename="y")])
    assert list(found) == ["a", "y", "b"]


@pytest.mark.parametrize(
    ("values", "kind", "wanted"),
    [
        (["100", "", None, " 1.5 ", "NA", "0.1"], pa.string(), ["2", None, None, "1.015", None, "1.001"]),
        ([100, None], pa.int64(), [2.0, None]),
        ([100.0, float("nan")], pa.float64(), [2.0, None]),
    ],
)
def test_numbers_are_scaled_and_moved(values, kind, wanted):
    failed = FailedRepairs()
    assert done(values, Repair(column="x", scale=0.01, offset=1.0), kind, failed=failed).to_pylist() == wanted
    assert not failed.by_column


def test_scaled_texts_keep_every_digit_and_stay_numbers():
    texts = done(["1", "3", "1e300"], Repair(column="x", scale=1 / 3))
    assert type_of_texts(texts) == pa.float64()
    assert [float(text) for text in texts.to_pylist()] == [1 / 3, 1.0, 1e300 * (1 / 3)]


def test_values_are_mapped_and_others_stay():
    assert done(["M", "F", "x", None], Repair(column="x", map={"M": "male", "F": "female"})).to_pylist() == [
        "male",
        "female",
        "x",
        None,
    ]
    assert done([1, 0], Repair(column="x", map={"1": "yes"})).to_pylist() == ["yes", "0"]
    assert done([" M", "e\u0301"], Repair(column="x", map={"M ": "1", "\u00e9": "2"})).to_pylist() == ["1", "2"]


def test_dates_become_iso():
    assert done(["31/12/2024", "1/2/2024", None], Repair(column="x", date="%d/%m/%Y")).to_pylist() == [
        "2024-12-31",
        "2024-02-01",
        None,
    ]
    assert done(["31.12.2024 07:05"], Repair(column="x", date="%d.%m.%Y %H:%M")).to_pylist() == ["2024-12-31T07:05:00"]
    assert done([20241231], Repair(column="x", date="%Y%m%d")).to_pylist() == ["2024-12-31"]


def test_white_space_goes_where_it_is_kept_elsewhere():
    kept = ValueCleaning(keep_spaces=True)
    assert done([" a ", "b\t"], Repair(column="x", strip=True), cleaning=kept).to_pylist() == ["a", "b"]
    assert done([" a "], Repair(column="x", map={"b": "c"}), cleaning=kept).to_pylist() == [" a "]


def test_what_counts_as_missing_is_so_before_the_repairs():
    cleaning, failed = ValueCleaning(missing=("?", "-999")), FailedRepairs()
    assert done(["?", "-999", "5"], Repair(column="x", scale=2.0), cleaning=cleaning, failed=failed).to_pylist() == [
        None,
        None,
        "10",
    ]
    assert done([-999, 5], Repair(column="x", scale=2.0), cleaning=cleaning, failed=failed).to_pylist() == [None, 10.0]
    assert not failed.by_column


def test_a_value_that_cannot_be_repaired_becomes_missing_and_is_counted():
    failed = FailedRepairs()
    for heights in (["1", "2"], ["one", "3"], ["4", "five"]):
        found = repaired({"groesse": pa.array(heights)}, REPAIRS, failed=failed)
    assert found["height"].to_pylist() == [0.04, None]
    height = failed.by_column["height"]
    assert (height.count, height.row, height.value) == (2, 2, "one")
    told = height.sentence("t.csv, row 4", is_personal=False)
    assert (
        told
        == "2 values of column 'height' cannot be repaired and count as missing: 'one' (t.csv, row 4) is not a number"
    )
    assert "one" not in height.sentence("row 4", is_personal=True)
    assert done(["1/1/2024", "2024"], Repair(column="x", date="%d/%m/%Y"), failed=failed)[1].as_py() is None
    assert failed.by_column["x"].wanted == "a date of the form %d/%m/%Y"


def test_repairs_are_done_in_their_order():
    repairs = [Repair(column="x", map={"M": "1"}), Repair(column="x", scale=3.0), Repair(column="x", rename="sex")]
    assert repaired({"x": pa.array([" M "])}, repairs) == {"sex": pa.array([3.0])}


def test_names_before_and_after():
    assert repaired_names(["groesse", "sex"], REPAIRS, where="t.csv") == ["height", "sex"]
    assert source_name("height", REPAIRS) == "groesse"
    assert source_name("sex", REPAIRS) == "sex"
    assert repairs_of(["height"], REPAIRS) == REPAIRS[:2]
    swapped = (Repair(column="a", rename="c"), Repair(column="b", rename="a"), Repair(column="c", rename="b"))
    assert repaired_names(["a", "b"], swapped, where="t.csv") == ["b", "a"]
    assert (source_name("a", swapped), source_name("b", swapped)) == ("b", "a")


def test_columns_that_are_not_there_and_names_that_are_taken_are_refused():
    strip, rename = Repair(column="z", strip=True), Repair(column="x", rename="y")
    assert repaired_names(["x"], [strip], where="t.csv") == ["x"]
    with pytest.raises(ValueError, match=r"repairs must name columns of t\.csv, got 'z'; it has x, y"):
        repaired_names(["x", "y"], [strip], where="t.csv", needs_all=True)
    with pytest.raises(ValueError, match=r"'x' is renamed to 'y', which there is already"):
        repaired_names(["x", "y"], [rename], where="t.csv")
    with pytest.raises(ValueError, match=r"t\.csv must be as it was before its repairs, which rename 'x' to 'y'"):
        repaired_names(["y"], [rename], where="t.csv")


def test_what_a_model_reads_as_it_stands_may_only_be_renamed():
    check_payload("y", [Repair(column="x", rename="y"), Repair(column="z", strip=True)], what="texts")
    with pytest.raises(ValueError, match="must leave the values of column 'y' alone, whose texts the model reads"):
        check_payload("y", [Repair(column="x", strip=True), Repair(column="x", rename="y")], what="texts")


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("{column: x}", "column 'x' must be given one repair of rename, scale, offset, map, date, strip, got none"),
        ("{column: x, rename: y, strip: true}", "must be given one repair at a time, got rename, strip"),
        ("{column: x, date: '%Y', offset: 1}", "must be given one repair at a time, got offset, date"),
        ("{column: x, scale: 0}", r"repairs\[0\].scale must be a number other than 0, got 0"),
        ("{column: x, scale: much}", r"repairs\[0\].scale must be a number, got 'much'"),
        ("{column: x, date: iso}", r"repairs\[0\].date must say how dates are written, such as %d/%m/%Y, got 'iso'"),
        ("{column: x, scal: 2}", r"unknown key 'repairs\[0\].scal'.* did you mean 'scale'"),
        ("{column: '', strip: true}", "column and rename must be names, but one is empty"),
    ],
)
def test_a_repair_that_says_nothing_or_too_much_is_refused(told, sentence):
    with pytest.raises(ContractError, match=sentence):
        parse_problem(f"repairs:\n  - {told}\n")


@pytest.mark.parametrize(
    "told",
    [
        "{pii: [who], repairs: [{column: name, map: {Kim: Lee}}, {column: name, rename: who}]}",
        "repairs: [{column: who, map: {010-1234-5678: none at all}}]",
    ],
)
def test_personal_data_are_not_mapped_for_the_bundle_would_list_them(told):
    with pytest.raises(ContractError, match=r"must not map personal data.*'who'") as refused:
        parse_problem(told)
    assert "Kim" not in str(refused.value)
    assert "1234" not in str(refused.value)
    parse_problem("{pii: {who: keep}, repairs: [{column: who, map: {010-1234-5678: none at all}}]}")


def test_repairs_come_back_from_json():
    assert [repair.to_dict() for repair in REPAIRS[:2]] == [
        {"column": "groesse", "rename": "height"},
        {"column": "height", "scale": 0.01},
    ]
    assert repairs_from(json.loads(json.dumps([repair.to_dict() for repair in REPAIRS]))) == REPAIRS
    problem = parse_problem("repairs: [{column: sex, map: {1: male, F: female}}]")
    assert problem.repairs == (Repair(column="sex", map={"1": "male", "F": "female"}),)
    assert parse_problem(json.dumps(problem.to_dict())) == problem


ROWS = {
    "groesse": ["180", "tall", "-1", "165.5"],
    "sex": ["M", "F", " M", "?"],
    "day": ["01/02/2024", "3/2/2024", "2024-02-01", ""],
    "kept": ["1", "2", "3", "4"],
}
REPAIRED = {
    "height": [1.8, None, None, 1.655],
    "sex": ["male", "female", "male", None],
    "day": ["2024-02-01", "2024-02-03", None, None],
}
SPEC = TableSpec(missing=("?", "-1"))


@pytest.fixture(params=["csv", "jsonl", "parquet"])
def file(request, tmp_path):
    path = tmp_path / f"t.{request.param}"
    if request.param == "csv":
        lines = zip(*ROWS.values(), strict=True)
        path.write_text("\n".join(",".join(line) for line in [list(ROWS), *lines]) + "\n")
    elif request.param == "jsonl":
        rows = [dict(zip(ROWS, line, strict=True)) for line in zip(*ROWS.values(), strict=True)]
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        pq.write_table(pa.table(ROWS), path)
    return table_file(str(path), SPEC, REPAIRS)


def test_every_reader_hands_over_repaired_columns(file):
    assert file.column_names() == ["height", "sex", "day", "kept"]
    types = column_types(file, ["height", "sex", "day"])
    assert types == {"height": pa.float64(), "sex": pa.string(), "day": pa.string()}
    failed = [FailedRepairs(), FailedRepairs()]
    (batch,) = file.iter_batches([], failed[0])
    rows = list(iter_rows(file, ["day", "height"], batch_rows=3, ragged=[], failed=failed[1]))
    for name, kind in types.items():
        assert file.cleaning.column(batch.column(name), kind).to_pylist() == REPAIRED[name], name
    assert batch.schema.names == file.column_names()
    for name in ("height", "day"):
        parts = [value for part in rows for value in file.cleaning.column(part[name], types[name]).to_pylist()]
        assert parts == REPAIRED[name], name
    for found in failed:
        assert {name: (one.count, one.row, one.value) for name, one in found.by_column.items()} == {
            "height": (1, 1, "tall"),
            "day": (1, 2, "2024-02-01"),
        }
    if not file.is_parquet:
        kinds = {"height": pa.float64(), "sex": pa.string(), "day": pa.string(), "kept": pa.int64()}
        (typed,) = file.iter_typed_batches(kinds)
        assert typed.column("height").to_pylist() == REPAIRED["height"]
        assert typed.column("kept").to_pylist() == [1, 2, 3, 4]
        with pytest.raises(ValueError, match=r"t\.\w+ cannot be read as a table") as refused:
            list(file.iter_typed_batches({**kinds, "height": pa.null()}))
        assert isinstance(refused.value.__cause__, pa.ArrowInvalid)


def test_a_typed_file_says_the_types_of_its_repaired_columns(tmp_path):
    times = pc.cast(pa.array(["2024-01-01"]), pa.timestamp("ms"))
    table = pa.table({"groesse": [180], "sex": [1], "day": times, "parts": [[1, 2]]})
    pq.write_table(table, tmp_path / "t.parquet")
    file = table_file(str(tmp_path / "t.parquet"), TableSpec(), REPAIRS)
    schema, (batch,) = file.schema(), file.iter_batches()
    assert schema.types[:3] == [pa.float64(), pa.string(), pa.timestamp("ms")]
    assert schema.types == batch.schema.types
    with pytest.raises(ValueError, match="repairs must change columns of numbers, texts or times, but 'parts' holds"):
        table_file(file.uri, TableSpec(), [Repair(column="parts", map={"1": "2"})]).schema()
