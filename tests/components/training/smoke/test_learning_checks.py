"""Bounds that the smoke test judges by, against their closed forms and scipy."""

import math

import pytest
from scipy.stats import binom

from components.training.smoke.learning_checks import binomial_bound, smoothed_entropy


@pytest.mark.parametrize("num_trials", [1, 16, 64])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("tail", [0.05, 1e-4])
def test_the_binomial_bound_is_scipys_quantile(num_trials, share, tail):
    assert binomial_bound(num_trials, share, tail=tail) == int(binom.isf(tail, num_trials, share))


def test_what_is_certain_is_its_own_bound():
    assert binomial_bound(10, 0.0, tail=1e-4) == 0
    assert binomial_bound(10, 1.0, tail=1e-4) == 10


def test_the_lowest_loss_of_smoothed_labels_is_their_entropy():
    assert smoothed_entropy(0.0, num_classes=3) == 0.0
    expected = -(0.95 * math.log(0.95) + 0.05 * math.log(0.05))
    assert smoothed_entropy(0.1, num_classes=2) == pytest.approx(expected)
