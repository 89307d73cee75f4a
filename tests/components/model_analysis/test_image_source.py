import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.model_analysis.image_source import open_image_source
from components.model_analysis.label_matching import LabelMatcher

MATCHER = LabelMatcher(["cat", "dog"])


def _images(source):
    return [image for batch in source.batches for image in batch.images]


def test_an_example_table_brings_its_splits_labels_and_slices(make_table) -> None:
    table = make_table([("train", "cat", "cat"), ("test", "dog", "dog"), ("test", None, "cat")])
    source = open_image_source(str(table), MATCHER)
    (batch,) = source.batches
    assert source.num_images == 3
    assert [(image.split, image.label) for image in batch.images] == [("train", "cat"), ("test", "dog"), ("test", None)]
    assert list(batch.extra) == ["camera"]
    assert batch.extra["camera"].to_pylist() == ["camera-0", "camera-1", "camera-0"]


def test_a_folder_is_read_in_batches(tmp_path, photo) -> None:
    for number in range(130):
        (tmp_path / f"cat.{number}.jpg").write_bytes(b"x")
    source = open_image_source(str(tmp_path), MATCHER)
    assert source.num_images == 130
    assert [len(batch.images) for batch in source.batches] == [64, 64, 2]


def test_names_are_unique_even_where_a_table_repeats_them(tmp_path) -> None:
    (tmp_path / "list.csv").write_text("path\n1.jpg\n1.jpg\n2.jpg\n")
    names = [image.example_id for image in _images(open_image_source(str(tmp_path / "list.csv"), MATCHER))]
    assert names == ["1.jpg", "1.jpg#1", "2.jpg"]


def test_one_image_is_a_source(tmp_path) -> None:
    (tmp_path / "dog.1.jpg").write_bytes(b"x")
    (image,) = _images(open_image_source(str(tmp_path / "dog.1.jpg"), MATCHER))
    assert (image.example_id, image.label) == ("dog.1.jpg", "dog")


def test_a_parquet_table_knows_its_length(tmp_path) -> None:
    pq.write_table(pa.table({"image": [b"1", b"2"]}), tmp_path / "t.parquet")
    assert open_image_source(str(tmp_path / "t.parquet"), MATCHER).num_images == 2


def test_an_empty_folder_is_refused_and_a_table_in_it_pointed_out(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds none$"):
        open_image_source(str(tmp_path), MATCHER)
    (tmp_path / "list.csv").write_text("path\n")
    with pytest.raises(FileNotFoundError, match=r"list\.csv: name that file"):
        open_image_source(str(tmp_path), MATCHER)


def test_nothing_there_is_said(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        open_image_source(str(tmp_path / "absent"), MATCHER)


def test_other_files_and_remote_addresses_are_refused(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match="a folder, an image or a table"):
        open_image_source(str(tmp_path / "notes.txt"), MATCHER)
    with pytest.raises(ValueError, match="must be a local file or folder"):
        open_image_source("s3://bucket/photos", MATCHER)
