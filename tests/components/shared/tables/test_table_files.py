import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_ingestion.table_scan import scanned_table
from components.shared.tables.table_files import RaggedRow, table_file
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
