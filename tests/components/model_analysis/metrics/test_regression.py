"""Errors of numbers, against scikit-learn's and hand-computed values."""

import math

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from components.model_analysis.metrics.regression import evaluate_numbers, residual_bins

RNG = np.random.default_rng(0)
LABELS = RNG.gamma(2.0, 50.0, 500)
PREDICTED = 0.8 * LABELS + 20.0 + RNG.normal(0.0, 10.0, 500)


def test_metrics_are_scikit_learns():
    metrics = evaluate_numbers(LABELS, PREDICTED).metrics
    assert metrics["rmse"] == pytest.approx(root_mean_squared_error(LABELS, PREDICTED))
    assert metrics["mae"] == pytest.approx(mean_absolute_error(LABELS, PREDICTED))
    assert metrics["r2"] == pytest.approx(r2_score(LABELS, PREDICTED))
    assert metrics["bias"] == pytest.approx(np.mean(PREDICTED - LABELS))


def test_the_baselines_are_the_best_single_numbers():
    baselines = evaluate_numbers(np.array([0.0, 0.0, 9.0]), np.zeros(3)).baselines
    assert baselines == {"rmse": pytest.approx(math.sqrt(18.0)), "mae": pytest.approx(3.0), "r2": pytest.approx(0.0)}


def test_intervals_hold_the_metric_follow_the_seed_and_narrow_with_more_examples():
    few, many = evaluate_numbers(LABELS[:50], PREDICTED[:50]).metrics, evaluate_numbers(LABELS, PREDICTED).metrics
    for name in ("rmse", "mae", "r2"):
        assert many[f"{name}_low"] < many[name] < many[f"{name}_high"]
        assert many[f"{name}_high"] - many[f"{name}_low"] < few[f"{name}_high"] - few[f"{name}_low"]
    assert evaluate_numbers(LABELS, PREDICTED).metrics == many
    assert evaluate_numbers(LABELS, PREDICTED, seed=1).metrics["rmse_low"] != many["rmse_low"]


def test_the_interval_of_mae_is_about_that_of_a_mean():
    metrics = evaluate_numbers(LABELS, PREDICTED).metrics
    half = 1.96 * np.abs(PREDICTED - LABELS).std() / math.sqrt(500)
    assert metrics["mae_high"] - metrics["mae"] == pytest.approx(half, rel=0.15)


def test_nothing_is_defined_without_examples_and_r2_not_where_labels_are_equal():
    nothing = evaluate_numbers(np.empty(0), np.empty(0))
    assert nothing.defined_metrics() == {}
    assert nothing.to_json()["metrics"]["rmse"] is None
    equal = evaluate_numbers(np.full(5, 3.0), np.array([3.0, 4.0, 3.0, 3.0, 2.0]))
    assert math.isnan(equal.metrics["r2"])
    assert equal.metrics["mae"] == pytest.approx(0.4)


def test_residuals_are_grouped_by_the_size_of_the_prediction():
    bins = residual_bins(np.arange(60.0)[::-1], np.arange(60.0)[::-1] + np.repeat([3.0, 0.0, -1.0], 20))
    assert [(item.low, item.high, item.num_examples) for item in bins] == [(-1, 18, 20), (20, 39, 20), (43, 62, 20)]
    assert [item.bias for item in bins] == pytest.approx([-1.0, 0.0, 3.0])
    assert bins[0].mae == pytest.approx(1.0)
    assert len(residual_bins(LABELS, PREDICTED)) == 10


def test_labels_and_predictions_of_different_number_are_refused():
    with pytest.raises(ValueError, match="must be of one length"):
        evaluate_numbers(np.zeros(2), np.zeros(3))
