from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.model_analysis.image_table import count_rows, table_images


def _rows(path, **columns):
    return [(image.example_id, image.label, image.content) for image in table_images(path, **columns)]


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
    rows = _rows(tmp_path / "list.csv", image_column="picture", label_column="animal")
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
    assert count_rows(tmp_path / "t.parquet") == 3


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
    with pytest.raises(ValueError, match="it has species, mass"):
        _rows(tmp_path / "list.csv")


def test_a_named_column_that_is_not_there_is_refused(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("path\n1.jpg\n")
    with pytest.raises(ValueError, match="must have the column 'animal'"):
        _rows(tmp_path / "list.csv", label_column="animal")


def test_a_column_of_numbers_holds_no_images(tmp_path) -> None:
    pq.write_table(pa.table({"image": [1, 2]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="must hold encoded images or paths, got int64"):
        _rows(tmp_path / "t.parquet")


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_a_damaged_table_is_refused(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ValueError, match="must be"):
        _rows(tmp_path / name)
