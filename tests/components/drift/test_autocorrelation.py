import numpy as np
import pytest

from components.drift.autocorrelation import autocorrelation_time


def test_independent_rows_have_a_memory_of_about_one_row():
    assert autocorrelation_time(np.random.default_rng(0).normal(size=5000)) == pytest.approx(1.0, abs=0.2)


def test_a_first_order_series_remembers_as_long_as_theory_says():
    rng = np.random.default_rng(1)
    series = np.zeros(50_000)
    for i, innovation in enumerate(rng.normal(size=len(series) - 1), start=1):
        series[i] = 0.8 * series[i - 1] + innovation
    # (1 + phi) / (1 - phi)
    assert autocorrelation_time(series) == pytest.approx(9.0, rel=0.15)
    series[::10] = np.nan
    assert autocorrelation_time(series) == pytest.approx(9.0, rel=0.25)


@pytest.mark.parametrize("values", [np.ones(100), np.array([]), np.array([1.0, 2.0, 3.0]), np.full(50, np.nan)])
def test_nothing_to_remember_is_one_row(values):
    assert autocorrelation_time(values) == 1.0


def test_a_series_that_alternates_is_no_shorter_than_one_row():
    assert autocorrelation_time(np.tile([0.0, 1.0], 500)) == 1.0
