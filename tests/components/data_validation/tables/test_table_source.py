from datetime import date, datetime
import gzip
import json

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_validation.tables.source_opening import open_table
from components.data_validation.tables.table_source import regrouped, TypesWidened
from components.shared.runtime.errors import ContractError
from components.shared.tables.repair_spec import Repair
from components.shared.tables.table_spec import TableSpec


def written(path, data: bytes | str) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def rows(source, **reading) -> list[dict]:
    return [row for batch in source.iter_batches(**reading) for row in batch.to_pylist()]


def types(source) -> dict[str, str]:
    return {field.name: str(field.type) for field in source.schema}


def test_a_csv_has_the_types_that_its_texts_show(tmp_path):
    text = "n,x,zip,name,empty\n1,1.5,00501,a,\n-2,inf,10001,,\nNA,-inf,20002,NA,\n,nan,1,b,\n"
    source = open_table(written(tmp_path / "t.csv", text))
    assert types(source) == {"n": "int64", "x": "double", "zip": "string", "name": "string", "empty": "null"}
    assert source.num_rows is None
    columns = {name: [row[name] for row in rows(source)] for name in source.schema.names}
    assert columns["n"] == [1, -2, None, None]
    assert columns["x"] == [1.5, float("inf"), float("-inf"), None]
    assert columns["zip"] == ["00501", "10001", "20002", "1"]
    assert columns["name"] == ["a", None, "NA", "b"]  # in text only nothing is missing
    assert columns["empty"] == [None] * 4
    assert source.num_rows == 4


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", b"\xef\xbb\xbfa,b\n1,x\n"),
        ("t.tsv", b"a\tb\n1\tx\n"),
        ("t.csv", b"a;b\n1;x\n"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,x\n", mtime=0)),
        ("t.csv", "a,b\n1,x\n".encode("utf-16")),
    ],
)
def test_mark_delimiter_packing_and_encoding_are_recognised(tmp_path, name, data):
    assert rows(open_table(written(tmp_path / name, data))) == [{"a": 1, "b": "x"}]


def test_korean_in_cp949_is_read(tmp_path):
    source = open_table(written(tmp_path / "t.csv", "이름,값\n홍길동,1\n".encode("cp949")))
    assert rows(source) == [{"이름": "홍길동", "값": 1}]
    assert "t.csv is read as cp949" in source.remarks


def test_cp949_that_begins_far_into_a_file_is_found_and_reading_begins_again(tmp_path):
    rest = "홍길동\n".encode("cp949")
    assert rows(open_table(written(tmp_path / "t.csv", b"a\n" + b"x\n" * 600_000 + rest)))[-1] == {"a": "홍길동"}
    source = open_table(written(tmp_path / "t.csv", b"a\n" + (b"x" * 63 + b"\n") * 100_000 + rest))
    with pytest.raises(TypesWidened):
        rows(source)
    assert rows(source)[-1] == {"a": "홍길동"}
    assert "t.csv is read as cp949" in source.remarks


def test_a_line_break_in_quotes_is_a_part_of_a_value(tmp_path):
    assert rows(open_table(written(tmp_path / "t.csv", 'a,b\n"1\n2",x\n'))) == [{"a": "1\n2", "b": "x"}]


def test_composed_and_decomposed_hangul_are_one_text(tmp_path):
    source = open_table(written(tmp_path / "t.csv", "도시\n\u1109\u1165\n서\n"))
    assert rows(source) == [{"도시": "서"}, {"도시": "서"}]


def test_ragged_rows_are_left_out_and_counted(tmp_path):
    source = open_table(written(tmp_path / "t.csv", "a,b\n" + "1,2\n" * 98 + "1\n1,2,3\n"))
    assert len(rows(source)) == 98
    assert source.num_rows == 98
    assert "2 lines of t.csv with too few or too many values are left out" in source.remarks


def test_a_table_of_which_more_than_a_tenth_is_ragged_is_refused(tmp_path):
    source = open_table(written(tmp_path / "t.csv", "a,b\n" + "1,2\n" * 17 + "1\n1\n"))
    with pytest.raises(ValueError, match=r"must have 2 values in each row, but 2 of 19 lines"):
        rows(source)


def test_numbers_and_texts_in_one_column_are_texts_and_that_is_said(tmp_path):
    source = open_table(written(tmp_path / "t.csv", "age,zip\n" + "31,00501\n" * 5 + "unknown,10001\n"))
    assert types(source) == {"age": "string", "zip": "string"}
    assert rows(source)[0] == {"age": "31", "zip": "00501"}
    assert "read as text, since they hold numbers and other texts: age" in source.remarks


LATE = "n,x,late,t\n" + "1,2,,a\n" * 400_000 + "1.5,two,7,b\n"


def test_a_value_that_the_first_rows_do_not_foretell_makes_reading_begin_again_with_types_of_all_rows(tmp_path):
    source = open_table(written(tmp_path / "t.csv", LATE))
    assert types(source) == {"n": "int64", "x": "int64", "late": "null", "t": "string"}
    with pytest.raises(TypesWidened, match="begin again"):
        rows(source)
    assert types(source) == {"n": "double", "x": "string", "late": "int64", "t": "string"}
    found = rows(source)
    assert len(found) == 400_001
    assert (found[0], found[-1]) == (
        {"n": 1.0, "x": "2", "late": None, "t": "a"},
        {"n": 1.5, "x": "two", "late": 7, "t": "b"},
    )
    assert "read as text, since they hold numbers and other texts: x" in source.remarks


def test_the_first_rows_are_there_whatever_the_types_turn_out_to_be(tmp_path):
    source = open_table(written(tmp_path / "t.csv", LATE))
    assert source.first_rows(3).to_pylist() == [{"n": 1.0, "x": "2", "late": None, "t": "a"}] * 3
    assert open_table(written(tmp_path / "u.csv", "a\n")).first_rows(3) is None


def test_a_settled_source_is_never_interrupted(tmp_path):
    source = open_table(written(tmp_path / "t.csv", LATE))
    source.settle()
    assert len(rows(source)) == 400_001


def test_a_reader_may_leave_a_long_file_early(tmp_path):
    text = "n,t\n" + "1,some words of a text\n" * 900_000
    packed = gzip.compress(text.encode(), 1)
    for name, data in (("t.csv", text.encode()), ("t.csv.gz", packed), ("u.csv", text.encode("utf-16"))):
        assert next(iter(open_table(written(tmp_path / name, data)).iter_batches(["t"]))).num_rows > 0
    with fsspec.open("memory://left/t.csv", "wb") as file:
        file.write(text.encode())
    assert next(iter(open_table("memory://left/t.csv").iter_batches(["t"]))).num_rows > 0


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    source = open_table(written(tmp_path / "t.csv", "a,b\n"))
    assert rows(source) == []
    assert types(source) == {"a": "null", "b": "null"}


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.csv", b"", "must be a table with a header, but it is empty"),
        ("t.csv", b"\n\n", "must be a table with a header, but it is empty"),
        ("t.csv", b"a,b,a\n1,2,3\n", "must not repeat a column's name, but 'a'"),
        ("t.csv", b"a\n\xff\xfe\x80\xff\n", "must be text in UTF-8, UTF-16 or CP949"),
        ("t.csv", b"a\n\xff\xfe\x80\x00\xff\n", "but it is binary data, no text: export"),
        ("t.parquet", b"PAR1 and then nothing", "cannot be read as a table"),
        ("t.parquet", b"", "cannot be read as a table"),
        ("t.xyz", b"a\n1\n", "must be a folder of images or a table ending in"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path, name, data, message):
    uri = written(tmp_path / name, data)
    with pytest.raises(ValueError, match=message):
        rows(open_table(uri))


def test_a_packed_file_that_was_cut_off_is_refused(tmp_path):
    packed = gzip.compress("\n".join(["a,b", *(f"{n},{n * n}" for n in range(50_000))]).encode())
    uri = written(tmp_path / "t.csv.gz", packed[: len(packed) // 2])
    with pytest.raises(ValueError, match=r"t\.csv\.gz cannot be read as a table"):
        rows(open_table(uri))


def test_a_table_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        open_table(str(tmp_path / "none.csv"))
    with pytest.raises(FileNotFoundError, match=r"a folder with \.parquet files"):
        open_table(str(tmp_path))
    with pytest.raises(ValueError, match="got nothing"):
        open_table(" ")


def test_ten_thousand_columns_are_read(tmp_path):
    names = [f"c{number}" for number in range(10_000)]
    lines = [",".join(names), *(",".join(str(row * number) for number in range(10_000)) for row in range(30))]
    source = open_table(written(tmp_path / "wide.csv", "\n".join(lines)))
    (batch,) = source.iter_batches()
    assert (batch.num_rows, batch.num_columns) == (30, 10_000)
    assert set(batch.schema.types) == {pa.int64()}
    assert batch.column(9999)[29].as_py() == 29 * 9999


def test_stored_types_become_the_types_in_which_columns_are_examined(tmp_path):
    table = pa.table(
        {
            "i": pa.array([1, None], pa.int8()),
            "u": pa.array([2**64 - 1, 1], pa.uint64()),
            "f": pa.array([1.5, float("nan")], pa.float32()),
            "b": [True, None],
            "d": [date(1970, 1, 2), None],
            "t": pa.array([datetime(1970, 1, 1, 1)] * 2, pa.timestamp("ns")),
            "c": pa.array(["x", None]).dictionary_encode(),
            "none": pa.array([None, None], pa.null()),
            "list": [[1], [2, 3]],
            "raw": [b"a", b"b"],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    source = open_table(str(tmp_path / "t.parquet"))
    assert list(types(source).values())[:8] == [
        *("int64", "double", "double", "string", "timestamp[us]", "timestamp[us]", "string", "null")
    ]
    first = rows(source)[0]
    assert (first["i"], first["u"], first["b"], first["c"]) == (1, float(2**64 - 1), "true", "x")
    assert (first["d"], first["t"]) == (datetime(1970, 1, 2), datetime(1970, 1, 1, 1))
    assert (first["list"], first["raw"]) == ([1], b"a")
    assert source.remarks == ("not examined, since a row holds no single value there: list, raw",)
    assert source.num_rows == 2


def test_a_column_whose_name_begins_like_anothers_is_read_alone(tmp_path):
    pq.write_table(pa.table({"a": [1], "a.b": [2], "c": [{"d": 3}]}), tmp_path / "t.parquet")
    assert rows(open_table(str(tmp_path / "t.parquet")), columns=["a.b", "a"]) == [{"a.b": 2, "a": 1}]


def test_folders_named_by_time_become_columns(tmp_path):
    for day, hour, value in (("2026-01-31", "0", 1), ("2026-02-01", "13", 2)):
        folder = tmp_path / f"date={day}" / f"hour={hour}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [value]}), folder / "part.parquet")
    (tmp_path / "_SUCCESS").write_text("")
    source = open_table(str(tmp_path))
    assert types(source) == {"x": "int64", "date": "timestamp[us]", "hour": "int64"}
    assert rows(source) == [
        {"x": 1, "date": datetime(2026, 1, 31), "hour": 0},
        {"x": 2, "date": datetime(2026, 2, 1), "hour": 13},
    ]
    assert rows(source, columns=["hour"]) == [{"hour": 0}, {"hour": 13}]


def test_files_that_disagree_share_the_narrowest_type_that_holds_both(tmp_path):
    pq.write_table(pa.table({"n": [1], "m": [1.0], "s": [2], "old": ["x"]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"n": [1.5], "m": [2], "s": ["two"]}), tmp_path / "1.parquet")
    source = open_table(str(tmp_path))
    assert rows(source) == [
        {"n": 1.0, "m": 1.0, "s": "2", "old": "x"},
        {"n": 1.5, "m": 2.0, "s": "two", "old": None},
    ]
    assert len(source.remarks) == 2
    assert source.remarks[0].startswith("'s' is read as text")
    assert source.remarks[1] == "'old' is in 1 of 2 files only"


@pytest.mark.parametrize("num_parts", [1, 2, 3, 7, 100])
def test_parts_are_the_table_in_its_order(tmp_path, num_parts):
    for number in range(3):
        values = np.arange(number * 100, number * 100 + 100)
        pq.write_table(pa.table({"n": values}), tmp_path / f"{number}.parquet", row_group_size=30)
    source = open_table(str(tmp_path))
    parts = source.parts(num_parts)
    assert len(parts) == min(num_parts, 12)
    found = []
    for part in parts:
        assert part.start_row == len(found)
        found += [row["n"] for row in rows(source, part=part)]
        assert len(found) == part.start_row + part.num_rows
    assert found == list(range(300))


def test_an_example_table_brings_its_roles_and_its_splits_can_be_told_apart(write_table):
    path = write_table(["train", "test", "train"], ["a", "b", None], {"price": [1.0, 2.0, 3.0]})
    source = open_table(str(path))
    assert source.info.main_role("price") == "feature"
    assert rows(source, columns=["price"], splits=["train"]) == [{"price": 1.0}, {"price": 3.0}]
    assert source.num_rows == 3


def test_a_damaged_example_table_is_refused(write_table):
    path = write_table(["train"], ["a"], {"price": [1.0]})
    (path / "shard-00000.parquet").rename(path / "shard-00001.parquet")
    first = path / "shard-00000.parquet"
    pq.write_table(pq.read_table(path / "shard-00001.parquet"), first)
    (path / "shard-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises((ContractError, ValueError), match=r"shard-00001\.parquet"):
        open_table(str(path))


def test_files_at_a_uri_are_read():
    with fsspec.open("memory://store/t.csv", "wb") as file:
        file.write(b"a\n1\n")
    with fsspec.open("memory://store/day=1/t.parquet", "wb") as file:
        pq.write_table(pa.table({"x": [5]}), file)
    assert rows(open_table("memory://store/t.csv")) == [{"a": 1}]
    assert rows(open_table("memory://store")) == [{"x": 5, "day": 1}]


def test_a_column_that_is_not_there_is_named(tmp_path):
    source = open_table(written(tmp_path / "t.csv", "a\n1\n"))
    with pytest.raises(ValueError, match=r"must have the column 'b'; it has a"):
        rows(source, columns=["b"])
    with pytest.raises(ValueError, match="must have the column 'split'"):
        rows(source, splits=["train"])


def test_what_the_problem_file_says_of_a_text_file_wins(tmp_path):
    uri = written(tmp_path / "t.data", 'a|b\n1|"x\n')
    spec = TableSpec(format="csv", delimiter="|", quoting=False, encoding="utf-8")
    assert rows(open_table(uri, spec=spec)) == [{"a": 1, "b": '"x'}]


def test_batches_are_cut_and_joined_to_size_in_order():
    batches = [
        pa.RecordBatch.from_arrays([pa.array(np.arange(start, end))], ["n"])
        for start, end in ((0, 1), (1, 3), (3, 3), (3, 20), (20, 21))
    ]
    found = list(regrouped(batches, 5))
    assert max(batch.num_rows for batch in found) <= 5
    assert [n for batch in found for n in batch.column(0).to_pylist()] == list(range(21))
    assert len(found) <= 6


BLANKS = "n,work,text\n1, State-gov, a \n-999,State-gov\t,?\n3, ? , \n"


def as_read(tmp_path, name: str) -> dict[str, str]:
    if name == "t.csv":
        return written(tmp_path / name, BLANKS)
    columns = {"n": [1, -999, 3], "work": [" State-gov", "State-gov\t", " ? "], "text": [" a ", "?", " "]}
    if name == "t.jsonl":
        lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return written(tmp_path / name, "\n".join(map(json.dumps, lines)))
    pq.write_table(pa.table(columns), tmp_path / name)
    return str(tmp_path / name)


@pytest.mark.parametrize("is_settled", [False, True])
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_values_are_cleaned_as_at_ingestion_but_for_payloads(tmp_path, name, is_settled):
    def columns(spec: TableSpec) -> dict[str, list]:
        source = open_table(as_read(tmp_path, name), spec=spec, payload=("text",))
        if is_settled:
            source.settle()
        return {key: [row[key] for row in rows(source)] for key in source.schema.names}

    text = [" a ", "?", " "]
    assert columns(TableSpec()) == {"n": [1, -999, 3], "work": ["State-gov", "State-gov", "?"], "text": text}
    known = columns(TableSpec(missing=("?", "-999")))
    assert known == {"n": [1, None, 3], "work": ["State-gov", "State-gov", None], "text": text}
    kept = columns(TableSpec(keep_spaces=True, missing=("?",)))
    assert kept == {"n": [1, -999, 3], "work": [" State-gov", "State-gov\t", None], "text": text}


def test_what_counts_as_missing_decides_no_type_also_far_down(tmp_path):
    spec = TableSpec(missing=("unknown",))
    near = open_table(written(tmp_path / "t.csv", "n\nunknown\n1\n2\n"), spec=spec)
    assert (types(near), rows(near)) == ({"n": "int64"}, [{"n": None}, {"n": 1}, {"n": 2}])
    far = open_table(written(tmp_path / "u.csv", "n\n" + "1\n" * 400_000 + "unknown\n"), spec=spec)
    assert rows(far)[-1] == {"n": None}
    assert types(far) == {"n": "int64"}


def test_a_column_of_blanks_has_no_value(tmp_path):
    source = open_table(written(tmp_path / "t.csv", "a,b\n1, \n2,  \n"))
    source.settle()
    assert (types(source), rows(source)[0]) == ({"a": "int64", "b": "null"}, {"a": 1, "b": None})


def test_a_file_without_a_header_is_said(tmp_path):
    text = "".join(f"{number}.5,x{number % 3}\n" for number in range(30))
    source = open_table(written(tmp_path / "t.csv", text))
    assert source.schema.names == ["column_1", "column_2"]
    assert "t.csv has no header: its columns are called column_1 to column_2" in source.remarks[-1]
    assert (len(rows(source)), rows(source)[0]) == (30, {"column_1": 0.5, "column_2": "x0"})
    named = open_table(written(tmp_path / "t.csv", text), spec=TableSpec(columns=("age", "work")))
    assert named.schema.names == ["age", "work"]


@pytest.mark.parametrize(("name", "row"), [("t.csv", 4), ("t.jsonl", 3), ("t.parquet", 3)])
def test_a_value_that_is_too_long_is_refused_with_row_and_column(tmp_path, name, row):
    values = ["a", "b", "x" * ((1 << 20) + 1)]
    if name == "t.csv":
        uri = written(tmp_path / name, "note,n\n" + "".join(f"{value},1\n" for value in values))
    elif name == "t.jsonl":
        uri = written(tmp_path / name, "\n".join(json.dumps({"note": value, "n": 1}) for value in values))
    else:
        uri = str(tmp_path / name)
        pq.write_table(pa.table({"note": values, "n": [1, 1, 1]}), uri)
    with pytest.raises(ValueError, match=rf"must be at most 1 MB long, but row {row} holds a longer one in 'note'"):
        rows(open_table(uri))
    assert len(rows(open_table(uri), columns=["n"])) == 3


def test_more_than_20000_columns_are_refused(tmp_path):
    names = [f"c{number}" for number in range(20_001)]
    pq.write_table(pa.table({name: [1] for name in names}), tmp_path / "t.parquet")
    for uri in (str(tmp_path / "t.parquet"), written(tmp_path / "t.csv", ",".join(names) + "\n")):
        with pytest.raises(ValueError, match="must have at most 20,000 columns, but has 20,001"):
            open_table(uri)


REPAIRS = (
    Repair(column="groesse", rename="height"),
    Repair(column="height", scale=0.01),
    Repair(column="since", date="%d/%m/%Y"),
    Repair(column="absent", map={"a": "b"}),
)


def with_repairs(path, name: str) -> str:
    columns = {"groesse": ["180", "-1", "tall"], "since": ["31/12/2024", "2024", ""], "n": ["1", "2", "3"]}
    if name == "t.csv":
        return written(path / name, "\n".join(map(",".join, [columns, *zip(*columns.values(), strict=True)])) + "\n")
    if name == "t.jsonl":
        lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return written(path / name, "\n".join(map(json.dumps, lines)))
    target = path / name if name == "t.parquet" else path / name / "day=2026-01-31" / "part.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), target)
    return str(path / name)


@pytest.mark.parametrize("is_settled", [False, True])
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "folder"])
def test_columns_are_repaired_as_at_ingestion(tmp_path, name, is_settled):
    source = open_table(with_repairs(tmp_path, name), spec=TableSpec(missing=("-1",)), repairs=REPAIRS)
    if is_settled:
        source.settle()
    assert types(source)["height"] == "double"
    found = [{key: row[key] for key in ("height", "since")} for row in rows(source)]
    assert found == [
        {"height": 1.8, "since": "2024-12-31"},
        {"height": None, "since": None},
        {"height": None, "since": None},
    ]
    assert [row["height"] for row in rows(source, columns=["height"])] == [1.8, None, None]


def test_values_that_their_repair_makes_numbers_decide_the_type_also_far_down(tmp_path):
    text = "n\n" + "1\n" * 400_000 + "one\n"
    plain = open_table(written(tmp_path / "t.csv", text), repairs=[Repair(column="n", map={"one": "1"})])
    assert (types(plain), rows(plain)[-1]) == ({"n": "int64"}, {"n": 1})
    widened = open_table(written(tmp_path / "u.csv", text), repairs=[Repair(column="n", map={"two": "2"})])
    with pytest.raises(TypesWidened):
        rows(widened)
    assert (types(widened), rows(widened)[-1]) == ({"n": "string"}, {"n": "one"})
