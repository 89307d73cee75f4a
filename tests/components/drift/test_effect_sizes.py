import math

import numpy as np
import pytest

from components.drift.effect_sizes import (
    above_chance,
    held_out_separation,
    rank_separation,
    standardised_mean_difference,
)


def test_the_mean_difference_is_in_standard_deviations_and_signed():
    # Both variances are 1, the means 0 and 2.
    assert standardised_mean_difference(np.array([-1.0, 0.0, 1.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    reference, current = np.array([1.0, 2.0, np.nan, np.inf]), np.array([0.0, 1.0])
    assert standardised_mean_difference(reference, current) == pytest.approx(-1 / math.sqrt(0.5))


@pytest.mark.parametrize(
    ("reference", "current"), [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0]), ([-1.7e308, 1.7e308], [0.0, 1.0])]
)
def test_the_mean_difference_is_nan_where_it_is_undefined(reference, current):
    assert math.isnan(standardised_mean_difference(np.array(reference), np.array(current)))


def test_what_chance_gives_is_taken_off_a_distance():
    assert above_chance(np.array([0.5, 0.1, 0.3])) == pytest.approx(0.3)
    assert above_chance(np.array([0.1, 0.1, 0.3])) == 0.0
    assert math.isnan(above_chance(np.array([np.nan, 0.1])))


def test_the_rank_separation_counts_pairs_and_halves_ties():
    assert rank_separation(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert rank_separation(np.array([1.0]), np.array([0.0, 1.0, 2.0])) == 0.0
    assert rank_separation(np.array([1.0, 1.0]), np.array([1.0, 2.0])) == pytest.approx(-0.5)
    assert math.isnan(rank_separation(np.array([]), np.array([1.0])))


def test_a_planted_shift_is_separated_as_far_as_theory_says_and_noise_is_not():
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=(2, 4000, 10))
    halves = np.arange(4000) % 2 == 0
    assert held_out_separation(reference, current, halves, halves) < 0.05
    current[:, 3] += 1.0
    # 2 AUC - 1 = 2 Phi(1 / sqrt(2)) - 1
    assert held_out_separation(reference, current, halves, halves) == pytest.approx(0.5205, abs=0.03)


def test_the_separation_is_nan_where_a_half_is_empty():
    rows = np.ones((4, 2))
    assert math.isnan(held_out_separation(rows, rows, np.ones(4, bool), np.array([True, False, True, False])))
