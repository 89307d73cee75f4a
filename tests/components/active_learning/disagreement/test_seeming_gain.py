"""The gap between models' labels and people's, computed by hand."""

import numpy as np
import pytest

from components.active_learning.disagreement.compared_rows import ComparedRows
from components.active_learning.disagreement.seeming_gain import seeming_gain


def _rows(*, sources: list[str], splits: list[str], labels: list[int], predicted: list[int]) -> ComparedRows:
    number = len(labels)
    return ComparedRows(
        class_names=("bad", "good"),
        example_ids=[str(row) for row in range(number)],
        splits=np.array(splits, dtype=object),
        sources=np.array(sources, dtype=object),
        labels=np.array(labels),
        predicted=np.array(predicted),
        probabilities=np.eye(2)[predicted],
        label_models=[None] * number,
        label_rounds=[None] * number,
        label_probabilities=np.full(number, np.nan),
        agreements=np.full(number, np.nan),
        embeddings=np.zeros((number, 0)),
        content_ids=np.zeros(number, np.uint64),
        groups=None,
    )


def _scene(num_right_by_people: int) -> ComparedRows:
    """100 labels by a model, of which the model agrees with 92; 100 by people held out."""
    wrong = [0] * (100 - num_right_by_people)
    return _rows(
        sources=["model"] * 100 + ["person"] * 100,
        splits=["train"] * 100 + ["test"] * 100,
        labels=[1] * 200,
        predicted=[1] * 92 + [0] * 8 + [1] * num_right_by_people + wrong,
    )


def test_the_gap_is_the_difference_of_the_two_agreements_and_named() -> None:
    gain = seeming_gain(_scene(70))

    assert (gain.with_models.share, gain.with_people.share) == (0.92, 0.70)
    assert gain.difference == pytest.approx(0.22)
    assert (gain.low, gain.high) == (pytest.approx(0.1129, abs=1e-4), pytest.approx(0.3234, abs=1e-4))
    [sentence] = gain.sentences()
    assert "in 92.0%" in sentence
    assert "in 70.0%: 22.0 points of seeming gain" in sentence
    assert "only people's labels say how good it is" in sentence


def test_no_gap_is_claimed_where_none_is_shown() -> None:
    [sentence] = seeming_gain(_scene(91)).sentences()

    assert "No gap is shown" in sentence


def test_the_initial_model_is_held_against_people_on_the_same_examples() -> None:
    rows = _scene(70)
    initial = np.eye(2)[[1] * 100 + [1] * 60 + [0] * 40]

    gain = seeming_gain(rows, initial)

    assert gain.with_initial.num_examples == 100
    assert (gain.with_initial.challenger, gain.with_initial.champion) == (0.9, 0.7)
    assert gain.against_initial.difference == pytest.approx(0.1)
    assert gain.against_initial.low > 0
    assert len(gain.sentences()) == 3
    assert "would seem 20.0 points better than it is" in gain.sentences()[1]
    assert gain.sentences()[2].endswith("a gain, by people's labels.")


def test_examples_that_the_initial_model_did_not_answer_are_not_paired() -> None:
    rows = _scene(70)
    initial = np.eye(2)[[1] * 200].astype(float)
    initial[150:] = np.nan

    assert seeming_gain(rows, initial).with_initial.num_examples == 50


def test_without_labels_by_models_nothing_is_said() -> None:
    rows = _scene(70).taken(np.arange(100, 200))

    gain = seeming_gain(rows)

    assert gain.sentences() == []
    assert np.isnan(gain.difference)
