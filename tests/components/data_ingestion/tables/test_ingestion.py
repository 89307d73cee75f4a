from pathlib import Path
import random
import tracemalloc
import unicodedata

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict
from components.shared.tables import csv_stream


def rows_of(folder: Path) -> list[dict]:
    return [row for batch in ExampleTable(folder / "examples").iter_batches() for row in batch.to_pylist()]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def trips(count: int = 200) -> str:
    generator = random.Random(0)
    lines = ["trip,fare,tips,pay,driver"]
    for number in range(count):
        fare = generator.randint(3, 60)
        tips = f"{fare * generator.choice((0, 0.1, 0.3)):.2f}"
        lines.append(f"t{number},{fare}.5,{tips},{generator.choice(('Cash', 'Card'))},d{generator.randint(0, 30)}")
    return "\n".join(lines) + "\n"


EXPRESSION = "label: {expression: tips > 0.2 * fare}\nid: trip\n"


def test_a_table_with_a_computed_label_becomes_the_example_table(ingest, tmp_path):
    source = written(tmp_path / "trips.csv", trips())
    result, folder = ingest(source, EXPRESSION + "slices: [pay, {name: d1, where: driver == 'd1'}]\n")
    table, rows = ExampleTable(folder / "examples"), rows_of(folder)
    assert (result.passed, result.num_examples) == (True, 200)
    assert (table.info.modality, table.info.class_names) == ("tabular", ("false", "true"))
    assert table.info.columns_of("feature") == ("pay", "driver")
    assert table.info.columns_of("slice") == ("pay",)
    assert [item.to_dict() for item in table.info.pinned_slices] == [{"name": "d1", "where": "driver == 'd1'"}]
    wanted = {
        line.split(",")[0]: "true" if float(line.split(",")[2]) > 0.2 * float(line.split(",")[1]) else "false"
        for line in trips().splitlines()[1:]
    }
    assert {row["example_id"]: row["label"] for row in rows} == wanted


def test_a_korean_text_table_becomes_the_example_table(ingest, tmp_path):
    lines = [f'{number}\t영화 {number}편 "참 좋다\t{number % 2}\t{number}' for number in range(60)]
    source = written(tmp_path / "train.txt", "id\tdocument\tlabel\trating\n" + "\n".join(lines) + "\n", "cp949")
    problem = "text: document\nlabel: {column: label}\nignore: [rating]\nid: id\ntable: {quoting: false}"
    result, folder = ingest(source, problem)
    table, rows = ExampleTable(folder / "examples"), rows_of(folder)
    assert (result.passed, result.num_examples, result.num_quarantined) == (True, 60, 0)
    assert (table.info.modality, table.info.class_names) == ("text", ("0", "1"))
    assert rows[7]["text"] == '영화 7편 "참 좋다'
    assert rows[7]["text_words"] == 4
    assert "rating" not in rows[7]
    assert "is read as cp949" in (folder / "report.html").read_text()


def test_decomposed_texts_and_labels_are_composed(ingest, tmp_path):
    lines = [f"{word}{number},{word}" for number in range(20) for word in ("좋다", "싫다")]
    composed = ingest(written(tmp_path / "c.csv", "text,label\n" + "\n".join(lines)), "text: text", output="a")
    text = unicodedata.normalize("NFD", "text,label\n" + "\n".join(lines))
    decomposed = ingest(written(tmp_path / "d.csv", text), "text: text", output="b")
    assert composed[0].counts == decomposed[0].counts
    assert rows_of(composed[1]) == rows_of(decomposed[1])


def test_parquet_gives_the_same_examples_as_csv(ingest, tmp_path):
    columns = {"a": [1, 2, 3, 4] * 10, "b": [0.5, None, 1.5, 2.5] * 10, "c": ["x", "y", None, "z"] * 10}
    table = pa.table({**columns, "label": [0, 1] * 20})
    pq.write_table(table, tmp_path / "t.parquet")
    lines = [",".join("" if value is None else str(value) for value in row.values()) for row in table.to_pylist()]
    from_csv = ingest(written(tmp_path / "t.csv", "a,b,c,label\n" + "\n".join(lines)), output="a")
    from_parquet = ingest(tmp_path / "t.parquet", output="b")
    assert rows_of(from_csv[1]) == rows_of(from_parquet[1])
    assert from_csv[0].num_duplicates == 36


def test_equal_rows_share_a_split_and_have_identifiers_of_their_own(ingest, tmp_path):
    lines = [f"{number % 25},{number % 2}" for number in range(100)]
    result, folder = ingest(written(tmp_path / "t.csv", "x,label\n" + "\n".join(lines)))
    rows = rows_of(folder)
    assert (result.num_examples, result.num_duplicates) == (100, 75)
    assert len({row["example_id"] for row in rows}) == 100
    for value in range(25):
        assert len({row["split"] for row in rows if row["x"] == value}) == 1


def splits_by_id(folder: Path) -> dict[str, str]:
    return {row["example_id"]: row["split"] for row in rows_of(folder)}


def test_the_order_of_rows_moves_no_row_and_new_rows_move_few(ingest, tmp_path):
    lines = [f"{number}.5,{number % 3}" for number in range(200)]
    more = [f"{number}.5,{number % 3}" for number in range(1000, 1300)]
    sources = {"a": lines, "b": random.Random(0).sample(lines, 200), "c": lines + more}
    found = {
        name: splits_by_id(ingest(written(tmp_path / f"{name}.csv", "x,label\n" + "\n".join(chosen)), output=name)[1])
        for name, chosen in sources.items()
    }
    assert found["a"] == found["b"]
    assert sum(found["c"][row] != split for row, split in found["a"].items()) <= 20


def test_under_like_new_rows_and_a_corrected_label_move_no_row(ingest, tmp_path):
    lines = [f"{number}.5,{number % 3}" for number in range(200)]
    more = [f"{number}.5,{number % 3}" for number in range(1000, 1300)]
    corrected = [f"{number}.5,{2 if number % 3 == 1 else number % 3}" for number in range(100)] + lines[100:]
    header = "x,label\n"
    _, first = ingest(written(tmp_path / "a.csv", header + "\n".join(lines)), output="a")
    shuffled = random.Random(0).sample(corrected + more, 500)
    source = written(tmp_path / "b.csv", header + "\n".join(shuffled))
    for like in (str(first / "examples"), "a/examples"):
        result, second = ingest(source, f"split: {{like: {like}}}", output="b")
        before = {row["x"]: row["split"] for row in rows_of(first)}
        after = {row["x"]: row["split"] for row in rows_of(second)}
        assert len(after) == 500
        assert all(after[value] == split for value, split in before.items())
    assert {split: sum(labels.values()) for split, labels in result.counts.items()} == pytest.approx(
        {"train": 350, "validation": 75, "test": 75}, abs=3
    )
    assert (
        "200 examples keep the split that split.like gives them, 300 are new" in (second / "verdict.json").read_text()
    )


def test_under_like_a_new_row_joins_the_group_that_is_known(ingest, tmp_path):
    header = "patient,x,label\n"
    lines = [f"p{number // 4},{number}.5,{number % 2}" for number in range(200)]
    more = [f"p{number // 4},{number + 1000}.5,{number % 2}" for number in range(200)]
    _, first = ingest(written(tmp_path / "a.csv", header + "\n".join(lines)), "group: patient", output="a")
    problem = f"group: patient\nsplit: {{like: {first / 'examples'}}}"
    _, second = ingest(written(tmp_path / "b.csv", header + "\n".join(more)), problem, output="b")
    before = {row["patient"]: row["split"] for row in rows_of(first)}
    assert all(before[row["patient"]] == row["split"] for row in rows_of(second))


def test_a_salt_moves_rows(ingest, tmp_path):
    source = written(tmp_path / "a.csv", "x,label\n" + "\n".join(f"{number}.5,{number % 2}" for number in range(200)))
    first = splits_by_id(ingest(source, output="a")[1])
    second = splits_by_id(ingest(source, "split: {salt: other}", output="b")[1])
    assert sum(first[row] != second[row] for row in first) > 40


def test_a_split_by_time_is_in_order_and_rows_without_a_time_are_set_aside(ingest, tmp_path):
    days = [f"{2020 + number // 300}-{1 + number % 12:02d}-{1 + number % 28:02d}" for number in range(900)]
    days[5], days[6] = "", "soon"
    lines = [f"{day},{number}.5,{number % 2}" for number, day in enumerate(days)]
    source = written(tmp_path / "a.csv", "day,x,label\n" + "\n".join(lines))
    result, folder = ingest(source, "time: day\nsplit: {by: time}")
    assert result.num_quarantined == 2
    by_split: dict[str, list[str]] = {}
    for row in rows_of(folder):
        by_split.setdefault(row["split"], []).append(row["day"])
    assert max(by_split["train"]) < min(by_split["validation"])
    assert max(by_split["validation"]) < min(by_split["test"])
    assert len(by_split["train"]) == pytest.approx(0.7 * 898, abs=40)
    assert "it has no time that can be read" in (folder / "report.html").read_text()


def test_a_group_never_straddles_two_splits(ingest, tmp_path):
    result, folder = ingest(
        written(tmp_path / "trips.csv", trips(400)), EXPRESSION + "group: driver\nfeatures: [pay, fare]"
    )
    splits: dict[str, set[str]] = {}
    for row in rows_of(folder):
        splits.setdefault(row["driver"], set()).add(row["split"])
    assert len(splits) == 31
    assert {len(found) for found in splits.values()} == {1}
    assert result.num_examples == 400


def test_ragged_and_empty_rows_are_set_aside_with_row_and_reason(ingest, tmp_path):
    lines = [f"text {number},{number % 2}" for number in range(60)]
    lines[10] = "too,many,values"
    lines[20] = ",1"
    lines[30] = "few"
    result, folder = ingest(written(tmp_path / "t.csv", "text,label\n" + "\n".join(lines)), "text: text")
    notes = [finding.message for finding in read_verdict(folder / "verdict.json").findings]
    assert (result.passed, result.num_examples, result.num_quarantined) == (True, 57, 3)
    assert "t.csv, row 12: it has 3 values where the header has 2" in notes
    assert "t.csv, row 32: it has 1 values where the header has 2" in notes
    assert "t.csv, row 22: it has no text" in notes


def test_too_many_ragged_rows_fail_the_check(ingest, tmp_path):
    lines = [f"text {number},{number % 2}" for number in range(60)] + ["a,b,c"] * 10
    result, _ = ingest(written(tmp_path / "t.csv", "text,label\n" + "\n".join(lines)), "text: text")
    assert not result.passed
    assert result.reason.startswith("10 of 70 rows cannot be used")


def test_rows_without_a_label_are_kept_and_counted(ingest, tmp_path):
    lines = [f"{number}.5,{'' if number == 5 else number % 2}" for number in range(60)]
    result, folder = ingest(written(tmp_path / "t.csv", "x,label\n" + "\n".join(lines)))
    assert sum(labels.get("", 0) for labels in result.counts.values()) == 1
    assert "1 rows have no label" in [finding.message for finding in read_verdict(folder / "verdict.json").findings]
    assert [row["label"] for row in rows_of(folder)].count(None) == 1


def test_rows_of_other_classes_are_left_out(ingest, tmp_path):
    lines = [f"{number}.5,{number % 3}" for number in range(90)]
    result, folder = ingest(written(tmp_path / "t.csv", "x,label\n" + "\n".join(lines)), 'label: {classes: ["2", "0"]}')
    assert ExampleTable(folder / "examples").info.class_names == ("2", "0")
    assert (result.num_examples, result.num_quarantined) == (60, 0)


def test_a_test_file_is_the_test_split(ingest, tmp_path):
    written(tmp_path / "test.csv", "text,label\n" + "".join(f"later {number},{number % 2}\n" for number in range(20)))
    source = written(tmp_path / "train.csv", "text,label\n" + "".join(f"text {n},{n % 2}\n" for n in range(80)))
    result, folder = ingest(source, "text: text\nsplit: {test_file: test.csv}")
    assert result.counts["test"] == {"0": 10, "1": 10}
    assert {row["text"].split()[0] for row in rows_of(folder) if row["split"] == "test"} == {"later"}
    assert result.counts["validation"]


def test_a_test_row_that_is_also_trained_on_is_not_tested_on(ingest, tmp_path):
    written(tmp_path / "test.csv", "text,label\n" + "".join(f"later {number},{number % 2}\n" for number in range(20)))
    lines = [f"text {n},{n % 2}\n" for n in range(80)] + ["later 3,1\n"]
    _, folder = ingest(
        written(tmp_path / "train.csv", "text,label\n" + "".join(lines)), "text: text\nsplit: {test_file: test.csv}"
    )
    splits = [row["split"] for row in rows_of(folder) if row["text"] == "later 3"]
    assert len(splits) == 2
    assert set(splits) <= {"train"} | {"validation"}
    assert len(set(splits)) == 1
    messages = [finding.message for finding in read_verdict(folder / "verdict.json").findings]
    assert "1 rows of the test file also occur among the others: they are not tested on" in messages


def test_texts_under_two_labels_are_warned_of(ingest, tmp_path):
    lines = [f"text {number},{number % 2}" for number in range(60)] + ["text 4,1"]
    _, folder = ingest(written(tmp_path / "t.csv", "text,label\n" + "\n".join(lines)), "text: text")
    assert "1 texts occur under more than one label" in [
        f.message for f in read_verdict(folder / "verdict.json").findings
    ]


def test_personal_data_are_shown_nowhere(ingest, tmp_path):
    lines = [f"secret{number},{number}.5,{number % 2}" for number in range(60)] + ["secretx,,1"]
    source = written(tmp_path / "t.csv", "name,x,label\n" + "\n".join(lines))
    _, folder = ingest(source, "pii: [name]\nid: name")
    assert "secret" not in (folder / "report.html").read_text()
    assert "secret" not in (folder / "verdict.json").read_text()
    assert not any(row["example_id"].startswith("secret") for row in rows_of(folder))
    with pytest.raises(ValueError, match="must be unique, but 1 of 61 rows repeat") as caught:
        ingest(
            written(tmp_path / "u.csv", "name,x,label\n" + "\n".join([*lines[:-1], lines[0]])), "pii: [name]\nid: name"
        )
    assert "secret" not in str(caught.value)


def test_a_table_at_a_uri_is_read(ingest):
    memory = fsspec.filesystem("memory")
    memory.pipe("/tables/t.csv", ("x,label\n" + "".join(f"{n}.5,{n % 2}\n" for n in range(50))).encode())
    memory.pipe("/tables/test.csv", b"x,label\n900.5,0\n901.5,1\n902.5,0\n")
    try:
        result, _ = ingest("memory://tables/t.csv", "split: {test_file: test.csv}")
    finally:
        memory.rm("/tables", recursive=True)
    assert result.num_examples == 53
    assert result.counts["test"] == {"0": 2, "1": 1}


@pytest.mark.slow
def test_a_long_table_is_read_in_flat_memory(ingest, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 1 << 16)
    peaks = []
    for rows in (3_000, 9_000):
        lines = "".join(f"{'x' * 2000} {number},{number % 2}\n" for number in range(rows))
        source = written(tmp_path / f"{rows}.csv", "text,label\n" + lines)
        del lines
        tracemalloc.start()
        result, _ = ingest(source, "text: text", output=str(rows))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert result.num_examples == rows
    # 6,000 more rows are 12 MB more text; what grows is the index alone, some tens of bytes a row.
    assert peaks[1] - peaks[0] < 6_000 * 200


@pytest.mark.parametrize(
    ("text", "problem", "message"),
    [
        ("", "", "must be a table with a header, but it is empty"),
        ("x,label\n", "", "must hold rows below its header"),
        ("x,label", "", "must hold rows below its header"),
        ("x,y\n1,2\n", "", "must have a label"),
        ("x,label\n1,a\n2,a\n", "", "two classes or more, but has only 'a'"),
        ("x,label\n1,a\n2,b\n", "label: {expression: x > 9}", "two classes or more, but has only 'false'"),
        ("x,label\n1,a\n2,b\n", "ignore: [colour]", "must name columns of .*t.csv, got 'colour'; there are x, label"),
        ("x,label\n1,a\n2,b\n", "split: {test_file: none.csv}", "must be a file beside the data source"),
        ("x,label\n,a\n,b\n", "", "none of 2 can: t.csv, row 2: none of its features has a value"),
        ("i,x,label\n1,1,a\n1,2,b\n", "id: i", "the id column 'i' of .* must be unique, but 1 of 2 rows repeat"),
        (
            "x,label\n" + "".join(f"1,{n}\n" for n in range(50)),
            "task: classification",
            "50 examples have 50 different ones",
        ),
        ("pay,label\nCash,a\n", "label: {expression: pay > 3}", "mixes texts and numbers"),
        ("x,label\n1,a\n2,b\n", "split: {by: time}", "split.by: time needs a column of times, .* names none: set time"),
        ("x,label\n1,a\n2,b\n", "time: when\nsplit: {by: time}", "must name columns of .*, got 'when'"),
        ("y,x,label\n1,1,a\n1,2,b\n", "time: x\nsplit: {by: time}", "at least 3 different times, one a split"),
        ("x,label\n1,a\n2,b\n", "split: {like: nowhere}", "split.like must name an example table or a model bundle"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_sentence(ingest, tmp_path, text, problem, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        ingest(written(tmp_path / "t.csv", text), problem)
    assert "\n" not in str(caught.value)


def test_a_test_file_with_other_columns_is_refused(ingest, tmp_path):
    written(tmp_path / "test.csv", "x\n1\n")
    source = written(tmp_path / "t.csv", "x,label\n1,a\n2,b\n")
    with pytest.raises(ValueError, match=r"test\.csv must have the column 'label' as t\.csv has, but it has x"):
        ingest(source, "split: {test_file: test.csv}")
