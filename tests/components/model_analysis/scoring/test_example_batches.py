import pyarrow as pa
import pytest

from components.model_analysis.scoring.example_batches import ExampleBatch, UniqueNames
from components.modeling.images.decoding import UndecodableImageError


@pytest.fixture
def batch(tmp_path):
    (tmp_path / "c.jpg").write_bytes(b"of a file")
    return ExampleBatch(
        example_ids=["a", "b", "c"],
        labels=["x", None, "y"],
        splits=["train", "test", "test"],
        columns={"image": pa.array([b"in the table", None, None])},
        files={2: tmp_path / "c.jpg", 1: tmp_path / "absent.jpg"},
        extra={"camera": pa.array([1, 2, 3])},
    )


def test_images_are_read_from_the_table_or_their_files(batch) -> None:
    assert batch.values(0) == {"image": b"in the table"}
    assert batch.values(2) == {"image": b"of a file"}
    with pytest.raises(UndecodableImageError, match="there is no such file"):
        batch.values(1)


def test_taken_examples_keep_all_that_is_theirs(batch) -> None:
    taken = batch.take([2, 0])
    assert (taken.example_ids, taken.labels, taken.splits) == (["c", "a"], ["y", "x"], ["test", "train"])
    assert taken.extra["camera"].to_pylist() == [3, 1]
    assert [taken.values(row)["image"] for row in range(2)] == [b"of a file", b"in the table"]


def test_names_that_repeat_in_a_stream_get_their_position() -> None:
    unique = UniqueNames()
    assert unique(["a", "b", "a"]) == ["a", "b", "a#2"]
    assert unique(["b", "c"]) == ["b#3", "c"]
