"""Intervals of shares and the bootstrap: textbooks' values, groups, and coverage on small cases."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from components.drift.share_intervals import wilson_interval
from components.model_analysis.metrics.class_intervals import class_intervals
from components.model_analysis.metrics.evaluation import evaluate_predictions
from components.model_analysis.metrics.intervals import share_interval
from components.model_analysis.metrics.regression import evaluate_numbers
from components.model_analysis.metrics.resampling import percentile_interval, rare_class_strata, resampled_sums


def test_the_wilson_interval_is_that_of_the_textbook() -> None:
    low, high = wilson_interval(90, 100)
    assert (low, high) == (pytest.approx(0.8256, abs=1e-4), pytest.approx(0.9448, abs=1e-4))
    expected = binomtest(3, 40).proportion_ci(method="wilson")
    assert wilson_interval(3, 40) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("num_right", [0, 10])
def test_the_wilson_interval_stays_within_bounds_and_has_a_width(num_right) -> None:
    low, high = wilson_interval(num_right, 10)
    assert 0.0 <= low < high <= 1.0
    assert low <= num_right / 10 <= high


def test_without_examples_there_is_no_interval() -> None:
    assert all(math.isnan(bound) for bound in (*wilson_interval(0, 0), *share_interval(np.empty(0, bool))))


def test_groups_of_one_change_nothing_copies_count_once_and_one_group_says_nothing() -> None:
    right = np.arange(100) % 10 != 0
    assert share_interval(right, np.full(100, -1)) == share_interval(right)
    copied = share_interval(np.repeat(right, 5), np.repeat(np.arange(100), 5))
    assert copied == pytest.approx(share_interval(right), abs=0.005)
    assert all(math.isnan(bound) for bound in share_interval(right, np.zeros(100, int)))
    assert (
        share_interval(np.ones(50, bool), np.repeat(np.arange(10), 5))[0] < share_interval(np.ones(10, bool))[0] + 0.01
    )


def _grouped(rng, num_groups, rows):
    """Rows of groups whose own share of right ones differs: 0.8 in the mean."""
    groups = np.repeat(np.arange(num_groups), rows)
    return rng.random(len(groups)) < rng.beta(4, 1, num_groups)[groups], groups


def test_grouped_shares_cover_where_rows_alone_do_not() -> None:
    rng, covered, naive = np.random.default_rng(0), 0, 0
    for _ in range(400):
        right, groups = _grouped(rng, 25, 20)
        low, high = share_interval(right, groups)
        covered += low <= 0.8 <= high
        low, high = share_interval(right)
        naive += low <= 0.8 <= high
    assert binomtest(covered, 400).proportion_ci().high >= 0.95
    assert naive < 300


def test_the_bootstrap_draws_whole_groups_and_follows_its_seed() -> None:
    columns = np.column_stack([np.ones(6), np.arange(6.0)])
    groups = np.array([0, 0, 0, 1, 1, 1])
    sums = resampled_sums(columns, groups=groups, seed=0)
    assert set(map(tuple, sums.tolist())) == {(6.0, 6.0), (6.0, 15.0), (6.0, 24.0)}
    np.testing.assert_array_equal(sums, resampled_sums(columns, groups=groups, seed=0))
    assert not np.array_equal(resampled_sums(columns, seed=1), resampled_sums(columns, seed=0))
    assert sums.shape == (1000, 2)


def test_a_rare_class_never_vanishes_and_a_usual_one_is_not_fixed() -> None:
    labels = np.array([0] * 97 + [1] * 3)
    assert rare_class_strata(labels) is labels
    assert rare_class_strata(np.arange(100) % 2) is None
    counts = resampled_sums(np.eye(2)[labels], strata=labels, seed=0)
    assert set(map(tuple, counts.tolist())) == {(97.0, 3.0)}


def test_few_units_widen_the_interval_and_one_says_nothing() -> None:
    values = np.random.default_rng(0).normal(0, 1, 20_000)
    many, few = percentile_interval(values, num_units=100_000), percentile_interval(values, num_units=8)
    assert many == pytest.approx((-1.96, 1.96), abs=0.05)
    assert few[0] < -2.2
    assert all(math.isnan(bound) for bound in percentile_interval(values, num_units=1))


def test_every_metric_has_an_interval_that_holds_it_and_is_resamplings() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 200)
    scores = rng.random((200, 3)) + np.eye(3)[labels] * 0.7
    evaluation = evaluate_predictions(labels, scores, "abc")
    for name in ("accuracy", "macro_f1", "macro_precision", "macro_recall", "roc_auc", "log_loss", "brier_score"):
        assert evaluation.metrics[f"{name}_low"] < evaluation.metrics[name] < evaluation.metrics[f"{name}_high"], name
    predicted = scores.argmax(axis=1)
    drawn = [rng.integers(0, 200, 200) for _ in range(500)]
    expected = np.quantile([f1_score(labels[rows], predicted[rows], average="macro") for rows in drawn], [0.025, 0.975])
    found = (evaluation.metrics["macro_f1_low"], evaluation.metrics["macro_f1_high"])
    assert found == pytest.approx(tuple(expected), abs=0.015)
    for item in evaluation.per_class:
        for name in ("precision", "recall", "f1", "roc_auc"):
            assert getattr(item, f"{name}_low") < getattr(item, name) < getattr(item, f"{name}_high")
    assert sum(item.num_examples for item in evaluation.calibration) == 200
    filled = [item for item in evaluation.calibration if item.num_examples]
    assert all(item.accuracy_low <= item.accuracy <= item.accuracy_high for item in filled)


def test_copies_in_groups_leave_every_interval_about_as_wide() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 150)
    scores = rng.random((150, 2)) + np.eye(2)[labels] * 0.5
    once = evaluate_predictions(labels, scores, "ab").metrics
    groups = np.repeat(np.arange(150), 4)
    copied = evaluate_predictions(np.repeat(labels, 4), np.repeat(scores, 4, axis=0), "ab", groups=groups)
    assert copied.num_groups == 150
    for name in ("accuracy", "macro_f1", "roc_auc", "log_loss"):
        widths = [m[f"{name}_high"] - m[f"{name}_low"] for m in (copied.metrics, once)]
        assert widths[0] == pytest.approx(widths[1], rel=0.12), name
    numbers = evaluate_numbers(np.repeat(scores[:, 0], 4), np.repeat(scores[:, 1], 4), groups=groups).metrics
    expected = evaluate_numbers(scores[:, 0], scores[:, 1]).metrics
    assert numbers["rmse_high"] - numbers["rmse_low"] == pytest.approx(
        expected["rmse_high"] - expected["rmse_low"], rel=0.12
    )


def test_a_calibrated_model_may_be_calibrated() -> None:
    """The observed error is above 0 by chance alone, and percentiles of resamples would leave 0 out."""
    rng, covered = np.random.default_rng(3), 0
    for _ in range(60):
        sure = rng.beta(5, 1.5, 200) * 0.5 + 0.5
        labels = (rng.random(200) < sure).astype(int)
        probabilities = np.column_stack([1 - sure, sure])
        evaluation = evaluate_predictions(labels, probabilities, "ab")
        covered += evaluation.metrics["expected_calibration_error_low"] == 0.0
        assert evaluation.metrics["expected_calibration_error"] > 0
    assert covered >= 54


def test_a_perfect_order_of_few_examples_is_not_sure() -> None:
    labels = np.array([0] * 50 + [1] * 4)
    likely = np.linspace(0.1, 0.9, 54)
    metrics = evaluate_predictions(labels, np.column_stack([1 - likely, likely]), "ab").metrics
    assert metrics["roc_auc"] == 1.0
    assert metrics["roc_auc_low"] == pytest.approx(wilson_interval(4, 4)[0])


def test_nothing_is_defined_without_examples_or_with_one_group() -> None:
    empty = class_intervals(np.empty(0, int), np.empty((0, 2)), math.nan)
    assert all(math.isnan(bound) for interval in empty.metrics.values() for bound in interval)
    probabilities = np.column_stack([np.linspace(0, 1, 30), np.linspace(1, 0, 30)])
    one = class_intervals(np.arange(30) % 2, probabilities, 0.1, groups=np.zeros(30, int))
    assert all(math.isnan(bound) for interval in one.metrics.values() for bound in interval)


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"groups must be one an example, shape \(3,\), got \(2,\)"):
        share_interval(np.ones(3, bool), np.zeros(2, int))
