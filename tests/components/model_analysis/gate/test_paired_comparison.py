"""Paired comparisons against textbooks' values and other libraries, and their coverage on small cases."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import f1_score, precision_score, root_mean_squared_error

from components.drift.paired_shares import paired_shares
from components.drift.paired_statistics import sign_flip_p_value, smallest_detectable_difference
from components.model_analysis.gate.paired_comparison import (
    paired_areas,
    paired_macro,
    paired_numbers,
    paired_precision,
)


def shares(only_challenger: int, only_champion: int, both: int, neither: int = 0):
    counts = [only_challenger, only_champion, both, neither]
    challenger, champion = (np.repeat(kinds, counts).astype(bool) for kinds in ([1, 0, 1, 0], [0, 1, 1, 0]))
    return challenger, champion


def test_the_test_is_mcnemars_exact_one() -> None:
    found = paired_shares(*shares(5, 16, 79))
    assert found.p_value == pytest.approx(binomtest(5, 21, alternative="less").pvalue)
    assert (found.challenger, found.champion, found.difference) == (0.84, 0.95, pytest.approx(-0.11))


def test_the_interval_is_agresti_and_mins() -> None:
    """0.5 added to each cell: (b - c) / (n + 2), and Wald's error of that table."""
    found = paired_shares(*shares(5, 16, 79))
    error = math.sqrt((5.5 + 16.5) - (5.5 - 16.5) ** 2 / 102) / 102
    assert found.error == pytest.approx(error)
    assert (found.low, found.high) == (
        pytest.approx(-11 / 102 - 1.959964 * error),
        pytest.approx(-11 / 102 + 1.959964 * error),
    )


def test_two_models_that_never_differ_are_equal_but_not_for_sure() -> None:
    found = paired_shares(*shares(0, 0, 50, 10))
    assert (found.difference, found.p_value) == (0.0, 1.0)
    assert found.low < 0 < found.high


def test_the_interval_covers_where_few_examples_differ() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(500):
        kinds = rng.choice(4, 100, p=[0.02, 0.06, 0.82, 0.1])
        found = paired_shares(np.isin(kinds, (0, 2)), np.isin(kinds, (1, 2)))
        covered += found.low <= -0.04 <= found.high
    assert binomtest(covered, 500).proportion_ci().high >= 0.95


def test_groups_of_one_are_no_groups_and_copies_are_worth_one() -> None:
    challenger, champion = shares(5, 16, 79)
    alone = paired_shares(challenger, champion)
    assert paired_shares(challenger, champion, np.full(100, -1)) == alone
    groups = np.repeat(np.arange(100), 4)
    copied = paired_shares(np.repeat(challenger, 4), np.repeat(champion, 4), groups)
    assert copied.p_value == pytest.approx(alone.p_value)
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.03)


def test_flipped_signs_are_counted_exactly() -> None:
    """Sums of 1, 2 and -3: of the eight assignments of signs, those with at most 3 in positives."""
    assert sign_flip_p_value(np.array([1.0, 2.0, -3.0])) == pytest.approx(5 / 8)
    assert sign_flip_p_value(np.array([-4.0, -4.0])) == pytest.approx(0.25)
    assert sign_flip_p_value(np.zeros(3)) == 1.0


@pytest.mark.parametrize("groups", [None, "twins"])
def test_the_level_holds_for_equal_models(groups) -> None:
    """2,000 draws: `python -m benchmarks.champion_gate`."""
    rng, refused = np.random.default_rng(1), {"macro_f1": 0, "rmse": 0, "roc_auc": 0, "accuracy": 0}
    for _ in range(60):
        labels = rng.integers(0, 2, 150)
        logits = (labels - 0.5)[:, None] + rng.normal(0, 1, (150, 2))
        of = None if groups is None else np.repeat(np.arange(150), 2)
        labels, logits = (np.repeat(values, 1 if of is None else 2, axis=0) for values in (labels, logits))
        answers, probabilities = logits > 0, 1 / (1 + np.exp(-logits))
        two = [np.column_stack([1 - p, p]) for p in probabilities.T]
        refused["macro_f1"] += paired_macro(labels, *answers.T.astype(int), "macro_f1", 2, groups=of).p_value < 0.05
        refused["rmse"] += paired_numbers(labels.astype(float), *logits.T, "rmse", groups=of).p_value < 0.05
        refused["roc_auc"] += paired_areas(labels, *two, of).p_value < 0.05
        refused["accuracy"] += paired_shares(*(answers == labels[:, None].astype(bool)).T, of).p_value < 0.05
    for name, count in refused.items():
        assert binomtest(count, 60).proportion_ci().low <= 0.05, name


def test_metrics_are_scikit_learns_and_errors_count_downwards() -> None:
    rng = np.random.default_rng(2)
    labels, one, two = rng.integers(0, 3, (3, 300))
    found = paired_macro(labels, one, two, "macro_f1", 3)
    assert found.challenger == pytest.approx(f1_score(labels, one, average="macro"))
    assert found.difference == pytest.approx(found.challenger - found.champion)
    found = paired_precision(labels == 1, one == 1, two == 1)
    assert found.champion == pytest.approx(precision_score(labels == 1, two == 1))
    found = paired_numbers(labels.astype(float), one.astype(float), labels + 0.1, "rmse")
    assert found.challenger == pytest.approx(root_mean_squared_error(labels, one))
    assert found.difference == pytest.approx(found.champion - found.challenger)
    assert found.difference < 0
    assert found.high < 0
    assert found.p_value < 1e-6


def test_the_difference_of_areas_is_delongs() -> None:
    """Against the covariance of the two areas' structural components, written out."""
    rng = np.random.default_rng(3)
    positive = np.arange(60) % 3 == 0
    scores = rng.normal(0, 1, (2, 60)) + positive
    two = [np.column_stack([-s, s]) for s in scores]
    found = paired_areas(positive.astype(int), *two)
    wins = (scores[:, positive][:, :, None] > scores[:, ~positive][:, None, :]).astype(float)
    difference = wins[0] - wins[1]
    variance = difference.mean(1).var(ddof=1) / 20 + difference.mean(0).var(ddof=1) / 40
    assert found.difference == pytest.approx(difference.mean())
    assert found.error == pytest.approx(math.sqrt(variance), rel=0.03)


def test_nothing_is_undefined_not_zero() -> None:
    nothing = np.empty(0, bool)
    assert math.isnan(paired_shares(nothing, nothing).difference)
    assert math.isnan(paired_areas(np.ones(3, int), np.ones((3, 2)), np.ones((3, 2))).p_value)
    one_group = paired_shares(*shares(5, 16, 79), np.zeros(100, int))
    assert math.isnan(one_group.low)


def test_the_smallest_detectable_difference_needs_significance_and_the_margin() -> None:
    assert smallest_detectable_difference(0.01, 0.0) == pytest.approx((1.6449 + 0.8416) * 0.01, rel=1e-3)
    assert smallest_detectable_difference(0.001, 0.01) == pytest.approx(0.01 + 0.8416 * 0.001, rel=1e-3)
    assert smallest_detectable_difference(0.01, 0.0, 10) > smallest_detectable_difference(0.01, 0.0)
