"""The embeddings table."""

import numpy as np
import pytest

from components.shared.contracts.embeddings_table import EmbeddingsTable, EmbeddingsWriter
from components.shared.runtime.errors import ContractError


def write(path, vectors, splits):
    with EmbeddingsWriter(path, embedding_size=vectors.shape[1], embedder="a network") as writer:
        writer.write(example_ids=[f"e{number}" for number in range(len(vectors))], splits=splits, embeddings_BD=vectors)
    return EmbeddingsTable(path)


def test_vectors_come_back_in_their_order(tmp_path):
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    table = write(tmp_path, vectors, ["train", "test", "train", "test"])
    [(ids, found)] = list(table.iter_batches())
    assert ids == ["e0", "e1", "e2", "e3"]
    np.testing.assert_array_equal(found, vectors)
    assert (table.num_rows, table.embedding_size, table.embedder) == (4, 3, "a network")


def test_one_split_can_be_read_alone(tmp_path):
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    table = write(tmp_path, vectors, ["train", "test", "train", "test"])
    [(ids, found)] = list(table.iter_batches(splits=["test"]))
    assert ids == ["e1", "e3"]
    np.testing.assert_array_equal(found, vectors[[1, 3]])


def test_batches_are_no_larger_than_asked_for(tmp_path):
    table = write(tmp_path, np.zeros((10, 2), np.float32), ["train"] * 10)
    assert [len(ids) for ids, _ in table.iter_batches(batch_rows=4)] == [4, 4, 2]


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [(np.zeros((2, 4), np.float32), r"shape \(2, 3\), got \(2, 4\)"), (np.full((2, 3), np.nan), "must be finite")],
)
def test_vectors_that_cannot_be_right_are_refused(tmp_path, vectors, reason):
    with (
        EmbeddingsWriter(tmp_path, embedding_size=3, embedder="a network") as writer,
        pytest.raises(ContractError, match=reason),
    ):
        writer.write(example_ids=["a", "b"], splits=["train"] * 2, embeddings_BD=vectors)
