import numpy as np
import pytest

from components.drift.distances import (
    chi_squared,
    jensen_shannon_divergence,
    kolmogorov_smirnov,
    l_infinity,
    shares,
    total_variation,
)

P = np.array([0.5, 0.3, 0.2])
Q = np.array([0.2, 0.3, 0.5])
DISTANCES = [
    l_infinity,
    total_variation,
    kolmogorov_smirnov,
    jensen_shannon_divergence,
    chi_squared,
]


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_distance_is_zero_for_the_same_shares_symmetric_and_above_zero_otherwise(distance):
    assert distance(P, P) == pytest.approx(0.0, abs=1e-15)
    assert distance(P, Q) == pytest.approx(distance(Q, P))
    assert distance(P, Q) > 0.01


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_distance_of_many_permutations_is_that_of_each(distance):
    rng = np.random.default_rng(0)
    first, second = rng.dirichlet(np.ones(6), size=(2, 4, 5))
    each = [[distance(p, q) for p, q in zip(*rows, strict=True)] for rows in zip(first, second, strict=True)]
    np.testing.assert_allclose(distance(first, second), each)


def test_hand_computed_distances_of_three_bins():
    assert l_infinity(P, Q) == pytest.approx(0.3)
    assert total_variation(P, Q) == pytest.approx(0.3)
    assert kolmogorov_smirnov(P, Q) == pytest.approx(0.3)


def test_kolmogorov_smirnov_adds_up_neighbouring_differences_and_l_infinity_does_not():
    p, q = np.array([0.3, 0.3, 0.2, 0.2]), np.array([0.2, 0.2, 0.3, 0.3])
    assert kolmogorov_smirnov(p, q) == pytest.approx(0.2)
    assert l_infinity(p, q) == pytest.approx(0.1)


def test_disjoint_sides_are_at_the_largest_distance():
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    for distance in (l_infinity, total_variation, kolmogorov_smirnov, jensen_shannon_divergence):
        assert distance(p, q) == pytest.approx(1.0)


def test_jensen_shannon_of_a_sure_and_an_even_coin_is_known():
    # H(3/4, 1/4) - H(1/2, 1/2) / 2 = 0.811278 - 0.5 bits.
    assert jensen_shannon_divergence(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(0.3112781245)


def test_chi_squared_of_a_two_by_two_table_is_known():
    # All four cells expect 15 rows: 4 * 5 ** 2 / 15.
    assert chi_squared(np.array([10, 20]), np.array([20, 10])) == pytest.approx(100 / 15)


def test_a_bin_that_is_empty_on_both_sides_changes_nothing():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.4, 0.6, 0.0])
    for distance in DISTANCES:
        assert distance(p, q) == pytest.approx(distance(p[:2], q[:2]))


def test_a_side_without_rows_is_at_no_distance_that_is_known():
    counts = np.array([[3.0, 1.0], [0.0, 0.0]])
    p, q = shares(counts), shares(np.array([[1.0, 1.0], [2.0, 2.0]]))
    for distance in (l_infinity, total_variation, kolmogorov_smirnov, jensen_shannon_divergence):
        assert np.isnan(distance(p, q)).tolist() == [False, True]
    assert np.isnan(chi_squared(counts, np.ones((2, 2)))).tolist() == [False, True]


def test_the_distances_agree_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    distance = pytest.importorskip("scipy.spatial.distance")
    rng = np.random.default_rng(1)
    reference, current = rng.integers(0, 8, 400), rng.integers(0, 9, 300)
    first, second = (np.bincount(side, minlength=9) for side in (reference, current))
    p, q = shares(first), shares(second)
    assert kolmogorov_smirnov(p, q) == pytest.approx(stats.ks_2samp(reference, current).statistic)
    expected = stats.chi2_contingency([first, second], correction=False).statistic
    assert chi_squared(first, second) == pytest.approx(expected)
    assert jensen_shannon_divergence(p, q) == pytest.approx(distance.jensenshannon(p, q, base=2) ** 2)
