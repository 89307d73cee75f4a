"""The largest difference between groups: textbook values, coverage, what many groups cost, and clusters."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from components.drift.group_differences import difference_p_value, largest_difference, ratio_p_value
from components.drift.group_means import group_means, GroupMeans


def of_counts(right: list[int], total: list[int]) -> GroupMeans:
    groups = np.repeat(np.arange(len(total)), total)
    values = np.concatenate([np.arange(size) < count for count, size in zip(right, total, strict=True)])
    return group_means(values, groups, len(total))


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [([56, 48], [70, 80], 0.0524, 0.3339), ([9, 3], [10, 10], 0.1705, 0.8090)],
)
def test_of_two_groups_it_is_newcombes_interval_as_published(right, total, low, high) -> None:
    found = largest_difference(of_counts(right, total))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert (found.highest, found.lowest, found.surest) == (0, 1, (0, 1))


def test_the_p_value_is_the_level_at_which_the_interval_leaves_the_limit() -> None:
    means = of_counts([420, 300, 390], [500, 500, 500])
    for limit in (0.0, 0.1, 0.2):
        p_value = difference_p_value(means, limit)
        assert largest_difference(means, confidence=1 - p_value).low == pytest.approx(limit, abs=1e-4)
    p_value = ratio_p_value(means, 0.8)
    assert largest_difference(means, confidence=1 - p_value).ratio_high == pytest.approx(0.8, abs=1e-4)


def test_what_is_within_the_limit_is_no_evidence() -> None:
    means = of_counts([420, 390], [500, 500])
    assert difference_p_value(means, 0.1) == 1.0
    assert ratio_p_value(means, 0.8) == 1.0
    assert difference_p_value(of_counts([5, 5], [10, 10])) == 1.0


def test_shares_of_0_and_1_have_intervals_of_some_width() -> None:
    found = largest_difference(of_counts([0, 100], [100, 100]))
    assert found.difference == 1.0
    assert 0.9 < found.low < 0.97
    assert found.ratio == 0.0
    assert found.ratio_high < 0.05
    nothing = largest_difference(of_counts([0, 0], [100, 100]))
    assert (nothing.difference, nothing.low) == (0.0, 0.0)
    assert nothing.high > 0.03
    assert math.isnan(nothing.ratio)


def test_a_group_without_a_mean_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="two or more with a finite mean each, got 2"):
        largest_difference(group_means(np.ones(5, bool), np.zeros(5, int), 2))


@pytest.mark.parametrize("num_groups", [2, 8])
@pytest.mark.parametrize("as_numbers", [False, True])
def test_intervals_of_the_largest_difference_cover(num_groups, as_numbers) -> None:
    rng, repeats = np.random.default_rng(num_groups), 200
    rates = 0.3 + 0.4 * np.arange(num_groups) / num_groups
    groups = np.repeat(np.arange(num_groups), 150)
    covered = 0
    for _ in range(repeats):
        drawn = rng.normal(rates[groups], 0.4) if as_numbers else rng.random(len(groups)) < rates[groups]
        found = largest_difference(group_means(drawn, groups, num_groups))
        covered += found.low <= np.ptp(rates) <= found.high
    assert binomtest(covered, repeats).proportion_ci().high >= 0.95


def test_equal_groups_are_seldom_told_apart_however_many() -> None:
    rng, repeats = np.random.default_rng(0), 200
    groups = np.repeat(np.arange(20), 100)
    alarms = sum(difference_p_value(group_means(rng.random(2000) < 0.5, groups, 20)) < 0.05 for _ in range(repeats))
    assert binomtest(alarms, repeats).proportion_ci().low <= 0.05


def test_rows_of_a_cluster_count_as_few() -> None:
    rng, repeats = np.random.default_rng(0), 200
    clusters = np.repeat(np.arange(60), 20)
    groups, alarms, naive = clusters % 2, 0, 0
    for _ in range(repeats):
        drawn = rng.random(1200) < np.clip(rng.normal(0.5, 0.25, 60), 0, 1)[clusters]
        alarms += difference_p_value(group_means(drawn, groups, 2, clusters=clusters)) < 0.05
        naive += difference_p_value(group_means(drawn, groups, 2)) < 0.05
    assert binomtest(alarms, repeats).proportion_ci().low <= 0.05
    assert naive > 40


def test_clusters_that_hold_members_of_both_groups_make_their_difference_surer() -> None:
    rng = np.random.default_rng(0)
    clusters, groups = np.repeat(np.arange(60), 20), np.tile([0, 1], 600)
    drawn = rng.random(1200) < np.clip(rng.normal(0.5, 0.25, 60), 0, 1)[clusters]
    together = group_means(drawn, groups, 2, clusters=clusters)
    assert together.correlation[0, 1] > 0.5
    alone = GroupMeans(
        num_examples=together.num_examples,
        values=together.values,
        effective=together.effective,
        deviations=None,
        correlation=np.eye(2),
    )
    assert largest_difference(together).high < largest_difference(alone).high - 0.03
