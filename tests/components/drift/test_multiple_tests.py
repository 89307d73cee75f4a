"""Holm's adjustment, against the textbook."""

import math

import pytest

from components.drift.multiple_tests import holm


def test_holm_is_the_textbooks() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_what_is_undefined_is_no_test() -> None:
    adjusted = holm([0.02, math.nan, 0.5])
    assert (adjusted[0], adjusted[2]) == (0.04, 0.5)
    assert math.isnan(adjusted[1])
