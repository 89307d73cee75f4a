"""Blanks, values that mean missing, files without a header, JSON lines and long values, through the job."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict

WORK = ("State-gov", " State-gov", "Private\t", "\u3000Private", "?", " ? ")


def rows_of(folder: Path) -> list[dict]:
    return [row for batch in ExampleTable(folder / "examples").iter_batches() for row in batch.to_pylist()]


def warnings_of(folder: Path) -> list[str]:
    findings = read_verdict(folder / "verdict.json").findings
    return [item.message for item in findings if (item.kind, item.severity) == ("quality", "warning")]


def adult(header: str = "age,work,label\n", *, age: str = "{number}") -> str:
    # Not a count of the rows, which would be taken for an identifier.
    ages = [*range(40), *range(140, 148)]
    lines = [
        f"{age.format(number=ages[number])},{WORK[number % 6]},{' >50K' if number % 4 else '<=50K '}"
        for number in range(48)
    ]
    return header + "\n".join(lines) + "\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_blanks_at_the_ends_of_values_are_taken_off(ingest, tmp_path):
    result, folder = ingest(written(tmp_path / "t.csv", adult()))
    assert {row["work"] for row in rows_of(folder)} == {"State-gov", "Private", "?"}
    assert set(result.counts["train"]) == {">50K", "<=50K"}


def test_blanks_are_kept_where_the_problem_file_says_so_but_not_in_labels(ingest, tmp_path):
    result, folder = ingest(written(tmp_path / "t.csv", adult()), "table: {keep_spaces: true}")
    assert {row["work"] for row in rows_of(folder)} == set(WORK)
    assert set(result.counts["train"]) == {">50K", "<=50K"}


def test_parquet_is_cleaned_as_csv_is(ingest, tmp_path):
    problem = 'table: {missing: ["?", "7"]}'
    rows = [line.split(",") for line in adult().splitlines()]
    columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    columns["age"] = pa.array(list(map(int, columns["age"])))
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), tmp_path / "t.parquet")
    found = [
        rows_of(ingest(source, problem, output=source.suffix)[1])
        for source in (written(tmp_path / "t.csv", adult()), tmp_path / "t.parquet")
    ]
    assert found[0] == found[1]
    assert {row["work"] for row in found[0]} == {"State-gov", "Private", None}
    assert [row["age"] for row in found[0]].count(None) == 1


def test_the_text_of_a_text_problem_stays_as_it_stands(ingest, tmp_path):
    lines = [f'" text {number} ",{number % 2}, note ' for number in range(30)] + ['" ? ",1,x'] * 5
    problem = 'modality: text\ntable: {missing: ["?"]}'
    _, folder = ingest(written(tmp_path / "t.csv", "text,label,note\n" + "\n".join(lines)), problem)
    rows = rows_of(folder)
    assert rows[0]["text"] == " text 0 "
    assert {row["note"] for row in rows} == {"note", "x"}
    assert [row["text"] for row in rows].count(" ? ") == 5


def test_values_that_count_as_missing_decide_no_type_and_are_null(ingest, tmp_path):
    text = adult().replace("\n7,", "\nunknown,").replace("\n8,", "\n-1,")
    _, folder = ingest(written(tmp_path / "t.csv", text), 'table: {missing: ["?", unknown, -1]}')
    table = ExampleTable(folder / "examples")
    assert table.schema.field("age").type == pa.int64()
    assert [row["age"] for row in rows_of(folder)].count(None) == 2
    assert {row["work"] for row in rows_of(folder)} == {"State-gov", "Private", None}
    assert warnings_of(folder) == []


def test_a_label_that_counts_as_missing_is_no_class(ingest, tmp_path):
    source = written(tmp_path / "t.csv", adult() + "9,Private,?\n" * 5)
    assert "?" in ingest(source, output="a")[0].counts["train"]
    result, folder = ingest(source, 'table: {missing: ["?"]}', output="b")
    assert "?" not in result.counts["train"]
    assert "5 rows have no label" in warnings_of(folder)


def test_values_that_look_missing_are_a_warning_with_column_value_count_and_line(ingest, tmp_path):
    _, folder = ingest(written(tmp_path / "t.csv", adult() + "9,none,None\n" * 5))
    sentence = (
        "column 'work' holds '?' 16 times, 'none' 5 times: if that means a missing value, write "
        'table: {missing: ["?", "none"]} in the problem file'
    )
    assert warnings_of(folder) == [sentence]
    assert "table: {missing: [" in (folder / "report.html").read_text()
    # What is said is what helps.
    _, folder = ingest(tmp_path / "t.csv", 'table: {missing: ["?", "none"]}', output="again")
    assert not any("missing value" in warning for warning in warnings_of(folder))


def test_a_healthy_table_has_no_such_warning_nor_have_personal_columns(ingest, tmp_path):
    healthy = adult().replace(" ? ", "Self").replace("?", "Self")
    assert warnings_of(ingest(written(tmp_path / "t.csv", healthy), output="a")[1]) == []
    assert warnings_of(ingest(written(tmp_path / "u.csv", adult()), "pii: [work]", output="b")[1]) == []


def test_a_file_without_a_header_is_read_whole_and_said(ingest, tmp_path):
    source = written(tmp_path / "adult.data", adult(""))
    problem = "label: {column: column_3}\ntable: {format: csv}"
    result, folder = ingest(source, problem, output="a")
    assert result.num_examples == 48
    assert "has no header: its columns are called column_1 to column_3" in (folder / "report.html").read_text()
    named = "table: {format: csv, columns: [age, work, label]}"
    result, folder = ingest(source, named, output="b")
    assert (result.num_examples, ExampleTable(folder / "examples").info.columns_of("feature")) == (48, ("age", "work"))


def test_json_lines_give_the_same_examples_as_csv(ingest, tmp_path):
    header, *lines = [line.split(",") for line in adult().splitlines()]
    objects = [dict(zip(header, [int(line[0]), *line[1:]], strict=True)) for line in lines]
    del objects[3]["work"]
    text = adult().replace("\n3,\u3000Private", "\n3,")
    from_csv = ingest(written(tmp_path / "t.csv", text), output="a")
    from_json = ingest(written(tmp_path / "t.jsonl", "\n".join(map(json.dumps, objects))), output="b")
    assert rows_of(from_csv[1]) == rows_of(from_json[1])


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_value_that_is_too_long_is_quarantined_with_its_row_and_never_cut(ingest, tmp_path, suffix):
    values = [f"text {number}" for number in range(40)]
    values[6] = "x" * ((1 << 20) + 1)
    values[7] = "y" * (1 << 20)
    labels = [str(number % 2) for number in range(40)]
    source = tmp_path / f"t.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({"text": values, "label": labels}), source)
    elif suffix == "csv":
        written(source, "text,label\n" + "".join(f"{v},{label}\n" for v, label in zip(values, labels, strict=True)))
    else:
        objects = [{"text": v, "label": label} for v, label in zip(values, labels, strict=True)]
        written(source, "\n".join(map(json.dumps, objects)))
    result, folder = ingest(source, "modality: text")
    assert (result.num_examples, result.num_quarantined) == (39, 1)
    assert max(len(row["text"]) for row in rows_of(folder)) == 1 << 20
    row = 8 if suffix == "csv" else 7
    notes = [finding.message for finding in read_verdict(folder / "verdict.json").findings]
    assert f"t.{suffix}, row {row}: its value of 'text' is longer than 1 MB" in notes
