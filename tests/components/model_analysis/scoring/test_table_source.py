import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.model_analysis.scoring.example_batches import ExampleSource
from components.model_analysis.scoring.table_columns import TableHints
from components.model_analysis.scoring.table_source import table_source
from components.modeling.images.features import ImageFeatures
from components.modeling.tabular.features import fit_tabular_features, TabularFeatures
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.contracts.problem import parse_problem
from components.shared.tables.repair_spec import Repair
from components.shared.tables.value_cleaning import ValueCleaning


def _batches(path, **hints):
    return table_source(path, ImageFeatures(image_size=16), TableHints(**hints)).batches


def _rows(path, **hints):
    return [
        (name, label, batch.files.get(row, batch.columns["image"][row].as_py()))
        for batch in _batches(path, **hints)
        for row, (name, label) in enumerate(zip(batch.example_ids, batch.labels, strict=True))
    ]


def test_a_csv_names_files_beside_it(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("path,label\na/1.jpg,cat\n/far/2.jpg,dog\n3.jpg,\n")
    assert _rows(tmp_path / "list.csv") == [
        ("a/1.jpg", "cat", tmp_path / "a/1.jpg"),
        ("/far/2.jpg", "dog", Path("/far/2.jpg")),
        ("3.jpg", None, tmp_path / "3.jpg"),
    ]


@pytest.mark.parametrize("column", ["image", "path", "file", "file_name"])
def test_the_column_of_files_is_recognised(tmp_path, column) -> None:
    (tmp_path / "list.tsv").write_text(f"other\t{column}\nx\t1.jpg\n")
    assert _rows(tmp_path / "list.tsv") == [("1.jpg", None, tmp_path / "1.jpg")]


def test_columns_can_be_named(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("picture,animal,label\n1.jpg,cat,x\n")
    rows = _rows(tmp_path / "list.csv", payload="picture", label="animal")
    assert rows == [("1.jpg", "cat", tmp_path / "1.jpg")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_korean_encodings_are_recognised(tmp_path, encoding) -> None:
    (tmp_path / "list.csv").write_bytes("path;label\n사진.jpg;고양이\n".encode(encoding))
    assert _rows(tmp_path / "list.csv") == [("사진.jpg", "고양이", tmp_path / "사진.jpg")]


def test_encoded_images_come_from_parquet(tmp_path) -> None:
    pq.write_table(pa.table({"image": [b"one", b"two", None], "label": ["cat", None, "dog"]}), tmp_path / "t.parquet")
    assert _rows(tmp_path / "t.parquet") == [
        ("row-000000", "cat", b"one"),
        ("row-000001", None, b"two"),
        ("row-000002", "dog", None),
    ]


def test_images_may_be_structs_of_bytes_and_path(tmp_path) -> None:
    images = [{"bytes": b"one", "path": "a.jpg"}, {"bytes": None, "path": "b.jpg"}]
    pq.write_table(pa.table({"image": images, "id": ["x", "y"]}), tmp_path / "t.parquet")
    assert _rows(tmp_path / "t.parquet") == [("x", None, b"one"), ("y", None, tmp_path / "b.jpg")]


def test_paths_come_from_parquet_too(tmp_path) -> None:
    pq.write_table(pa.table({"file": pa.array(["1.jpg"]).dictionary_encode()}), tmp_path / "t.parquet")
    assert _rows(tmp_path / "t.parquet") == [("1.jpg", None, tmp_path / "1.jpg")]


def test_numeric_labels_read_as_whole_numbers(tmp_path) -> None:
    pq.write_table(pa.table({"image": [b"1", b"2", b"3"], "label": [7.0, None, float("nan")]}), tmp_path / "t.parquet")
    assert [label for _, label, _ in _rows(tmp_path / "t.parquet")] == ["7", None, None]


def test_a_table_without_images_is_refused_with_its_columns(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("species,mass\nx,1\n")
    with pytest.raises(ValueError, match=r"a column of images called image, path.*; it has species, mass"):
        _rows(tmp_path / "list.csv")


def test_a_named_column_that_is_not_there_is_refused(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("path\n1.jpg\n")
    with pytest.raises(ValueError, match="must have the column 'animal'"):
        _rows(tmp_path / "list.csv", label="animal")


def test_a_column_of_numbers_holds_no_images(tmp_path) -> None:
    pq.write_table(pa.table({"image": [1, 2]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="must hold encoded images or paths, got int64"):
        _rows(tmp_path / "t.parquet")


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_a_damaged_table_is_refused(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(b"\x00\x81\xff")
    with pytest.raises(ValueError, match=r"it is binary data, no text|cannot be read as a table"):
        _rows(tmp_path / name)


def test_images_come_in_small_batches_whatever_the_file(tmp_path) -> None:
    pq.write_table(pa.table({"image": [b"x"] * 130}), tmp_path / "t.parquet")
    (tmp_path / "list.csv").write_text("path\n" + "x.jpg\n" * 130)
    assert [len(batch) for batch in _batches(tmp_path / "t.parquet")] == [64, 64, 2]
    assert [len(batch) for batch in _batches(tmp_path / "list.csv")] == [64, 64, 2]


def test_names_are_unique_even_where_a_table_repeats_them(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("path\n1.jpg\n1.jpg\n2.jpg\n")
    assert [name for name, _, _ in _rows(tmp_path / "list.csv")] == ["1.jpg", "1.jpg#1", "2.jpg"]


def test_ragged_rows_are_set_aside_with_their_reasons(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("path,label\n1.jpg,cat\n2.jpg\n3.jpg,dog\n")
    source = table_source(tmp_path / "list.csv", ImageFeatures(image_size=16), TableHints())
    assert [name for batch in source.batches for name in batch.example_ids] == ["1.jpg", "3.jpg"]
    assert [(row.example_id, row.reason) for row in source.unreadable] == [
        ("row 3", "it has 1 values where the header has 2")
    ]


def test_the_problem_file_says_how_a_table_is_read(tmp_path) -> None:
    (tmp_path / "list.txt").write_text('path~animal\n"1.jpg~cat\n')
    problem = parse_problem('{table: {format: csv, delimiter: "~", quoting: false}, label: {column: animal}}')
    assert _rows(tmp_path / "list.txt", problem=problem) == [('"1.jpg', "cat", tmp_path / '"1.jpg')]


def test_an_expression_gives_the_label(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("path,tips,fare\n1.jpg,3,10\n2.jpg,1,10\n3.jpg,,10\n")
    problem = parse_problem("label: {expression: tips > 0.2 * fare}")
    assert [label for _, label, _ in _rows(tmp_path / "list.csv", problem=problem)] == ["true", "false", None]


def test_a_table_without_the_problems_label_is_unlabelled_and_says_so(tmp_path, caplog) -> None:
    (tmp_path / "list.csv").write_text("path,label\n1.jpg,cat\n")
    problem = parse_problem("label: {expression: tips > 0.2 * fare}")
    with caplog.at_level(logging.WARNING):
        assert [label for _, label, _ in _rows(tmp_path / "list.csv", problem=problem)] == [None]
    assert "has no column tips, which the problem file's label needs" in caplog.text


def test_personal_identifiers_are_not_shown(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("path,patient\n1.jpg,Kim\n2.jpg,Lee\n")
    names = [
        name for name, _, _ in _rows(tmp_path / "list.csv", problem=parse_problem("{id: patient, pii: [patient]}"))
    ]
    assert len(set(names)) == 2
    assert not {"Kim", "Lee"} & set(names)
    names = [name for name, _, _ in _rows(tmp_path / "list.csv", problem=parse_problem("id: patient"))]
    assert names == ["Kim", "Lee"]


def test_a_label_that_is_a_list_is_refused(tmp_path) -> None:
    pq.write_table(pa.table({"image": [b"x"], "label": [["cat"]]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"column 'label' of .* must hold numbers or texts, got list"):
        _rows(tmp_path / "t.parquet")


WORK = {"age": pa.array([31, 40, 52, 28] * 20), "work": pa.array(["State-gov", "Private", "State-gov", None] * 20)}


def _tabular(cleaning: ValueCleaning) -> TabularFeatures:
    return fit_tabular_features([WORK], {name: values.type for name, values in WORK.items()}, cleaning)


def _scored(path, features, problem: str = "") -> ExampleSource:
    return table_source(path, features, TableHints(problem=parse_problem(problem)))


def test_rows_are_cleaned_as_the_bundle_says_whatever_the_problem_file_says(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("age,work,label\n31, State-gov,yes\n-1,State-gov\t,no\nunknown, ? , yes \n")
    features = _tabular(ValueCleaning(missing=("?", "unknown", "-1")))
    (batch,) = _scored(tmp_path / "t.csv", features).batches
    assert batch.columns["work"].to_pylist() == ["State-gov", "State-gov", None]
    assert batch.columns["age"].to_pylist() == [31, None, None]
    assert batch.labels == ["yes", "no", "yes"]
    kept = _tabular(ValueCleaning(keep_spaces=True))
    (tmp_path / "u.csv").write_text("age,work\n31, State-gov\n40,?\n")
    (batch,) = _scored(tmp_path / "u.csv", kept, 'table: {missing: ["?"]}').batches
    assert batch.columns["work"].to_pylist() == [" State-gov", "?"]


def test_parquet_rows_get_the_predictions_of_csv_rows(tmp_path) -> None:
    features = _tabular(ValueCleaning(missing=("?", "-1")))
    (tmp_path / "t.csv").write_text("age,work\n31, State-gov\n-1,?\n")
    pq.write_table(pa.table({"age": [31, -1], "work": [" State-gov", "?"]}), tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text('{"age": 31, "work": " State-gov"}\n{"age": -1, "work": "?"}\n')
    (tmp_path / "clean.csv").write_text("age,work\n31,State-gov\n,\n")
    prepared = [
        features.prepare(next(iter(_scored(tmp_path / name, features).batches)).columns)
        for name in ("clean.csv", "t.csv", "t.parquet", "t.jsonl")
    ]
    for found in prepared[1:]:
        for name, values in prepared[0].items():
            np.testing.assert_array_equal(found[name], values)


def test_labels_and_identifiers_are_cleaned_as_the_problem_file_says(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("age,work,id,paid\n31,a, x1 ,2\n40,a,y,?\n28,a,z,-5\n")
    problem = 'id: id\nlabel: {expression: paid > 1}\ntable: {missing: ["?", -5]}'
    (batch,) = _scored(tmp_path / "t.csv", _tabular(ValueCleaning()), problem).batches
    assert (batch.example_ids, batch.labels) == (["x1", "y", "z"], ["true", None, None])


def test_a_text_is_scored_as_it_stands(tmp_path) -> None:
    (tmp_path / "t.csv").write_text('text,label\n" good ",x\n?,x\n')
    (batch,) = _scored(tmp_path / "t.csv", TextFeatures(), 'table: {missing: ["?"]}').batches
    assert batch.columns["text"].to_pylist() == [" good ", "?"]


def test_a_file_without_a_header_is_scored_with_the_names_of_the_problem_file(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("31, State-gov\n40, Private\n28, State-gov\n25, Private\n")
    features = _tabular(ValueCleaning())
    with pytest.raises(
        ValueError, match=r"must have the column 'age', which the model reads; it has column_1, column_2"
    ):
        _scored(tmp_path / "t.csv", features)
    (batch,) = _scored(tmp_path / "t.csv", features, "table: {columns: [age, work]}").batches
    assert batch.columns["work"].to_pylist() == ["State-gov", "Private", "State-gov", "Private"]


def test_values_that_are_too_long_are_set_aside_and_never_cut(tmp_path) -> None:
    (tmp_path / "t.csv").write_text(
        f"age,work,id\n31,a,one\n40,{'x' * ((1 << 20) + 1)},two\n28,{'y' * (1 << 20)},three\n"
    )
    source = _scored(tmp_path / "t.csv", _tabular(ValueCleaning()))
    assert [name for batch in source.batches for name in batch.example_ids] == ["one", "three"]
    assert [(row.example_id, row.reason) for row in source.unreadable] == [
        ("two", "its value of 'work' is longer than 1 MB")
    ]


REPAIRS = (
    Repair(column="alter", rename="age"),
    Repair(column="age", scale=0.5),
    Repair(column="job", rename="work"),
    Repair(column="label", map={"1": "yes"}),
)


def _repaired(path, features) -> ExampleSource:
    return table_source(path, features, TableHints(repairs=REPAIRS, trained_roles={"age": ["feature", "pii"]}))


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_rows_are_repaired_as_in_training_and_what_the_bundle_calls_missing_is_so_before(tmp_path, name) -> None:
    if name == "t.csv":
        (tmp_path / name).write_text("alter,job,label\n62,Private,1\n-1,?,1\nold,Private,0\n")
    else:
        columns = {"alter": ["62", "-1", "old"], "job": ["Private", "?", "Private"], "label": ["1", "1", "0"]}
        pq.write_table(pa.table(columns), tmp_path / name)
    source = _repaired(tmp_path / name, _tabular(ValueCleaning(missing=("?", "-1"))))
    (batch,) = source.batches
    assert batch.columns["age"].to_pylist() == [31, None, None]
    assert batch.columns["work"].to_pylist() == ["Private", None, "Private"]
    assert batch.labels == ["yes", "yes", "0"]
    assert source.failed_repairs == [
        "1 value of column 'age' cannot be repaired and counts as missing: the first (row-000002) is not a number"
    ]


def test_a_table_may_lack_the_label_but_not_be_repaired_already(tmp_path) -> None:
    features = _tabular(ValueCleaning())
    (tmp_path / "t.csv").write_text("alter,job\n62,Private\n80,x\n")
    (batch,) = _repaired(tmp_path / "t.csv", features).batches
    assert (batch.columns["age"].to_pylist(), batch.labels) == ([31, 40], [None, None])
    (tmp_path / "u.csv").write_text("age,job\n31,Private\n40,x\n")
    with pytest.raises(ValueError, match="must be as it was before its repairs, which rename 'alter' to 'age'"):
        _repaired(tmp_path / "u.csv", features)
