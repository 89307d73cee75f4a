from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from components.mock_data.column_distributions import column_distribution, missing_rows, stored_value
from components.mock_data.column_rules import ColumnRule
from components.mock_data.column_statistics import ColumnStatistics

WHOLE = ColumnRule(name="x", stored="int64", content="whole")
NUMBER = ColumnRule(name="x", stored="float64", content="number")
CODE = ColumnRule(name="x", content="whole")
NOTHING_KNOWN = ColumnStatistics(
    missing_share=0.0,
    num_present=100,
    points=np.zeros(0),
    shares=np.zeros(0),
    mean=float("nan"),
    is_whole=False,
    counts={},
    num_distinct=0,
    mean_length=0.0,
    is_masked=False,
)
NAMES = replace(NOTHING_KNOWN, counts={"Kim Minsu": 60.0, "Lee Jiwoo": 30.0}, num_distinct=12, mean_length=9.0)


def drawn(rule, statistics=None, *, num_rows=4000, **options):
    return column_distribution(rule, statistics, **options).draw(np.random.default_rng(0), num_rows)


def test_numbers_lie_as_the_statistics_say():
    known = replace(NOTHING_KNOWN, points=np.array([0.0, 0.0, 1.0, 100.0]), shares=np.array([0.0, 0.3, 0.5, 1.0]))
    values = np.array(drawn(NUMBER, known))
    assert (values == 0).mean() == pytest.approx(0.3, abs=0.03)
    assert (values <= 1).mean() == pytest.approx(0.5, abs=0.03)
    assert np.median(values[values > 1]) == pytest.approx(50, abs=3)


def test_the_schema_holds_numbers_that_the_statistics_would_let_go():
    known = replace(NOTHING_KNOWN, points=np.array([-10.0, 10.0]), shares=np.array([0.0, 1.0]))
    values = drawn(replace(WHOLE, low=0, high=5), known)
    assert (min(values), max(values)) == (0, 5)
    assert {type(value) for value in values} == {int}


def test_codes_that_are_stored_as_floats_stay_whole():
    known = replace(NOTHING_KNOWN, points=np.array([1.0, 2.0]), shares=np.array([0.0, 1.0]), is_whole=True)
    assert set(drawn(NUMBER, known)) == {1.0, 2.0}


def test_without_statistics_every_whole_number_of_the_domain_is_as_likely():
    counts = Counter(drawn(replace(WHOLE, low=3, high=6)))
    assert sorted(counts) == [3, 4, 5, 6]
    assert min(counts.values()) > 900


@pytest.mark.parametrize(("bounds", "low", "high"), [({}, 0, 100), ({"low": 7}, 7, 107), ({"high": -7}, -107, -7)])
def test_without_bounds_numbers_stay_small(bounds, low, high):
    values = drawn(replace(WHOLE, **bounds))
    assert (min(values), max(values)) == (low, high)


def test_listed_texts_come_as_often_as_the_statistics_say_and_others_never():
    known = replace(NOTHING_KNOWN, counts={"a": 75.0, "b": 25.0, "unlisted": 900.0}, num_distinct=3)
    counts = Counter(drawn(ColumnRule(name="x", values=("b", "c", "a")), known))
    assert set(counts) == {"a", "b"}
    assert counts["a"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_listed_texts_that_the_statistics_never_saw_are_equally_likely():
    assert set(drawn(ColumnRule(name="x", values=("a", "b")), NAMES)) == {"a", "b"}


def test_texts_that_the_schema_does_not_list_are_made_up_as_frequent_and_as_long():
    values = drawn(ColumnRule(name="x"), NAMES)
    counts = Counter(values)
    assert not set(counts) & set(NAMES.counts)
    assert len(counts) == 12
    assert [count / 4000 for _, count in counts.most_common(2)] == pytest.approx([0.6, 0.3], abs=0.03)
    assert np.mean([len(value) for value in values]) == pytest.approx(9, abs=0.1)


def test_personal_texts_are_made_up_even_where_the_schema_lists_them():
    values = drawn(ColumnRule(name="x", values=tuple(NAMES.counts)), NAMES, is_personal=True)
    assert not set(values) & set(NAMES.counts)


def test_personal_numbers_do_not_follow_the_statistics():
    known = replace(NOTHING_KNOWN, points=np.array([8001011, 9912311.0]), shares=np.array([0.0, 1.0]))
    assert max(drawn(WHOLE, known, is_personal=True)) <= 100


ZIP_CODES = replace(NOTHING_KNOWN, counts={"00501": 70.0, "10115": 30.0}, num_distinct=2, mean_length=5.0)


def test_codes_that_repeat_are_carried_over_with_their_zeros():
    counts = Counter(stored_value(value, CODE) for value in drawn(CODE, ZIP_CODES))
    assert set(counts) == {"00501", "10115"}
    assert counts["00501"] / 4000 == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize(
    ("rule", "known", "options"),
    [
        (CODE, replace(ZIP_CODES, num_present=9), {}),
        (CODE, replace(ZIP_CODES, num_distinct=101, num_present=10_000), {}),
        (CODE, ZIP_CODES, {"is_personal": True}),
        (replace(CODE, low=10, high=40), ZIP_CODES, {}),
    ],
    ids=["rare", "many", "personal", "out of bounds"],
)
def test_other_codes_are_made_up_and_stay_whole_numbers(rule, known, options):
    values = {stored_value(value, rule) for value in drawn(rule, known, **options)}
    assert not values & set(ZIP_CODES.counts)
    assert all(10 * (rule.low is not None) <= int(value) for value in values)


def test_categorical_whole_numbers_are_drawn_by_their_frequencies():
    known = replace(NOTHING_KNOWN, counts={"7": 90.0, "4": 10.0, "99": 5.0}, num_distinct=3)
    rule = replace(WHOLE, high=9)
    counts = Counter(stored_value(value, rule) for value in drawn(rule, known))
    assert set(counts) == {4, 7}
    assert counts[7] / 4000 == pytest.approx(0.9, abs=0.03)


@given(
    least=st.integers(0, 12),
    extra=st.integers(0, 8),
    rule=st.sampled_from([ColumnRule(name="x"), WHOLE, NUMBER, ColumnRule(name="x", content="whole", high=30)]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_different_values_are_as_many_as_the_schema_wants(least, extra, rule, seed):
    most = max(least + extra, 1)
    distribution = column_distribution(replace(rule, min_distinct=least, max_distinct=most), None)
    assert least <= len(set(distribution.draw(np.random.default_rng(seed), 40))) <= most


def test_more_different_values_than_the_domain_has_are_one_sentence():
    with pytest.raises(ValueError, match=r"at least 5 different values .* domain allows 2"):
        column_distribution(ColumnRule(name="x", values=("a", "b"), min_distinct=5), None)


@pytest.mark.parametrize(
    ("rule", "share", "num_missing"),
    [
        (ColumnRule(name="x"), 0.4, 40),
        (ColumnRule(name="x", min_present_share=0.9), 0.4, 10),
        (ColumnRule(name="x", min_present_share=1.0), 0.4, 0),
        (ColumnRule(name="x", min_present=95), 0.4, 5),
        (ColumnRule(name="x", is_empty=True), 0.0, 100),
        (ColumnRule(name="x"), None, 5),
    ],
)
def test_as_much_is_missing_as_is_known_and_allowed(rule, share, num_missing):
    known = None if share is None else replace(NOTHING_KNOWN, missing_share=share)
    assert missing_rows(rule, known, np.random.default_rng(0), 100).sum() == num_missing


def test_more_values_than_rows_are_one_sentence():
    with pytest.raises(ValueError, match=r"num_examples must be at least 101.*'x', got 100"):
        missing_rows(ColumnRule(name="x", min_present=101), None, np.random.default_rng(0), 100)
