import numpy as np
import pytest

from components.drift.binned import binned_category, binned_number, coarse_starts


def test_few_distinct_numbers_have_a_bin_each_and_missing_is_code_zero():
    feature = binned_number("stars", np.array([3.0, 1.0, np.nan, 5.0]), np.array([1.0, 3.0]))
    assert feature.bin_names == ("1", "3", "5")
    assert feature.reference.tolist() == [2, 1, 0, 3]
    assert feature.current.tolist() == [1, 2]
    assert feature.edges.tolist() == [1.0, 3.0, 5.0, 5.0]


def test_many_numbers_fall_into_quantile_bins_of_the_pooled_rows():
    rng = np.random.default_rng(0)
    feature = binned_number("x", rng.normal(size=3000), rng.normal(1, 1, 2000), max_bins=10)
    counts = np.bincount(np.concatenate([feature.reference, feature.current]), minlength=11)
    assert counts.tolist() == [0, *[500] * 10]
    assert np.all(np.diff(feature.edges) > 0)
    assert len(feature.edges) == len(feature.bin_names) + 1 == 11


def test_bins_do_not_depend_on_which_side_a_row_is_on():
    rng = np.random.default_rng(1)
    values, codes = rng.lognormal(size=400), rng.integers(-1, 80, 400)
    names = [f"v{i}" for i in range(80)]
    order = rng.permutation(400)
    for make in (
        lambda rows: binned_number("x", values[rows[:150]], values[rows[150:]]),
        lambda rows: binned_category("c", codes[rows[:150]], codes[rows[150:]], names),
    ):
        straight, shuffled = make(np.arange(400)), make(order)
        assert straight.bin_names == shuffled.bin_names
        pooled = np.concatenate([straight.reference, straight.current])
        np.testing.assert_array_equal(pooled[order], np.concatenate([shuffled.reference, shuffled.current]))


def test_a_value_that_fills_quantile_bins_has_a_bin_of_its_own():
    rng = np.random.default_rng(2)
    values = np.where(rng.random(2000) < 0.6, 0.0, rng.exponential(size=2000))
    feature = binned_number("rain", values[:1000], values[1000:], max_bins=20)
    zeros = feature.reference[values[:1000] == 0.0]
    assert set(zeros) == {1}
    assert feature.bin_names[0] == "0"
    assert set(feature.reference[values[:1000] > 0.0]).isdisjoint({1})
    assert len(feature.bin_names) <= 20


def test_infinities_go_into_the_end_bins():
    feature = binned_number("x", np.array([1.0, 2.0, np.inf]), np.array([-np.inf, 2.0]))
    assert feature.bin_names == ("1", "2")
    assert feature.reference.tolist() == [1, 2, 2]
    assert feature.current.tolist() == [1, 2]


def test_a_column_of_nothing_but_infinities_has_a_bin_for_each():
    feature = binned_number("x", np.array([np.inf, -np.inf]), np.array([np.inf]))
    assert feature.reference.tolist() == [2, 1]


def test_a_column_without_a_value_has_no_bins():
    feature = binned_number("x", np.full(3, np.nan), np.full(2, np.nan))
    assert feature.num_bins == 0
    assert feature.reference.tolist() == [0, 0, 0]


def test_neighbouring_floats_and_whole_ranges_are_named_by_their_ends():
    near = np.nextafter(1.0, 2.0)
    assert binned_number("x", np.array([1.0, near]), np.array([near])).reference.tolist() == [1, 2]
    feature = binned_number("x", np.arange(60.0), np.arange(60.0), max_bins=6)
    assert feature.bin_names[0] == "0 to 10"
    assert feature.range_name(0, 2) == "0 to 30"
    codes = np.array([17031080100.0, 17031081403.0, 0.123456789])
    assert binned_number("tract", codes, codes).bin_names == ("0.123457", "17031080100", "17031081403")


def test_the_most_frequent_categories_keep_a_bin_and_the_rest_share_one():
    names = ["a", "b", "c", "d"]
    feature = binned_category("c", np.array([0, 0, 0, 1, -1]), np.array([2, 2, 3]), names, max_bins=3)
    assert feature.bin_names == ("a", "c", "2 others")
    assert feature.reference.tolist() == [1, 1, 1, 3, 0]
    assert feature.current.tolist() == [2, 2, 3]
    assert feature.edges is None


def test_a_category_that_occurs_on_neither_side_has_no_bin():
    assert binned_category("c", np.array([2]), np.array([0]), ["a", "b", "c"]).bin_names == ("a", "c")


def test_coarse_bins_hold_about_the_same_number_of_rows():
    counts = np.array([10, 10, 10, 10, 70, 10, 10, 10])
    assert np.add.reduceat(counts, coarse_starts(counts, 4)).tolist() == [30, 10, 70, 30]
    assert coarse_starts(counts, 8).tolist() == list(range(8))


def test_bad_input_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="max_bins must be 2 to 32766, got 1"):
        binned_number("x", np.zeros(3), np.zeros(3), max_bins=1)
    with pytest.raises(ValueError, match=r"values of 'x' must have shape \(rows,\), got \(2, 2\)"):
        binned_number("x", np.zeros((2, 2)), np.zeros(3))
    with pytest.raises(ValueError, match="codes of 'c' must be -1 to 1, got -1 to 2"):
        binned_category("c", np.array([0, 2]), np.array([-1]), ["a", "b"])
