"""Repairs of a table through the job: what is said, what is hidden, what is refused."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict
from components.shared.tables.personal_key import keyed_hash
from components.shared.tables.repair_spec import Repair

ROWS = [
    {
        "gewicht": f"{number % 40 * 1000}",
        "born": f"{1 + number % 28:02d}.02.1990",
        "kind": "xyz"[number % 3],
        "label": "ab"[number % 2],
    }
    for number in range(60)
]
ROWS[4]["born"], ROWS[9]["gewicht"] = "3 Feb 1990", "heavy"
REPAIRS = '[{column: gewicht, rename: weight}, {column: weight, scale: 0.001}, {column: born, date: "%d.%m.%Y"}]'


def written(path, rows=ROWS):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(",".join(row) for row in [rows[0], *(row.values() for row in rows)]) + "\n")
    return path


def warnings_of(folder):
    return [item.message for item in read_verdict(folder / "verdict.json").findings if item.severity == "warning"]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_values_of_personal_columns_are_counted_and_not_shown(ingest, tmp_path, name):
    _, folder = ingest(written(tmp_path / name), f"{{pii: [born], repairs: {REPAIRS}}}")
    first = 5 if name == "t.parquet" else 6
    counted = "1 value of column '{}' cannot be repaired and counts as missing: "
    assert warnings_of(folder) == [
        f"{counted.format('weight')}'heavy' ({name}, row {first + 5}) is not a number",
        f"{counted.format('born')}the first ({name}, row {first}) is not a date of the form %d.%m.%Y",
    ]
    for report in ("report.html", "verdict.json"):
        assert "3 Feb 1990" not in (folder / report).read_text()
    table = ExampleTable(folder / "examples")
    assert table.info.repairs == (
        Repair(column="gewicht", rename="weight"),
        Repair(column="weight", scale=0.001),
        Repair(column="born", date="%d.%m.%Y"),
    )
    found = table.read(["weight", "born"]).to_pylist()
    # Hashed after the repair, so that one day is one person's however it was written.
    assert {row["born"] for row in found} == {keyed_hash(f"1990-02-{day:02d}") for day in range(1, 29)} | {None}
    assert {row["weight"] for row in found} == {float(number) for number in range(40)} | {None}


def test_a_test_file_is_repaired_too_and_may_lack_what_nobody_needs(ingest, tmp_path):
    others = [{**row, "gewicht": row["gewicht"] + "1", "label": row["label"].upper()} for row in ROWS[:20]]
    written(tmp_path / "test.csv", others)
    train = written(tmp_path / "t.csv", [{**row, "label": row["label"].upper(), "note": "x"} for row in ROWS])
    told = "{column: label, map: {A: bad, B: good}}, {column: note, map: {x: y}}"
    result, _ = ingest(train, f"{{split: {{test_file: test.csv}}, ignore: [note], repairs: [{told}]}}")
    assert result.counts["test"] == {"bad": 10, "good": 10}


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (
            "repairs: [{column: weigth, scale: 2}]",
            r"must name columns of .*t\.csv, got 'weigth'; it has gewicht, born, kind",
        ),
        ("repairs: [{column: gewicht, rename: born}]", "'gewicht' is renamed to 'born', which there is already"),
        ("{text: born, repairs: [{column: born, strip: true}]}", "must leave the values of column 'born' alone"),
        ("{features: [gewicht], repairs: [{column: gewicht, rename: weight}]}", "'gewicht'"),
    ],
)
def test_repairs_that_do_not_fit_are_refused_in_one_sentence(ingest, tmp_path, problem, sentence):
    with pytest.raises(ValueError, match=sentence) as refused:
        ingest(written(tmp_path / "t.csv"), problem)
    assert "\n" not in str(refused.value)


def test_json_lines_are_repaired(ingest, tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    _, folder = ingest(path, f"repairs: {REPAIRS}")
    assert ExampleTable(folder / "examples").schema.field("weight").type == pa.int64()
