"""Labels as numbers, and the rule that tells a quantity from classes."""

import numpy as np
import pyarrow as pa
import pytest

from components.shared.tables.number_labels import label_kind, label_numbers

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("given", "numbers", "is_none"),
    [
        (["1.5", " -2 ", "+3", "1e3", ".5"], [1.5, -2.0, 3.0, 1000.0, 0.5], [False] * 5),
        (["", None, "NA", "nan", "?"], [None] * 5, [False] * 5),
        (["12 kg", "1,5", "inf", "-Infinity", "true"], [None] * 5, [True] * 5),
        (["007", "1e999"], [7.0, None], [False, True]),
    ],
)
def test_texts_are_read_as_numbers(given, numbers, is_none):
    found, wrong = label_numbers(pa.array(given, pa.string()))
    assert found.to_pylist() == numbers
    assert wrong.to_pylist() == is_none


def test_stored_numbers_stay_and_infinite_ones_are_none():
    found, wrong = label_numbers(pa.array([1.0, float("nan"), float("inf"), None]))
    assert found.to_pylist() == [1.0, None, None, None]
    assert wrong.to_pylist() == [False, False, True, False]
    assert label_numbers(pa.array([2**60, None]))[0].to_pylist() == [float(2**60), None]


@pytest.mark.parametrize(
    ("labels", "is_regression"),
    [
        (RNG.normal(size=400), True),  # a measurement
        (RNG.integers(25, 347, 442), True),  # the diabetes table: whole numbers, each of them rare
        (RNG.integers(0, 5000, 20_000), True),  # more whole numbers than there can be classes
        (RNG.normal(size=5), True),  # few rows, all different
        (RNG.integers(0, 10, 400), False),  # digits
        (RNG.integers(0, 2, 30), False),
        (RNG.integers(0, 100, 10_000), False),  # a hundred codes that repeat
        (RNG.integers(1, 11, 500) / 2, False),  # half stars
        (np.array([0.5, 1.0] * 3), False),
        (np.arange(15), False),  # few whole numbers may be anything
        (np.round(RNG.gamma(2.0, 5.0, 1000), 2), True),  # prices
    ],
)
def test_a_quantity_is_told_from_classes(labels, is_regression):
    assert label_kind(pa.array(labels)).is_regression is is_regression
    assert label_kind(pa.array([str(label) for label in labels])).is_regression is is_regression


def test_some_words_among_numbers_do_not_make_classes_of_them():
    numbers = [str(value) for value in RNG.normal(size=100)]
    assert label_kind(pa.array([*numbers, *["unknown"] * 10])).is_regression
    assert not label_kind(pa.array([*numbers, *["unknown"] * 20])).is_regression
    assert not label_kind(pa.array(["cat", "dog"])).is_regression
    assert not label_kind(pa.array([], pa.string())).is_regression
