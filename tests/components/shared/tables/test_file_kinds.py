"""Files that are no table: what they are, in one sentence."""

import bz2
import gzip
import io
import lzma
import random
import sqlite3
import zipfile

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from components.shared.tables.table_recognition import table_file
from components.shared.tables.table_spec import TableSpec

CSV = b"a,b\n1,2\n"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 5000)
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), buffer)
    return buffer.getvalue()


def arrow() -> bytes:
    buffer = io.BytesIO()
    feather.write_feather(pa.table({"a": [1]}), buffer)
    return buffer.getvalue()


def database(folder) -> bytes:
    connection = sqlite3.connect(folder / "x.db")
    connection.execute("create table t (a)")
    connection.commit()
    connection.close()
    return (folder / "x.db").read_bytes()


OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"
WORKBOOK = zipped("[Content_Types].xml", "docProps/app.xml", "xl/workbook.xml")
KINDS = [
    ("t.xlsx", WORKBOOK, "an Excel workbook: save the sheet as CSV in UTF-8"),
    ("t.csv", WORKBOOK, "an Excel workbook"),
    ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Excel or Office file: save the sheet as CSV"),
    (
        "t.ods",
        zipped("mimetype").replace(b"x" * 46, b"application/vnd.oasis.opendocument.spreadsheet", 1),
        "an OpenDocument",
    ),
    ("t.zip", zipped("t.csv"), "a zip archive: unpack it, and name the table in it"),
    ("t.csv", zipped("t.csv")[:100], "a zip archive"),
    ("t.csv", gzip.compress(CSV), "packed with gzip: let its name end in .gz"),
    ("t.csv", bz2.compress(CSV), "packed with bzip2: let its name end in .bz2"),
    ("t.csv", lzma.compress(CSV), "packed with xz: let its name end in .xz"),
    ("t.csv.gz", gzip.compress(gzip.compress(CSV)), "packed with gzip"),
    ("t.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF: export the table as CSV or Parquet"),
    ("t.csv", b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image: put photos into folders, one a class"),
    ("t.jpg", b"\xff\xd8\xff\xe0" + bytes(50), "a JPEG image"),
    ("t.webp", b"RIFF\x00\x01\x00\x00WEBPVP8 ", "a WEBP image"),
    ("t.csv", parquet(), "a Parquet file: let its name end in .parquet, or set table.format: parquet"),
    ("t.csv", arrow(), "an Arrow file: write it as Parquet"),
    ("t.parquet", arrow(), "an Arrow file: write it as Parquet"),
    ("t.parquet", WORKBOOK, "an Excel workbook"),
    ("t.csv", b"\xef\xbb\xbf  <!DOCTYPE html><html>", "an HTML page: download the table itself"),
    ("t.csv", b"<?xml version='1.0'?><a/>", "an XML file"),
    ("t.csv", random.Random(0).randbytes(2000), "binary data, no text: export the table"),
    ("t.bin", random.Random(1).randbytes(2000), "binary data, no text"),
    ("t.csv", "a,b\n1,2\n".encode("utf-16-le"), "UTF-16 text without a byte order mark: set table.encoding: utf-16-le"),
    ("t.csv", "a,b\n1,2\n".encode("utf-16-be"), "without a byte order mark: set table.encoding: utf-16-be"),
]


@pytest.mark.parametrize(("name", "data", "what"), KINDS, ids=[kind[2] for kind in KINDS])
def test_what_is_no_table_is_named_as_what_it_is(tmp_path, name, data, what):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=r"must be a table in CSV, TSV, JSON lines or Parquet, but it is ") as caught:
        table_file(str(tmp_path / name), TableSpec()).column_names()
    assert name in str(caught.value)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_is_named(tmp_path):
    (tmp_path / "t.csv").write_bytes(database(tmp_path))
    with pytest.raises(ValueError, match="it is an SQLite database: export"):
        table_file(str(tmp_path / "t.csv"), TableSpec())


@pytest.mark.parametrize(
    "data", [b"BMI,BZ\n1,2\n", b"PK,a\n1,2\n", b"Obj,a\n1,2\n", b"a,b\n1,\x1a\n", b"a\tb\x0c\n1\t2\n"]
)
def test_texts_that_begin_like_something_else_are_tables(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    assert len(table_file(str(tmp_path / "t.csv"), TableSpec(header=True)).column_names()) == 2


def test_an_encoding_that_is_told_is_taken(tmp_path):
    (tmp_path / "t.csv").write_bytes("a,b\n1,2\n".encode("utf-16-le"))
    (batch,) = table_file(str(tmp_path / "t.csv"), TableSpec(encoding="utf-16-le")).iter_batches()
    assert batch.to_pylist() == [{"a": "1", "b": "2"}]
