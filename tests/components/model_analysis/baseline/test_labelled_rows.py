"""Which rows cheap models learn from and are judged by."""

import numpy as np
import pyarrow as pa
import pytest

from components.model_analysis.baseline.labelled_rows import answered_rows, LabelledRows, read_rows, training_rows
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from tests.components.model_analysis.baseline.planted_baselines import Planted, write


@pytest.fixture
def tables(tmp_path):
    rng = np.random.default_rng(0)
    labels = (rng.random(1200) < 0.15).astype(int)
    sources = np.where(np.arange(1200) % 4 == 0, "model", "person")
    planted = Planted(
        modality="tabular",
        columns={"x": pa.array(np.arange(1200.0))},
        labels=labels,
        answers=labels,
        sources=sources.tolist(),
        split_ends=(800, 1000),
    )
    examples, predictions = write(planted, tmp_path)
    return ExampleTable(examples), PredictionsTable(predictions), labels, sources


def test_training_rows_are_those_that_people_labelled(tables) -> None:
    examples, table, labels, sources = tables
    found = training_rows(examples, table.class_names, max_rows=10_000)
    by_people = np.flatnonzero(sources[:800] == "person")
    np.testing.assert_array_equal(found.rows, by_people)
    np.testing.assert_array_equal(found.labels, labels[by_people])


def test_a_sample_keeps_rare_classes_and_is_the_same_each_time(tables) -> None:
    examples, table, labels, _ = tables
    found, again = (training_rows(examples, table.class_names, max_rows=200) for _ in range(2))
    assert found.num_all == 600
    assert 150 < len(found.rows) < 250
    assert (found.labels == 1).sum() == 50
    np.testing.assert_array_equal(found.rows, again.rows)
    np.testing.assert_array_equal(found.labels, labels[found.rows])


def test_a_label_that_the_model_does_not_know_does_not_teach(tables) -> None:
    examples, _, labels, _ = tables
    found = training_rows(examples, ["CLASS 0"], max_rows=10_000)  # the same class, otherwise spelled
    assert (labels[found.rows] == 0).all()


def test_answered_rows_find_their_columns_again(tables) -> None:
    examples, table, labels, _ = tables
    found = answered_rows(examples, table, "test", max_rows=50)
    assert (len(found), found.num_all) == (50, 200)
    values = read_rows(examples, found, ["x"])["x"].to_numpy()
    np.testing.assert_array_equal(values, 1000 + found.rows)
    np.testing.assert_array_equal(found.labels, labels[values.astype(int)])
    np.testing.assert_array_equal(found.answers.argmax(axis=1), labels[values.astype(int)])


def test_rows_are_read_in_the_samples_order(tables) -> None:
    rows = LabelledRows(split="train", rows=np.array([7, 3, 500]), labels=np.zeros(3), num_all=3)
    assert read_rows(tables[0], rows, ["x"])["x"].to_pylist() == [7.0, 3.0, 500.0]
