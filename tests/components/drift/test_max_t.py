import math

import numpy as np
import pytest

from components.drift.max_t import MaximumFamily


def test_the_adjusted_p_value_counts_the_permuted_maxima_that_reach_the_observed_score():
    family = MaximumFamily(4)
    first = family.add(np.array([5.0, 1.0, 2.0, 3.0, 4.0]), power=1.0)
    second = family.add(np.array([3.5, 4.0, 1.0, 2.0, 3.0]), power=1.0)
    # Both are 2.5 on average; the maxima of the four permutations are at 4, 2, 3 and 4, in the same units.
    assert family.p_value(first) == pytest.approx(1 / 5)
    assert family.p_value(second) == pytest.approx(3 / 5)


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
    member = family.add(np.append(50.0, np.arange(1.0, 20.0) ** 3), power=1 / 3)
    assert family.threshold(member, 0.05) == pytest.approx(19.0**3)
    assert family.threshold(member, 0.10) == pytest.approx(18.0**3)
