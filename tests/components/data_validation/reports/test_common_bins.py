import math

import pytest

from components.data_validation.reports.common_bins import common_shares, total_variation
from components.data_validation.statistics.feature_summaries import Bucket, FeatureSummary


def numbers(*buckets: tuple[float, float, float], kind: str = "float") -> FeatureSummary:
    histogram = tuple(Bucket(low=low, high=high, count=count) for low, high, count in buckets)
    return FeatureSummary(name="x", type=kind, num_examples=10, num_missing=0, value_counts={}, histogram=histogram)


def text(**counts: int) -> FeatureSummary:
    return FeatureSummary(name="x", type="text", num_examples=sum(counts.values()), num_missing=0, value_counts=counts)


def test_categories_are_shares_of_each_side():
    shares = common_shares(text(a=3, b=1), text(b=1, c=1))
    assert shares == {"a": (0.75, 0.0), "b": (0.25, 0.5), "c": (0.0, 0.5)}
    assert total_variation(shares) == pytest.approx(0.75)


def test_past_twelve_categories_the_rest_share_a_bin():
    counts = {f"v{number:02}": 20 - number for number in range(15)}
    shares = common_shares(text(**counts), text(**counts))
    assert len(shares) == 12
    assert shares["4 others"][0] == pytest.approx((9 + 8 + 7 + 6) / sum(counts.values()))


def test_both_sides_are_spread_over_the_same_bins():
    shares = common_shares(numbers((0.0, 12.0, 12.0)), numbers((0.0, 6.0, 6.0)))
    assert len(shares) == 12
    assert [left for left, _ in shares.values()] == pytest.approx([1 / 12] * 12)
    assert [right for _, right in shares.values()] == pytest.approx([1 / 6] * 6 + [0.0] * 6)
    assert total_variation(shares) == pytest.approx(0.5)


def test_a_short_range_of_whole_numbers_has_a_bin_a_number():
    shares = common_shares(
        numbers((0, 0.02, 1), (1.98, 2.0, 3), kind="integer"), numbers((1.0, 1.0, 4), kind="integer")
    )
    assert shares == {"0": (0.25, 0.0), "1": (0.0, 1.0), "2": (pytest.approx(0.75), 0.0)}


def test_one_constant_on_both_sides_is_one_bin():
    assert common_shares(numbers((5.0, 5.0, 3.0)), numbers((5.0, 5.0, 9.0))) == {"5": (1.0, 1.0)}


def test_infinite_ends_are_left_out_of_the_bins():
    shares = common_shares(
        numbers((-math.inf, -math.inf, 1.0), (0.0, 1.0, 2.0), (1.0, math.inf, 1.0)), numbers((0.0, 1.0, 2.0))
    )
    assert total_variation(shares) == pytest.approx(0.0)


@pytest.mark.parametrize(
    "other", [numbers(), text(), numbers((-1.7e308, -1.7e308, 1), (1.7e308, 1.7e308, 1))], ids=["none", "text", "wide"]
)
def test_sides_that_cannot_be_compared_have_no_bins_and_no_distance(other):
    shares = common_shares(numbers((0.0, 1.0, 1.0)), other)
    assert shares == {}
    assert math.isnan(total_variation(shares))


def test_numbers_too_close_for_four_digits_keep_a_bin_each():
    shares = common_shares(numbers((1e6, 1e6 + 1, 5.0)), numbers((1e6, 1e6 + 1, 5.0)))
    assert len(shares) == 12
