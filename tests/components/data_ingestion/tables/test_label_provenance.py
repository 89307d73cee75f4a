from pathlib import Path

import pytest

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict


def rows_of(folder: Path) -> list[dict]:
    return [row for batch in ExampleTable(folder / "examples").iter_batches() for row in batch.to_pylist()]


def source_with(tmp_path: Path, columns: dict[str, list], num: int = 120) -> Path:
    """A table of `x`, `label` and the given columns, whose values are repeated over the rows."""
    lines = [",".join(["x", "label", *columns])]
    for number in range(num):
        values = [columns[name][number % len(columns[name])] for name in columns]
        lines.append(",".join([f"{number}.5", str(number % 3 % 2), *map(str, values)]))
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def messages(folder: Path) -> list[str]:
    return [finding.message for finding in read_verdict(folder / "verdict.json").findings]


def test_labels_that_come_with_the_data_or_an_expression_are_peoples(ingest, tmp_path):
    source = source_with(tmp_path, {"y": [1, 2, 3]})
    for problem in ("label: {version: 2}", "label: {expression: x > 50, version: 2}\nfeatures: [y, x]"):
        rows = rows_of(ingest(source, problem)[1])
        assert {(row["label_source"], row["label_version"]) for row in rows} == {("person", 2)}


def test_a_row_without_a_label_has_no_source(ingest, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,label\n" + "".join(f"{n}.5,{'' if n == 5 else n % 2}\n" for n in range(60)))
    [row] = [row for row in rows_of(ingest(path)[1]) if row["label"] is None]
    assert row["label_source"] is None


def test_what_a_model_or_a_rule_labelled_is_trained_on_only(ingest, tmp_path):
    source = source_with(
        tmp_path,
        {"label_source": ["person", "model", "", " rule", "person"], "label_model": ["", "m1"], "label_round": [1, 2]},
    )
    _, folder = ingest(source)
    table, rows = ExampleTable(folder / "examples"), rows_of(folder)
    assert {row["split"] for row in rows if row["label_source"] in ("model", "rule")} == {"train"}
    assert {row["split"] for row in rows if row["label_source"] == "person"} == {"train", "validation", "test"}
    assert sum(row["label_source"] == "model" for row in rows) == 24
    assert sum(row["label_source"] == "rule" for row in rows) == 24
    assert table.info.columns_of("feature") == ("x",)
    assert table.info.columns_of("provenance")[-2:] == ("label_model", "label_round")
    assert (rows[1]["label_model"], rows[1]["label_round"]) == ("m1", 2)
    assert "48 more are for training only, since no person labelled them by the present definition" in messages(folder)


def test_a_label_of_a_model_leaves_the_test_file(ingest, tmp_path):
    source = source_with(tmp_path, {"label_source": ["person"]})
    (tmp_path / "test.csv").write_text("x,label,label_source\n1000,0,person\n1001,1,model\n1002,1,person\n")
    _, folder = ingest(source, "split: {test_file: test.csv}")
    assert {row["x"]: row["split"] for row in rows_of(folder) if row["x"] >= 1000} == {
        1000: "test",
        1001: "train",
        1002: "test",
    }
    assert "1 of these were moved to train from the split that a file or split.like gives them" in messages(folder)


def test_older_labels_are_left_out_and_counted_unless_they_are_asked_for(ingest, tmp_path):
    source = source_with(tmp_path, {"label_version": [1, 2, ""]})
    result, folder = ingest(source, "label: {version: 2}")
    assert (result.num_examples, result.num_quarantined) == (80, 0)
    assert any(message.startswith("40 left out: labelled by an older definition") for message in messages(folder))
    result, folder = ingest(source, "label: {version: 2, keep_older: true}")
    assert result.num_examples == 120
    assert {row["split"] for row in rows_of(folder) if row["label_version"] == 1} == {"train"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"label_source": ["person", "oracle"]},
            r"t\.csv, row 3: label_source must be person, model or rule, got 'oracle'",
        ),
        ({"label_version": [1, "two"]}, r"t\.csv, row 3: label_version must be a whole number from 1 on, got 'two'"),
        ({"label_version": [1, 3]}, r"t\.csv, row 3: label_version must be at most the problem file's .* 1, got 3"),
    ],
)
def test_what_no_label_can_come_from_is_refused_with_its_row(ingest, tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        ingest(source_with(tmp_path, columns))


def test_a_column_of_that_name_that_says_something_else_can_be_ignored_or_be_a_feature(ingest, tmp_path):
    source = source_with(tmp_path, {"label_source": ["website", "shop"]})
    _, folder = ingest(source, "ignore: [label_source]", output="a")
    assert {row["label_source"] for row in rows_of(folder)} == {"person"}
    _, folder = ingest(source, "features: [label_source]", output="b")
    assert {row["source_label_source"] for row in rows_of(folder)} == {"website", "shop"}
