import math

import numpy as np
import pytest
from sklearn.metrics import auc

from components.model_analysis.metrics.roc import class_roc, MAX_POINTS, one_vs_rest_auc, overall_roc, RocCurve


def test_a_perfect_ranking_has_area_one_and_a_reversed_one_zero() -> None:
    labels, positive = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    assert one_vs_rest_auc(labels, np.column_stack([1 - positive, positive])) == [1.0, 1.0]
    assert one_vs_rest_auc(labels, np.column_stack([positive, 1 - positive])) == [0.0, 0.0]


def test_an_absent_class_has_no_area_and_no_curve() -> None:
    labels, probabilities = np.array([0, 1, 0]), np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]])
    areas = one_vs_rest_auc(labels, probabilities)
    assert areas[:2] == [1.0, 1.0]
    assert math.isnan(areas[2])
    assert class_roc(labels, probabilities, 2) == RocCurve()


def test_a_curve_runs_from_nothing_to_everything_with_finite_thresholds() -> None:
    curve = overall_roc(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]))
    assert (curve.false_positive_rates[0], curve.true_positive_rates[0]) == (0.0, 0.0)
    assert (curve.false_positive_rates[-1], curve.true_positive_rates[-1]) == (1.0, 1.0)
    assert curve.thresholds[0] == 1.0
    assert all(math.isfinite(threshold) for threshold in curve.thresholds)


def test_a_long_curve_is_thinned_and_keeps_its_area() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 20_000)
    positive = np.clip(generator.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
    probabilities = np.column_stack([1 - positive, positive])
    curve = overall_roc(labels, probabilities)
    assert len(curve.thresholds) == MAX_POINTS
    area = auc(curve.false_positive_rates, curve.true_positive_rates)
    assert area == pytest.approx(one_vs_rest_auc(labels, probabilities)[1], abs=1e-3)


def test_with_more_classes_the_overall_curve_pools_them() -> None:
    curve = overall_roc(np.array([0, 1, 2]), np.eye(3))
    assert auc(curve.false_positive_rates, curve.true_positive_rates) == 1.0
