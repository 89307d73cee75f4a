import json
from pathlib import Path

import pytest

from components.data_validation.jobs.diff_schema_files import diff_schema_files

OLD = 'feature { name: "age" type: INT }\nfeature { name: "shop" type: BYTES string_domain { value: "<b>" } }\n'


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_breaking_difference_is_a_result_with_a_report_and_json(tmp_path):
    old = written(tmp_path, "old.pbtxt", OLD)
    new = written(tmp_path, "new.pbtxt", OLD.replace("INT", "FLOAT").replace("<b>", "<i>"))
    result = diff_schema_files(old_path=old, new_path=new, output_path=tmp_path / "diff")
    assert result.breaking
    assert result.table.splitlines()[0].startswith("BREAKING  type_changed")
    content = json.loads((tmp_path / "diff" / "schema_diff.json").read_text(encoding="utf-8"))
    assert content["breaking"] is True
    assert [(item["column"], item["what"]) for item in content["differences"]] == [
        ("age", "type_changed"),
        ("shop", "values_removed"),
        ("shop", "values_added"),
    ]
    page = (tmp_path / "diff" / "schema_diff.html").read_text(encoding="utf-8")
    assert "from INT to FLOAT" in page
    assert "<i>" not in page.partition("<!-- report body -->")[2]


def test_the_same_file_twice_breaks_nothing_and_writes_nothing_unasked(tmp_path):
    path = written(tmp_path, "old.pbtxt", OLD)
    result = diff_schema_files(old_path=path, new_path=path)
    assert (result.breaking, result.differences, result.table) == (False, (), "the two schemas say the same")
    assert [item.name for item in tmp_path.iterdir()] == ["old.pbtxt"]


def test_a_difference_that_breaks_nothing_passes(tmp_path):
    old = written(tmp_path, "old.pbtxt", OLD)
    new = written(tmp_path, "new.pbtxt", OLD + 'feature { name: "tip" type: FLOAT }')
    result = diff_schema_files(old_path=old, new_path=new, output_path=tmp_path / "diff")
    assert not result.breaking
    assert "none of them breaking" in (tmp_path / "diff" / "schema_diff.html").read_text(encoding="utf-8")


def test_a_damaged_file_is_named(tmp_path):
    old, new = written(tmp_path, "old.pbtxt", OLD), written(tmp_path, "new.pbtxt", "feature {")
    with pytest.raises(ValueError, match=r"new\.pbtxt"):
        diff_schema_files(old_path=old, new_path=new)
