from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from components.mock_data.planted_signal import (
    best_accuracy,
    class_scores,
    coupled,
    distance_of_classes,
    shown_classes,
)


@pytest.mark.parametrize(
    ("shares", "signal", "accuracy"),
    [
        ([0.5, 0.5], 1.0, 1.0),
        ([0.5, 0.5], 0.0, 0.5),
        ([0.5, 0.5], 0.5, 0.75),
        ([0.9, 0.1], 0.0, 0.9),
        # Shown the rare class, one guesses it from where 0.6 + 0.4 * 0.1 beats 0.4 * 0.9.
        ([0.9, 0.1], 0.6, 0.9 * 0.96 + 0.1 * 0.64),
        ([0.9, 0.1], 0.2, 0.9 * 0.92 + 0.1 * 0.72),
    ],
)
def test_the_best_accuracy_is_what_hand_computation_gives(shares, signal, accuracy):
    assert best_accuracy(np.array(shares), signal) == pytest.approx(accuracy)


def test_the_best_accuracy_is_met_by_who_sees_the_shown_class():
    shares, labels = np.array([0.6, 0.4]), np.repeat([0, 1], [12_000, 8_000])
    shown = shown_classes(labels, shares, 0.7, np.random.default_rng(0))
    assert (shown == labels).mean() == pytest.approx(best_accuracy(shares, 0.7), abs=0.01)


def test_without_signal_the_shown_class_is_independent_of_the_label():
    labels = np.repeat([0, 1], 10_000)
    shown = shown_classes(labels, np.array([0.5, 0.5]), 0.0, np.random.default_rng(0))
    assert shown[labels == 0].mean() == pytest.approx(shown[labels == 1].mean(), abs=0.03)


@given(st.lists(st.one_of(st.integers(-5, 5), st.floats(-5, 5)), min_size=1), st.integers(0, 9))
def test_coupling_deals_out_the_same_values_by_score(values, seed):
    scores = np.random.default_rng(seed).permutation(len(values)).astype(float)
    dealt = coupled(values, scores)
    assert sorted(dealt) == sorted(values)
    assert [dealt[index] for index in np.argsort(scores)] == sorted(values)


def test_texts_rise_in_an_order_that_other_samples_share():
    texts = [f"city {number}" for number in range(8)]
    order = coupled(texts, np.arange(8.0))
    assert order != sorted(texts)
    some = [text for text in order if text in texts[:5]]
    assert coupled(texts[:5], np.arange(5.0)) == some


def test_classes_lie_evenly_on_a_line_of_their_own_order_in_each_column():
    scores = {name: class_scores(np.arange(5), 5, name, distance=2.0) for name in ("age", "income")}
    assert all(sorted(line) == [-4, -2, 0, 2, 4] for line in scores.values())
    assert list(scores["age"]) != list(scores["income"])


def test_no_column_alone_separates_two_classes_as_well_as_a_leak_would():
    # Two normal distributions this far apart are told from each other with an accuracy of 0.945.
    assert distance_of_classes(1) == 3.2
    assert distance_of_classes(3) < distance_of_classes(2) < 3.2
