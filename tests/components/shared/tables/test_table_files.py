import gzip
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_ingestion.table_scan import scanned_table
from components.shared.tables.table_files import RaggedRow
from components.shared.tables.table_recognition import table_file
from components.shared.tables.table_spec import TableSpec


def written(path, data: bytes | str) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def rows(uri: str, ragged: list | None = None, **spec) -> list[dict]:
    return [row for batch in table_file(uri, TableSpec(**spec)).iter_batches(ragged) for row in batch.to_pylist()]


KOREAN = "이름,값\n홍길동,1\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949", "euc-kr"])
def test_an_encoding_is_recognised(tmp_path, encoding):
    assert rows(written(tmp_path / "t.csv", KOREAN.encode(encoding))) == [{"이름": "홍길동", "값": "1"}]


def test_the_problem_files_encoding_wins(tmp_path):
    uri = written(tmp_path / "t.csv", "a\ncaf\u00e9\n".encode("latin-1"))
    assert rows(uri, encoding="latin-1") == [{"a": "café"}]


def test_a_wrong_encoding_is_refused(tmp_path):
    uri = written(tmp_path / "t.csv", "a\ncaf\u00e9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"must be text in utf-8.*set table\.encoding"):
        rows(uri, encoding="utf-8")
    with pytest.raises(ValueError, match="an encoding that Python knows"):
        rows(uri, encoding="klingon")


@pytest.mark.parametrize(
    ("name", "text", "delimiter"),
    [
        ("t.csv", "a,b\n1,2\n", None),
        ("t.tsv", "a\tb\n1\t2\n", None),
        ("t.csv", "a;b\n1;2\n", None),
        ("t.txt", "a|b\n1|2\n", None),
        ("t.csv", "a:b\n1:2\n", ":"),
        ("t.csv", "\n\na,b\n\n1,2", None),
        ("t.csv", "a,b\r\n1,2\r\n", None),
    ],
)
def test_a_delimiter_is_recognised_or_told(tmp_path, name, text, delimiter):
    assert rows(written(tmp_path / name, text), delimiter=delimiter) == [{"a": "1", "b": "2"}]


def test_a_packed_file_is_unpacked(tmp_path):
    assert rows(written(tmp_path / "t.csv.gz", gzip.compress(b"a\n1\n"))) == [{"a": "1"}]


def test_a_quoted_value_may_hold_delimiters_quotes_and_lines(tmp_path):
    assert rows(written(tmp_path / "t.csv", 'a,b\n"x, ""y""\nz",2\n')) == [{"a": 'x, "y"\nz', "b": "2"}]


def test_without_quoting_a_quote_is_a_character(tmp_path):
    uri = written(tmp_path / "t.tsv", 'a\tb\n"x\t2\ny"\t3\n')
    assert rows(uri, quoting=False) == [{"a": '"x', "b": "2"}, {"a": 'y"', "b": "3"}]


def test_ragged_rows_are_left_out_and_numbered(tmp_path):
    ragged: list[RaggedRow] = []
    uri = written(tmp_path / "t.csv", "a,b\n1,2\n3\n4,5\n6,7,8\n9,10\n")
    assert [row["a"] for row in rows(uri, ragged)] == ["1", "4", "9"]
    assert [(row.row, row.num_found, row.num_expected) for row in ragged] == [(3, 1, 2), (5, 3, 2)]


def test_rows_keep_their_number_in_the_file_behind_ragged_ones(tmp_path):
    scanned = scanned_table(table_file(written(tmp_path / "t.csv", "a,b\nx\n1,2\n3\n4\n5,6\n7,8\n9\n"), TableSpec()))
    assert [scanned.row_name(row) for row in range(3)] == ["t.csv, row 3", "t.csv, row 6", "t.csv, row 7"]


def test_a_quote_that_is_never_closed_is_explained(tmp_path):
    lines = "".join(f"{number},x\n" for number in range(50))
    scanned = scanned_table(table_file(written(tmp_path / "t.csv", f'a,b\n1,2\n"3,4\n{lines}'), TableSpec()))
    assert scanned.num_ragged == 51
    assert "is a quote never closed (table.quoting: false)?" in scanned.quarantined()[0].reason


def test_types_are_decided_over_the_whole_file(tmp_path):
    body = "".join(f"{number},{number},x\n" for number in range(5)) + "2.5,z,\n"
    scanned = scanned_table(table_file(written(tmp_path / "t.csv", "a,b,c\n" + body), TableSpec()))
    assert scanned.types == {"a": pa.float64(), "b": pa.string(), "c": pa.string()}


def test_parquet_is_read_with_composed_names(tmp_path):
    pq.write_table(pa.table({"e\u0301": [1, 2]}), tmp_path / "t.parquet")
    scanned = scanned_table(table_file(str(tmp_path / "t.parquet"), TableSpec()))
    assert scanned.types == {"é": pa.int64()}
    assert rows(str(tmp_path / "t.parquet")) == [{"é": 1}, {"é": 2}]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.csv", b"", "must be a table with a header, but it is empty"),
        ("t.csv", b"\n\n", "must be a table with a header, but it is empty"),
        ("t.csv", b"a,a\n1,2\n", "must not repeat a column's name"),
        ("t.parquet", b"PAR1 no parquet", "cannot be read as a table"),
        ("t.csv.gz", b"no gzip", "cannot be read as a table"),
        ("t.jpg", b"", "must be a folder of images or a table ending in"),
        ("t.csv", b"a,b\n" + b"x" * (12 << 20) + b",1\n", "a row may have at most 4 MB"),
    ],
)
def test_an_unreadable_file_is_refused_in_one_sentence(tmp_path, name, data, message):
    with pytest.raises(ValueError, match=message) as caught:
        rows(written(tmp_path / name, data))
    assert name in str(caught.value)


DATA = "39, State-gov,5.5\n50, Private,3.5\n28, State-gov,4.25\n31, Private,2.0\n"


def test_a_file_without_a_header_is_recognised_and_said(tmp_path):
    uri = written(tmp_path / "t.csv", "\n" + DATA)
    file = table_file(uri, TableSpec())
    assert file.column_names() == ["column_1", "column_2", "column_3"]
    assert file.inferred[-1] == (
        "t.csv has no header: its columns are called column_1 to column_3 (table.columns gives them names, "
        "table.header: true takes its first line for names)"
    )
    assert [row["column_1"] for row in rows(uri)] == ["39", "50", "28", "31"]


def test_what_is_told_of_a_header_wins(tmp_path):
    uri = written(tmp_path / "t.csv", DATA)
    assert list(rows(uri, header=True)[0]) == ["39", "State-gov", "5.5"]
    named = written(tmp_path / "n.csv", "age,work,pay\n" + DATA)
    assert rows(named, header=False)[0] == {"column_1": "age", "column_2": "work", "column_3": "pay"}
    assert len(rows(written(tmp_path / "one.csv", "1,2"), header=False)) == 1
    assert len(rows(written(tmp_path / "one.csv", "1,2"), header=True)) == 0


def test_names_that_are_given_make_the_first_line_data(tmp_path):
    columns = ("age", "work", "pay")
    uri = written(tmp_path / "t.csv", DATA)
    assert rows(uri, columns=columns)[0] == {"age": "39", "work": " State-gov", "pay": "5.5"}
    assert len(rows(uri, columns=columns)) == 4
    named = written(tmp_path / "n.csv", "age,work,pay\n" + DATA)
    assert len(rows(named, columns=columns)) == 4
    said = table_file(named, TableSpec(columns=columns)).inferred[-1]
    assert said == "the first line of n.csv repeats table.columns, and is taken for its header"
    renamed = rows(named, columns=("a", "b", "c"), header=True)
    assert (len(renamed), renamed[0]["a"]) == (4, "39")


def test_a_wrong_number_of_names_is_refused_with_both_numbers(tmp_path):
    uri = written(tmp_path / "t.csv", DATA)
    with pytest.raises(ValueError, match=r"must name every column of .*t\.csv, which has 3, but it has 2 names"):
        rows(uri, columns=("age", "work"))


def test_rows_are_numbered_from_the_first_where_there_is_no_header(tmp_path):
    scanned = scanned_table(table_file(written(tmp_path / "t.csv", DATA + "1\n2,x,3\n"), TableSpec()))
    assert [scanned.row_name(row) for row in (0, 3, 4)] == ["t.csv, row 1", "t.csv, row 4", "t.csv, row 6"]
    assert scanned.quarantined()[0].name == "t.csv, row 5"
    assert scanned.quarantined()[0].reason == "it has 1 values where the first row has 3"


def test_a_wrong_encoding_far_down_is_refused_with_its_line(tmp_path):
    uri = written(tmp_path / "t.csv", b"a,b\n" * 300_000 + "é,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"must be text in utf-8, but line 300,001 is not: save it in one encoding"):
        rows(uri, encoding="utf-8")


def test_a_table_may_have_20000_columns_and_no_more(tmp_path):
    def wide(num_columns: int, suffix: str) -> str:
        uri = tmp_path / f"{num_columns}.{suffix}"
        names = [f"c{number}" for number in range(num_columns)]
        if suffix == "jsonl":
            return written(uri, json.dumps(dict.fromkeys(names, 1)) + "\n")
        if suffix == "parquet":
            pq.write_table(pa.table({name: [1] for name in names}), uri)
            return str(uri)
        return written(uri, ",".join(names) + "\n" + ",".join(["1"] * num_columns) + "\n")

    assert len(rows(wide(20_000, "csv"))[0]) == 20_000
    for suffix in ("csv", "jsonl", "parquet"):
        with pytest.raises(ValueError, match=r"must have at most 20,000 columns, but has 20,001: keep those that"):
            table_file(wide(20_001, suffix), TableSpec()).column_names()


def test_a_million_columns_are_refused_before_they_are_held(tmp_path):
    uri = written(tmp_path / "t.csv", ",".join(f"column_{number}" for number in range(1_000_000)) + "\n")
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"must have at most 20,000 columns, but has more than [0-9,]+: keep"):
        table_file(uri, TableSpec())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20
