import math

import numpy as np
import pytest

from components.drift.permutation_p_values import MaximumFamily


def test_the_adjusted_p_value_counts_the_permuted_maxima_that_reach_the_observed_score():
    family = MaximumFamily(4)
    first = family.add(np.array([5.0, 1.0, 2.0, 3.0, 4.0]), power=1.0)
    second = family.add(np.array([3.5, 4.0, 1.0, 2.0, 3.0]), power=1.0)
    # By the mean and deviation of the four others each, the permutations' maxima are 1.69, -0.85, 0 and 0.85.
    assert (first.score, second.score) == (pytest.approx(2.5 / 1.25**0.5), pytest.approx(1 / 1.25**0.5))
    assert family.p_value(first) == pytest.approx(1 / 5)
    assert family.p_value(second) == pytest.approx(2 / 5)


def test_exchangeable_statistics_reach_a_p_value_as_often_as_it_says():
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(1000):
        family = MaximumFamily(19)
        members = [family.add(rng.chisquare(1, 20), power=1 / 3) for _ in range(5)]
        p_values.append(min(family.p_value(member) for member in members))
    # Exact for any number of permutations: binomial(1000, 0.05) and (1000, 0.5), four standard deviations.
    assert np.count_nonzero(np.array(p_values) <= 0.05) == pytest.approx(50, abs=28)
    assert np.count_nonzero(np.array(p_values) <= 0.5) == pytest.approx(500, abs=64)


def test_the_threshold_is_what_a_significant_value_exceeds():
    rng = np.random.default_rng(0)
    family = MaximumFamily(999)
    members = [family.add(np.append(value, rng.chisquare(3, 999)), power=1 / 3) for value in np.linspace(5, 25, 60)]
    verdicts = [(family.p_value(member) <= 0.05, member.value > family.threshold(member, 0.05)) for member in members]
    assert {True, False} == {significant for significant, _ in verdicts}
    assert all(significant == exceeds for significant, exceeds in verdicts)


def test_a_statistic_that_permuting_does_not_change_takes_no_part():
    family = MaximumFamily(3)
    constant = family.add(np.zeros(4), power=1 / 3)
    other = family.add(np.array([9.0, 1.0, 2.0, 3.0]), power=1.0)
    assert family.p_value(constant) == 1.0
    assert math.isnan(family.threshold(constant, 0.5))
    assert family.p_value(other) == 0.25


def test_permutations_that_compared_nothing_are_left_out_and_an_unknown_value_has_no_p_value():
    family = MaximumFamily(4)
    some = family.add(np.array([4.0, np.nan, 1.0, 2.0, 3.0]), power=1.0)
    assert some.mean == pytest.approx(2.0)
    assert family.p_value(some) == pytest.approx(1 / 5)
    assert math.isnan(family.p_value(family.add(np.full(5, np.nan), power=1.0)))


def test_a_threshold_comes_back_in_the_statistics_own_unit():
    family = MaximumFamily(19)
    roots = np.append(4.0, np.arange(1.0, 20.0))
    member = family.add(roots**3, power=1 / 3)
    for rate, largest in ((0.05, 19.0), (0.10, 18.0)):
        others = roots[roots != largest]
        score = (largest - others.mean()) / others.std()
        assert family.threshold(member, rate) == pytest.approx((member.mean + score * member.deviation) ** 3)
    assert member.mean == pytest.approx(10.0)
