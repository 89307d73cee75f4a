"""Numbers of any size as numbers around 0."""

from statistics import NormalDist

import numpy as np
import pytest

from components.modeling.tabular.number_scaling import fit_number_scale, number_scale_from, NumberScale, NumberScaling


def fitted(values, *, marks_missing=False, max_bins=8):
    return fit_number_scale(np.array(values, np.float64), marks_missing=marks_missing, max_bins=max_bins)


def scaled(scale, values):
    return NumberScaling([scale]).numbers(np.array(values, np.float64)[:, None])


def test_the_median_becomes_0_and_the_upper_quartile_that_of_a_normal_distribution():
    scale = fitted([0, 10, 20, 30, 40])
    found = scaled(scale, [20, 30, 10])[:, 0]
    assert found.tolist() == pytest.approx([0.0, NormalDist().inv_cdf(0.75), -NormalDist().inv_cdf(0.75)])


def test_beyond_three_spreads_numbers_grow_like_a_logarithm():
    scale = NumberScale(centre=0.0, spread=1.0, knots=(-1.0, 1.0))
    assert scaled(scale, [3.0, 3.0 + np.e - 1, -1e6])[:, 0].tolist() == pytest.approx([3.0, 4.0, -3 - np.log(1e6 - 2)])


def test_order_is_kept_from_the_smallest_to_the_largest():
    values = np.array([-1e300, -1e140, -7.0, -3.0, 0.0, 2.9, 3.1, 1e9, 1e11])
    found = scaled(NumberScale(centre=0.0, spread=1.0, knots=(0.0, 1.0)), values)[:, 0]
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert (np.diff(found[1:]) > 0).sum() == 7


def test_times_in_seconds_keep_their_minutes():
    start = 1_400_000_000
    scale = fitted(start + np.arange(0, 4 * 365 * 86_400, 86_400))
    found = scaled(scale, [start, start + 60, start + 120])[:, 0]
    assert len(set(found.tolist())) == 3


def test_a_few_huge_values_do_not_squeeze_the_others():
    scale = fitted([*range(100), 1e12])
    found = scaled(scale, [25, 75])[:, 0]
    assert found[1] - found[0] > 1.0


def test_numbers_that_are_mostly_zero_have_the_spread_of_the_others():
    scale = fitted([0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0])
    assert scale.centre == 0.0
    assert 0.0 < scale.spread < 5.0
    assert len(scale.knots) >= 2


def test_every_value_is_a_knot_where_there_are_few():
    scale = fitted(list(range(1, 8)) * 50, max_bins=12)
    assert len(scale.knots) == 7
    assert scale.knots == pytest.approx(tuple(scaled(scale, range(1, 8))[:, 0].tolist()))


def test_knots_are_quantiles_where_there_are_many_values():
    scale = fitted(np.random.default_rng(0).normal(size=10_000), max_bins=4)
    quartiles = [NormalDist().inv_cdf(share) for share in (0.25, 0.5, 0.75)]
    assert list(scale.knots[1:-1]) == pytest.approx(quartiles, abs=0.05)


def test_what_is_missing_or_infinite_becomes_the_median_and_is_marked():
    scale = fitted([1, 2, 3, np.nan], marks_missing=True)
    found = scaled(scale, [np.nan, np.inf, -np.inf, 2])
    assert found.tolist() == [[0, 1], [0, 1], [0, 1], [0, 0]]


def test_a_value_that_only_serving_lacks_becomes_the_median():
    assert scaled(fitted([1, 2, 3]), [np.nan]).tolist() == [[0.0]]


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [7.0, 7.0], [7.0, np.inf]])
def test_a_source_that_never_differs_gives_no_number(values):
    scale = fitted(values)
    assert scale.num_numbers == 0
    assert scaled(scale, [1.0, 8.0]).shape == (2, 0)


@pytest.mark.parametrize("values", [[1e308, -1e308, 0.0], [5e-324, 0.0, 1e-323], [1e300, 1.0, 2.0, 3.0]])
def test_the_ends_of_what_64_bits_hold_stay_finite(values):
    scale = fitted(values)
    assert np.isfinite(scaled(scale, [*values, 1e308, -1e308])).all()


def test_indicators_follow_the_scaled_numbers_of_all_sources():
    scaling = NumberScaling([fitted([1, 2, 3], marks_missing=True), fitted([5, 5]), fitted([1, 2, 3])])
    assert len(scaling.knots) == 3
    assert scaling.knots[2] == (0.0, 1.0)
    assert scaling.numbers(np.array([[np.nan, 5.0, 2.0]])).tolist() == [[0.0, 0.0, 1.0]]


def test_a_scale_survives_being_written():
    scale = fitted([1, 2, 3, 10], marks_missing=True)
    assert number_scale_from(scale.to_dict()) == scale


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"spread": 0.0}, "spread above 0"),
        ({"centre": float("nan")}, "finite"),
        ({"knots": (1.0,)}, "two or more"),
        ({"knots": (1.0, 1.0)}, "ascending"),
    ],
)
def test_a_scale_that_cannot_be_used_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        NumberScale(**changes)
