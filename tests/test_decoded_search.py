"""The search for planted values finds them in every form that a file of this project can have."""

import base64
import gzip
import html
import io
import json
import struct
import urllib.parse
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save

from tests.decoded_search import DecodedSearch

PHONE, EMAIL = "010-2345-6789", "hong.gildong@example.co.kr"
NUMBER = 1023456789
SEARCH = DecodedSearch([PHONE, EMAIL])


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def arrow(table: pa.Table, *, as_stream: bool = False, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with (pa.ipc.new_stream if as_stream else pa.ipc.new_file)(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", content)
    return buffer.getvalue()


def message(*fields: bytes) -> bytes:
    """A protobuf message in a message, the fields of the inner one given."""
    inner = b"".join(fields)
    return b"\x0a" + bytes([len(inner)]) + inner


TEXT = f"call {PHONE} now"
TABLE = pa.table({"note": [TEXT, "x"]})
NUMBERS = pa.table({"phone": [NUMBER, 1], "amount": [0.5, 1.5]})
PAGE = f'<img src="data:image/png;base64,{base64.b64encode(b"head " + EMAIL.encode()).decode()}">'
FORMS = {
    "text": TEXT.encode(),
    "digits alone": b"01023456789",
    "digits with commas": b"1,023,456,789",
    "upper case": EMAIL.upper().encode(),
    "utf-16": TEXT.encode("utf-16"),
    "json escapes": json.dumps({"a": ["전화 " + EMAIL]}).replace("@", "\\u0040").encode(),
    "escapes within lines": b'log: {"m": "hong.gildong\\u0040example.co.kr"} end',
    "json number": b'{"max": 1023456789.0}',
    "json exponent": b'{"max": 1.023456789e9}',
    "json key": json.dumps({PHONE: 1}).encode(),
    "html": html.escape(TEXT).replace("-", "&#45;").encode(),
    "url": urllib.parse.quote(EMAIL).encode(),
    "base64": base64.b64encode(TEXT.encode()),
    "base64 in html": PAGE.encode(),
    "base64 of parquet": base64.b64encode(parquet(TABLE)),
    "gzip": gzip.compress(TEXT.encode()),
    "gzip of json escapes": gzip.compress(json.dumps("전" + EMAIL).replace("@", "\\u0040").encode()),
    "zip": zipped(TEXT.encode()),
    "zip of zip": zipped(zipped(TEXT.encode())),
    "zstd": pa.compress(TEXT.encode() * 20, codec="zstd", asbytes=True),
    "parquet": parquet(TABLE),
    "parquet numbers": parquet(NUMBERS),
    "parquet dictionary": parquet(pa.table({"note": pa.array([TEXT, TEXT]).dictionary_encode()})),
    "parquet lists": parquet(pa.table({"notes": [[TEXT], []]})),
    "parquet structures": parquet(pa.table({"value": [{"a": {"b": TEXT}}]})),
    "parquet bytes": parquet(pa.table({"image": [gzip.compress(TEXT.encode())]})),
    "parquet metadata": parquet(pa.table({"x": [1]}).replace_schema_metadata({"info": json.dumps([TEXT])})),
    "arrow file": arrow(TABLE),
    "arrow numbers": arrow(NUMBERS),
    "arrow stream": arrow(TABLE, as_stream=True),
    "arrow compressed": arrow(pa.table({"note": [TEXT] * 200}), compression="zstd"),
    "protobuf text": message(b"\x0a\x0d" + PHONE.encode()),
    "protobuf double": message(b"\x11" + struct.pack("<d", NUMBER)),
    "protobuf float list": message(b"\x12\x10" + struct.pack("<2d", 0.5, NUMBER)),
    "protobuf varint": message(b"\x08\x95\xec\x82\xe8\x03"),
    "safetensors metadata": save({"w": np.zeros(2, np.float32)}, metadata={"author": EMAIL}),
    "safetensors numbers": save({"w": np.array([0.5, NUMBER])}),
    "safetensors name": save({EMAIL: np.zeros(2, np.float32)}),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_value_is_found_in_every_form(form):
    assert {value for _, value in SEARCH.data(FORMS[form])} <= {PHONE, EMAIL}
    assert list(SEARCH.data(FORMS[form])), form


def test_other_values_are_not_found():
    other = DecodedSearch(["010-9999-1111", "kim@example.com"])
    assert [form for form, content in FORMS.items() if list(other.data(content))] == []


def test_names_of_files_and_folders_are_searched(tmp_path):
    (tmp_path / EMAIL).mkdir()
    (tmp_path / EMAIL / f"{PHONE}.jpg").write_bytes(b"x")
    assert {hit.value for hit in SEARCH.folder(tmp_path)} == {EMAIL, PHONE}


def test_columns_and_files_that_may_hold_values_are_passed_over(tmp_path):
    (tmp_path / "a.parquet").write_bytes(parquet(TABLE.append_column("more", pa.array([EMAIL, "y"]))))
    (tmp_path / "b.txt").write_bytes(TEXT.encode())
    hits = SEARCH.folder(tmp_path, exempt=lambda file: {"note"} if file.suffix == ".parquet" else True)
    assert {(hit.file, hit.value) for hit in hits} == {("a.parquet", EMAIL)}
    assert any(hit.way == "parquet column 'more'" for hit in hits)
