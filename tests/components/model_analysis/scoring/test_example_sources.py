import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.model_analysis.scoring.example_sources import example_table_source, open_source
from components.model_analysis.scoring.label_matching import LabelMatcher
from components.model_analysis.scoring.table_columns import TableHints
from components.modeling.images.features import ImageFeatures
from components.shared.contracts.example_table import ExampleTable

MATCHER = LabelMatcher(["cat", "dog"])


def _open(source):
    return open_source(str(source), ImageFeatures(image_size=16), MATCHER, TableHints())


def test_an_example_table_brings_its_splits_labels_and_slices(make_table) -> None:
    source = _open(make_table([("train", "cat", "cat"), ("test", "dog", "dog"), ("test", None, "cat")]))
    (batch,) = source.batches
    assert source.num_examples == 3
    assert batch.splits == ["train", "test", "test"]
    assert batch.labels == ["cat", "dog", None]
    assert list(batch.columns) == ["image"]
    assert list(batch.extra) == ["camera"]
    assert batch.extra["camera"].to_pylist() == ["camera-0", "camera-1", "camera-0"]


def test_only_the_asked_splits_are_read(make_table) -> None:
    table = ExampleTable(make_table([("train", "cat", "cat"), ("test", "dog", "dog")]))
    source = example_table_source(table, ImageFeatures(image_size=16), splits=["test"])
    assert source.num_examples == 1
    assert [batch.labels for batch in source.batches] == [["dog"]]


def test_a_folder_is_read_in_batches(tmp_path) -> None:
    for number in range(130):
        (tmp_path / f"cat.{number}.jpg").write_bytes(b"x")
    source = _open(tmp_path)
    assert source.num_examples == 130
    assert [len(batch) for batch in source.batches] == [64, 64, 2]


def test_one_image_is_a_source(tmp_path) -> None:
    (tmp_path / "dog.1.jpg").write_bytes(b"x")
    (batch,) = _open(tmp_path / "dog.1.jpg").batches
    assert (batch.example_ids, batch.labels) == (["dog.1.jpg"], ["dog"])


def test_a_parquet_table_knows_its_length(tmp_path) -> None:
    pq.write_table(pa.table({"image": [b"1", b"2"]}), tmp_path / "t.parquet")
    assert _open(tmp_path / "t.parquet").num_examples == 2


def test_an_empty_folder_is_refused_and_a_table_in_it_pointed_out(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds none$"):
        _open(tmp_path)
    (tmp_path / "list.csv").write_text("path\n")
    with pytest.raises(FileNotFoundError, match=r"list\.csv: name that file"):
        _open(tmp_path)


def test_nothing_there_is_said(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        _open(tmp_path / "absent")


def test_other_files_and_remote_addresses_are_refused(tmp_path) -> None:
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(ValueError, match="must be a folder of images or a table ending in"):
        _open(tmp_path / "notes.md")
    with pytest.raises(ValueError, match="must be a local file or folder"):
        _open("s3://bucket/photos")
