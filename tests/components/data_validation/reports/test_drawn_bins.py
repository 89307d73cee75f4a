import numpy as np
import pytest

from components.data_validation.reports.drawn_bins import drawn_shares
from components.drift.binned import binned_category, binned_number


def test_many_number_bins_are_joined_into_a_dozen_about_equally_full_ones():
    values = np.random.default_rng(0).normal(size=2000)
    shares = drawn_shares(binned_number("x", values[:1000], values[1000:]))
    assert len(shares) <= 12
    assert max(left + right for left, right in shares.values()) < 0.3
    for side in (0, 1):
        assert sum(pair[side] for pair in shares.values()) == pytest.approx(1.0)


def test_few_whole_numbers_keep_a_bin_each_under_their_own_names():
    shares = drawn_shares(binned_number("x", np.array([1.0, 1.0, 2.0]), np.array([2.0, 2.0, 3.0])))
    assert shares == {
        "1": (pytest.approx(2 / 3), 0.0),
        "2": (pytest.approx(1 / 3), pytest.approx(2 / 3)),
        "3": (0.0, pytest.approx(1 / 3)),
    }


def test_thousands_are_named_without_an_exponent():
    values = np.arange(1260.0, 4260.0)
    names = list(drawn_shares(binned_number("x", values, values)))
    assert names[0] == "1,260"
    assert not any("e" in name for name in names)


def test_rare_categories_share_a_bin():
    names = [f"c{number:02d}" for number in range(30)]
    codes = np.repeat(np.arange(30), np.arange(30, 0, -1))
    shares = drawn_shares(binned_category("x", codes, codes, names))
    assert list(shares)[:2] == ["c00", "c01"]
    assert list(shares)[-1] == "19 rarer ones"
    assert sum(left for left, _ in shares.values()) == pytest.approx(1.0)


def test_a_side_without_values_is_not_drawn():
    assert drawn_shares(binned_number("x", np.array([1.0, 2.0]), np.array([np.nan, np.nan]))) == {}
