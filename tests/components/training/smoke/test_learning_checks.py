"""Bounds that the smoke test judges by, against their closed forms."""

import math

import pytest

from components.training.smoke.learning_checks import smoothed_entropy


def test_the_lowest_loss_of_smoothed_labels_is_their_entropy():
    assert smoothed_entropy(0.0, num_classes=3) == 0.0
    expected = -(0.95 * math.log(0.95) + 0.05 * math.log(0.05))
    assert smoothed_entropy(0.1, num_classes=2) == pytest.approx(expected)
