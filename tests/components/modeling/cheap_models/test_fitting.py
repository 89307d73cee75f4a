"""The cheap models themselves, and how rows become what they take."""

import numpy as np
import pyarrow as pa
import pytest

from components.modeling.cheap_models.fitting import constant_answers, fitted_linear, fitted_trees, Question
from components.modeling.cheap_models.table_reading import TableRows
from components.modeling.cheap_models.text_reading import TextReading

TWO = Question(num_classes=2, metric="accuracy")
NUMBER = Question(num_classes=0, metric="rmse")


def test_trees_see_an_interaction_and_a_line_does_not() -> None:
    rows = np.random.default_rng(0).normal(size=(800, 2))
    labels = ((rows[:, 0] > 0) ^ (rows[:, 1] > 0)).astype(int)
    right = [
        (fit(rows[:600], labels[:600], TWO)(rows[600:]).argmax(axis=1) == labels[600:]).mean()
        for fit in (fitted_trees, fitted_linear)
    ]
    assert right[0] > 0.9
    assert right[1] < 0.65


@pytest.mark.parametrize("fit", [fitted_trees, fitted_linear])
def test_a_class_without_training_rows_gets_no_probability(fit) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    answers = fit(rows, np.arange(60) % 2 * 2, Question(num_classes=4, metric="accuracy"))(rows)
    assert answers.shape == (60, 4)
    assert not answers[:, [1, 3]].any()
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-6)


def test_one_row_of_a_class_is_no_error() -> None:
    rows = np.random.default_rng(0).normal(size=(10_500, 1))
    labels = np.zeros(10_500, int)
    labels[3] = 1
    assert fitted_trees(rows, labels, TWO)(rows[:5]).shape == (5, 2)


@pytest.mark.parametrize("fit", [fitted_trees, fitted_linear])
def test_numbers_are_answered_with_numbers(fit) -> None:
    rows = np.random.default_rng(0).normal(size=(500, 1))
    answers = fit(rows, 1e6 + 10 * rows[:, 0], NUMBER)(rows)
    assert np.abs(answers - 1e6 - 10 * rows[:, 0]).mean() < 1.0


def test_a_constant_answer_is_the_mean_or_what_most_have() -> None:
    assert constant_answers(np.array([1.0, 2.0, 9.0]), 2, NUMBER).tolist() == [4.0, 4.0]
    median = Question(num_classes=0, metric="mae")
    assert constant_answers(np.array([1.0, 2.0, 9.0]), 1, median).tolist() == [2.0]
    assert constant_answers(np.array([0, 1, 1, 1]), 1, TWO).tolist() == [[0.25, 0.75]]


def test_rows_of_categories_have_a_column_each_and_trees_at_most_255_codes() -> None:
    rows = TableRows(
        numbers=np.array([[0.5], [1.5]], np.float32), codes=np.array([[1, 300], [0, 2]], np.int32), num_codes=(2, 400)
    )
    assert rows.for_trees().tolist() == [[1.0, 0.0, 0.5], [0.0, 2.0, 1.5]]
    lines = rows.for_lines().toarray()
    assert lines.shape == (2, 1 + 2 + 400)
    assert [np.flatnonzero(row).tolist() for row in lines] == [[0, 2, 3 + 300], [0, 1, 3 + 2]]


def test_texts_are_read_by_words_and_characters_of_training_texts_alone() -> None:
    reading = TextReading(pa.array(["좋은 영화", "좋은 배우", None, ""]), num_classes=2)
    rows = reading.rows(pa.array(["좋은 것", "xyz", None]))
    assert rows[[0]].sum() > 0
    assert rows[[1]].nnz == rows[[2]].nnz == 0
    assert reading.rows(pa.array([], pa.string())).shape == (0, rows.shape[1])


def test_texts_without_anything_in_common_are_an_error() -> None:
    with pytest.raises(ValueError, match="in common, but they have none"):
        TextReading(pa.array(["", None]), num_classes=2)
