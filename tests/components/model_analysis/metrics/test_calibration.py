import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from components.model_analysis.metrics.calibration import brier_score, expected_calibration_error, reliability_bins


def test_bins_hold_confidence_and_accuracy() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.4, 0.6]])
    bins = reliability_bins(np.array([0, 1, 1, 1]), probabilities, num_bins=2)
    assert [item.num_examples for item in bins] == [0, 4]
    assert math.isnan(bins[0].accuracy)
    assert bins[1].accuracy == 0.75
    assert bins[1].mean_confidence == pytest.approx(0.775)


def test_an_upper_bound_belongs_to_its_bin() -> None:
    bins = reliability_bins(np.array([0, 0]), np.array([[0.5, 0.5], [1.0, 0.0]]), num_bins=10)
    assert [item.num_examples for item in bins] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]


def test_the_error_is_the_weighted_distance() -> None:
    probabilities = np.array([[0.8, 0.2]] * 4 + [[0.45, 0.55]] * 4)
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    error = expected_calibration_error(reliability_bins(labels, probabilities))
    assert error == pytest.approx(0.5 * 0.05 + 0.5 * 0.45)


def test_a_model_that_is_right_when_sure_is_calibrated() -> None:
    assert expected_calibration_error(reliability_bins(np.array([0, 1]), np.eye(2))) == 0.0


def test_the_brier_score_is_that_of_scikit_learn_for_two_classes() -> None:
    generator = np.random.default_rng(0)
    positive = generator.random(50)
    labels = generator.integers(0, 2, 50)
    probabilities = np.column_stack([1 - positive, positive])
    assert brier_score(labels, probabilities) == pytest.approx(brier_score_loss(labels, positive))


def test_the_brier_score_is_one_when_surely_wrong_among_many_classes() -> None:
    assert brier_score(np.array([0]), np.array([[0.0, 1.0, 0.0]])) == 1.0


def test_without_examples_nothing_is_defined() -> None:
    empty = np.empty(0, int), np.empty((0, 2))
    assert math.isnan(brier_score(*empty))
    assert math.isnan(expected_calibration_error(reliability_bins(*empty)))


def test_one_bin_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2, got 1"):
        reliability_bins(np.array([0]), np.eye(2)[:1], num_bins=1)
