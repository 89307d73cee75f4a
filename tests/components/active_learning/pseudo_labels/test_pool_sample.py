"""A sample of a pool is drawn in parts: the same rows however the pool is stored, and never those that are known."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.active_learning.pseudo_labels import pool_sample as module
from components.active_learning.pseudo_labels.pool_sample import embeddings_by_id, pool_sample, PoolSample
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from tests.components.active_learning.pseudo_labels.planted_tables import answers_table, examples_table

NAMES = ("bad", "good")
NUM_ROWS = 300


def _tables(folder: Path, order: np.ndarray) -> tuple[ExampleTable, PredictionsTable, ExampleTable]:
    """A pool in some order, its answers, and a table that knows row 7 by name and rows 8 and 9 by content."""
    ids, keys = [f"row-{place}" for place in order.tolist()], [int(place) + 1 for place in order]
    texts = {"text": pa.array(["a comment"] * NUM_ROWS)}
    examples_table(folder / "pool", "text", NAMES, ids, None, None, texts, content_ids=keys)
    known = {"text": pa.array(["a comment"] * 3)}
    held = ["train", "test", "train"]
    given = ["good", "bad", "good"]
    examples_table(
        folder / "examples", "text", NAMES, ["row-7", "x", "y"], held, given, known, content_ids=[1000, 9, 10]
    )
    chances = order / NUM_ROWS
    answers_table(
        folder / "answers",
        NAMES,
        ids,
        ["test"] * NUM_ROWS,
        [None] * NUM_ROWS,
        np.column_stack([chances, 1 - chances]),
        np.column_stack([order, order]),
    )
    return ExampleTable(folder / "pool"), PredictionsTable(folder / "answers"), ExampleTable(folder / "examples")


def _drawn(folder: Path, order: np.ndarray, max_rows: int) -> PoolSample:
    pool, answers, examples = _tables(folder, order)
    return pool_sample(pool, answers, examples, max_rows=max_rows, seed=3)


def test_the_same_rows_are_drawn_whatever_their_order_and_the_parts_they_are_read_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = np.arange(NUM_ROWS)
    whole = _drawn(tmp_path / "whole", order, 40)
    monkeypatch.setattr(module, "_BATCH_ROWS", 7)
    parts = _drawn(tmp_path / "parts", order[::-1], 40)

    assert len(whole.ids) == 40
    assert list(whole.ids) == list(parts.ids)[::-1]
    np.testing.assert_array_equal(whole.answers, parts.answers[::-1])
    places = np.array([int(name.removeprefix("row-")) for name in whole.ids])
    np.testing.assert_allclose(whole.answers[:, 0], places / NUM_ROWS, atol=1e-6)
    assert (np.diff(places) > 0).all()
    assert 90 < places.mean() < 210


def test_rows_that_are_examples_already_are_counted_and_never_drawn(tmp_path: Path) -> None:
    found = _drawn(tmp_path, np.arange(NUM_ROWS), NUM_ROWS)

    assert (found.num_all, found.num_known, len(found.ids)) == (NUM_ROWS, 3, NUM_ROWS - 3)
    assert not {"row-7", "row-8", "row-9"} & set(found.ids)


def test_embeddings_come_in_the_order_of_the_names_and_none_where_one_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH_ROWS", 7)
    _, answers, _ = _tables(tmp_path, np.arange(NUM_ROWS))

    found = embeddings_by_id(answers, ["row-250", "row-3"])

    assert found is not None
    np.testing.assert_array_equal(found, [[250, 250], [3, 3]])
    assert embeddings_by_id(answers, ["row-250", "nobody"]) is None
    assert embeddings_by_id(answers, []) is None
