from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.schemas.schema_files import read_schema, write_schema

REVIEWED = """
default_environment: "TRAINING"
default_environment: "SERVING"
feature { name: "age" type: INT presence { min_fraction: 1 } int_domain { min: 0 max: 120 } }
feature { name: "가게" type: BYTES domain: "shops" distribution_constraints { min_domain_mass: 0.9 } }
feature { name: "tip" type: FLOAT not_in_environment: "SERVING" float_domain { min: 0 } }
string_domain { name: "shops" value: "서울" value: "부산" }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "schema.pbtxt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_reviewed_schema_is_read_as_it_is_and_written_back_the_same(tmp_path):
    schema = read_schema(written(tmp_path, REVIEWED))
    assert schema.feature[0].int_domain.max == 120
    assert schema.feature[1].distribution_constraints.min_domain_mass == pytest.approx(0.9)
    assert list(schema.feature[2].not_in_environment) == ["SERVING"]
    write_schema(tmp_path / "again.pbtxt", schema)
    assert read_schema(tmp_path / "again.pbtxt") == schema
    assert "서울" in (tmp_path / "again.pbtxt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('feature {\n  name: "age"\n  type: INTEGER\n}', 3, "no value named INTEGER"),
        ('feature {\n  nam: "age"\n}', 2, 'no field named "nam"'),
        ('feature { name: "a" type: INT }\nfeature { name: "a" type: FLOAT }', 2, "described once, got 2 features"),
        ('\nfeature { name: "a" }', 2, "must have a type"),
        ('feature { name: "a" type: BYTES domain: "shops" }', 1, r"string_domain of the schema \(none\), got 'shops'"),
        ('feature { name: "a" type: INT int_domain { min: 5 max: 1 } }', 1, "minimum up to its maximum, got 5 and 1"),
        ('feature { name: "a" type: FLOAT int_domain { min: 5 } }', 1, "goes with its type FLOAT, got int_domain"),
        ('feature { name: "a" type: INT presence { min_fraction: 2 } }', 1, "between 0 and 1, got 2"),
        ('feature { name: "a" type: INT not_in_environment: "SERVING" }', 1, r"default_environment lists \(none\)"),
    ],
)
def test_a_mistake_is_reported_with_file_line_and_what_is_wrong(tmp_path, text, line, words):
    with pytest.raises(ValueError, match=words) as caught:
        read_schema(written(tmp_path, text))
    assert f"schema.pbtxt, line {line}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"), [("", "at least one column"), ("feature { type: INT }", "must have a name")]
)
def test_a_schema_without_columns_or_names_is_refused(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read_schema(written(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "schema.pbtxt"
    path.write_bytes(schema_pb2.Schema(feature=[schema_pb2.Feature(name="\u00e9")]).SerializeToString() + b"\xff")
    with pytest.raises(ValueError, match="protobuf text in UTF-8"):
        read_schema(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file at .*absent\.pbtxt"):
        read_schema(tmp_path / "absent.pbtxt")
