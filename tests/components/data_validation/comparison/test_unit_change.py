import numpy as np
import pytest

from components.data_validation.comparison.sample_distance import kolmogorov_smirnov_distance
from components.data_validation.comparison.unit_change import unit_change


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("factor", "name"),
    [
        (1.609344, "miles to kilometres"),
        (1 / 1.609344, "kilometres to miles"),
        (2.20462, "kilograms to pounds"),
        (0.45359237, "pounds to kilograms"),
        (2.54, "inches to centimetres"),
        (3.28084, "metres to feet"),
        (100.0, "shares to percentages or dollars to cents or metres to centimetres"),
        (0.001, "milliseconds to seconds or single units to thousands"),
        (60.0, "minutes to seconds or hours to minutes"),
        (1e6, "seconds to microseconds or millions to single units"),
    ],
)
def test_a_known_factor_is_named(generator, factor, name):
    reference, current = generator.lognormal(1.0, 0.8, 2000), generator.lognormal(1.0, 0.8, 1500) * factor
    change = unit_change(reference, current)
    assert change is not None
    assert change.name == name
    assert change.factor == pytest.approx(factor, rel=1e-4)
    assert change.distance_after < 0.05 < kolmogorov_smirnov_distance(reference, current)


def test_the_same_rows_in_another_unit_fit_without_any_distance(generator):
    miles = np.round(generator.gamma(2.0, 2.0, 500), 1)
    change = unit_change(miles, miles * 1.609344)
    assert change is not None
    assert change.distance_after == 0.0
    assert change.words == "values look multiplied by 1.609: miles to kilometres?"


@pytest.mark.parametrize(
    ("scale", "offset", "name"),
    [
        (1.8, 32.0, "degrees Celsius to Fahrenheit"),
        (1 / 1.8, -32 / 1.8, "degrees Fahrenheit to Celsius"),
        (1.0, 273.15, "degrees Celsius to kelvins"),
    ],
)
def test_temperature_scales_are_recognised(generator, scale, offset, name):
    reference = generator.normal(18.0, 9.0, 2000)
    change = unit_change(reference, generator.normal(18.0, 9.0, 2000) * scale + offset)
    assert change is not None
    assert (change.name, change.factor, change.offset) == (name, scale, pytest.approx(offset))
    assert "moved by" in change.words


def test_a_factor_that_is_no_unit_is_given_without_a_name(generator):
    change = unit_change(generator.lognormal(size=3000), generator.lognormal(size=3000) * 5.0)
    assert change is not None
    assert change.name == ""
    assert change.factor == pytest.approx(5.0, rel=0.1)
    assert change.words.endswith("did their unit change?")


def test_zeros_and_missing_values_do_not_hide_a_factor(generator):
    reference = np.where(generator.random(2000) < 0.6, 0.0, generator.gamma(3.0, 1.0, 2000))
    current = np.where(generator.random(2000) < 0.6, 0.0, generator.gamma(3.0, 1.0, 2000)) * 100
    current[::10] = np.nan
    change = unit_change(reference, current)
    assert change is not None
    assert change.factor == 100.0


def test_samples_of_one_source_have_no_factor(generator):
    assert unit_change(generator.lognormal(size=1000), generator.lognormal(size=1000)) is None


@pytest.mark.parametrize("shift", [0.5, 3.0])
def test_a_moved_mean_is_no_factor(generator, shift):
    assert unit_change(generator.normal(size=2000), generator.normal(shift, 1.0, 2000)) is None


def test_a_changed_mixture_is_no_factor(generator):
    reference = np.concatenate([generator.normal(10, 1, 1500), generator.normal(50, 1, 500)])
    current = np.concatenate([generator.normal(10, 1, 500), generator.normal(50, 1, 1500)])
    assert unit_change(reference, current) is None


def test_the_largest_and_smallest_floats_do_not_disturb(generator):
    reference, current = generator.lognormal(size=500), generator.lognormal(size=500) * 1000
    reference[:2], current[:2] = (1e308, 5e-324), (-1e308, np.inf)
    change = unit_change(reference, current)
    assert change is not None
    assert change.factor == 1000.0


def test_too_few_values_and_constant_zeros_have_no_factor(generator):
    assert unit_change(generator.lognormal(size=20), generator.lognormal(size=500) * 100) is None
    assert unit_change(np.zeros(100), np.zeros(100)) is None
    assert unit_change(np.zeros(100), np.ones(100)) is None
    assert unit_change(np.full(100, np.nan), np.ones(100)) is None
