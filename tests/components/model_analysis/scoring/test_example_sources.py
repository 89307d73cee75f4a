import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.model_analysis.scoring.example_sources import example_table_source, open_source
from components.model_analysis.scoring.table_columns import TableHints
from components.modeling.images.features import ImageFeatures
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.label_matching import LabelMatcher

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


def test_a_table_beside_photos_labels_them_as_at_ingestion_and_names_every_photo(tmp_path) -> None:
    for name in ("cat/1.jpg", "cat/2.jpg", "3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "labels.csv").write_text("path,label\ncat/1.jpg,dog\n3.jpg,cat\n")
    source = _open(tmp_path)
    (batch,) = source.batches
    assert dict(zip(batch.example_ids, batch.labels, strict=True)) == {"cat/1.jpg": "dog", "3.jpg": "cat"}
    assert [(row.example_id, row.reason) for row in source.unreadable] == [("cat/2.jpg", "labels.csv does not name it")]


def test_a_table_beside_photos_that_labels_none_is_not_used(tmp_path, caplog) -> None:
    (tmp_path / "cat.1.jpg").write_bytes(b"x")
    (tmp_path / "labels.csv").write_text("path,camera\ncat.1.jpg,a\n")
    (batch,) = _open(tmp_path).batches
    assert batch.labels == ["cat"]
    assert "labels.csv is not used" in caplog.text


def test_a_pool_is_scored_as_examples_without_a_split(make_table, tmp_path) -> None:
    (row,) = ExampleTable(make_table([("train", "cat", "cat")])).iter_batches()
    info = ExampleTableInfo(modality="image", class_names=("cat",), column_roles={"camera": "slice"}, is_pool=True)
    with ExampleTableWriter(tmp_path / "pool", info, extra_columns={"camera": pa.string()}) as writer:
        columns = {name: row.column(name) for name in ("example_id", "image", "camera")}
        nothing = dict.fromkeys(("split", "label"), pa.nulls(1, pa.string()))
        writer.write(pa.RecordBatch.from_pydict({**columns, **nothing}))
    (batch,) = _open(tmp_path / "pool").batches
    assert (batch.splits, batch.labels) == (["test"], [None])
