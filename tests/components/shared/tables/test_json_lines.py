"""JSON lines as a table."""

import json

import pyarrow as pa
import pytest

from components.shared.tables import json_lines
from components.shared.tables.table_recognition import table_file
from components.shared.tables.table_spec import TableSpec


def written(path, data: bytes | str) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def rows(uri: str, **spec) -> list[dict]:
    return [row for batch in table_file(uri, TableSpec(**spec)).iter_batches() for row in batch.to_pylist()]


LINES = '{"a": 1, "b": "x"}\n\n{"b": null, "c": true, "a": 1.50}\n{"a": "", "d": "05"}'


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json", "t.csv", "t.txt", "t.data"])
def test_a_line_is_a_row_and_a_key_a_column_whatever_the_files_name(tmp_path, name):
    assert rows(written(tmp_path / name, LINES)) == [
        {"a": "1", "b": "x", "c": None, "d": None},
        {"a": "1.50", "b": None, "c": "true", "d": None},
        {"a": None, "b": None, "c": None, "d": "05"},
    ]


def test_a_name_that_does_not_tell_makes_the_kind_be_said(tmp_path):
    assert table_file(written(tmp_path / "t.jsonl", LINES), TableSpec()).inferred == ("t.jsonl is read as utf-8",)
    said = table_file(written(tmp_path / "t.csv", LINES), TableSpec()).inferred
    assert said == ("t.csv is read as utf-8", "t.csv is read as JSON lines, one object a line")


def test_marks_encodings_and_decomposed_names_are_read(tmp_path):
    line = json.dumps({"이름": "홍길동", " e\u0301 ": 1}, ensure_ascii=False)
    for encoding in ("utf-8-sig", "utf-16", "cp949"):
        text = line.replace("e\u0301", "e") if encoding == "cp949" else line
        assert rows(written(tmp_path / "t.jsonl", text.encode(encoding)))[0]["이름"] == "홍길동"
    assert rows(written(tmp_path / "t.jsonl", line))[0] == {"이름": "홍길동", "é": "1"}


def test_many_lines_are_batches_of_a_bounded_number_of_values(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "_BATCH_VALUES", 10)
    uri = written(tmp_path / "t.jsonl", '{"a": 1, "b": 2}\n' * 12)
    assert [batch.num_rows for batch in table_file(uri, TableSpec()).iter_batches()] == [5, 5, 2]


def test_typed_batches_are_typed(tmp_path):
    file = table_file(written(tmp_path / "t.jsonl", '{"a": 1, "b": "x"}\n{"a": null, "b": 2}\n'), TableSpec())
    types = {"a": pa.int64(), "b": pa.string()}
    (batch,) = file.iter_typed_batches(types)
    assert (batch.schema.types, batch.to_pylist()) == ([*types.values()], [{"a": 1, "b": "x"}, {"a": None, "b": "2"}])
    with pytest.raises(ValueError, match="cannot be read as a table"):
        list(file.iter_typed_batches({"a": pa.int64(), "b": pa.int64()}))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ('{"a": [1]}', r"line 2 of .* must hold single values, but 'a' is a list: give each of its values a key"),
        ('{"a": {"b": 1}}', "line 2 of .* must hold single values, but 'a' is an object"),
        ("[1]", "line 2 of .* must be a JSON object, but is a list: write one object a line"),
        ("7", "line 2 of .* must be a JSON object, but is a single value"),
        ('{"a": 1', "line 2 of .* must be a whole JSON object, but at character 8: Expecting"),
        ('{"a": 1, "a": 2}', "line 2 of .* must not repeat a key, but 'a' occurs more than once"),
        ('{"a": 1, " a": 2}', "must not repeat a key"),
        ('{"a": "\\ud800"}', "line 2 of .* must hold text, but 'a' holds half of a pair of escapes"),
        ('{"a": ' + "[" * 100_000, "line 2 of .* nested too deeply"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path, second, message):
    with pytest.raises(ValueError, match=message) as caught:
        rows(written(tmp_path / "t.jsonl", '{"a": 1}\n' + second + '\n{"a": 2}\n'))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.jsonl", "", "must hold a JSON object a line, but is empty"),
        ("t.jsonl", "{}\n{}\n", "must hold a JSON object a line, but they are empty"),
        ("t.json", '[\n{"a": 1}\n]\n', "line 1 of .* must be a whole JSON object.*write one object a line"),
        ("t.jsonl", '{"a": "' + "x" * (5 << 20) + '"}\n', "a row may have at most 4 MB"),
    ],
)
def test_what_is_no_table_of_lines_is_refused(tmp_path, name, data, message):
    with pytest.raises(ValueError, match=message):
        rows(written(tmp_path / name, data))


def test_names_for_columns_are_refused_where_lines_name_them(tmp_path):
    uri = written(tmp_path / "t.jsonl", LINES)
    with pytest.raises(ValueError, match=r"table\.columns must be left out for .*t\.jsonl"):
        rows(uri, columns=("a",))
    with pytest.raises(ValueError, match=r"table\.header must be left out"):
        rows(uri, header=False)
