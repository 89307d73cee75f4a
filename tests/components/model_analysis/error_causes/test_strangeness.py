"""Strange examples are told from hard ones, also where many of the held-out examples are strange."""

import numpy as np
import pytest

from components.model_analysis.error_causes.isolation import (
    angle_to_nearest,
    beside_main_directions,
    distance_to_nearest,
)
from components.model_analysis.error_causes.strangeness import farness_view, FarnessView, strangeness

WAYS = (angle_to_nearest, beside_main_directions, distance_to_nearest)
NUM_DIMENSIONS, NUM_ERRORS = 24, 40


def drawn(rng, num_rows, *, is_strange=False):
    """Two kinds of examples along six directions; strange ones also lie beside these."""
    places = rng.normal(0, 1, (num_rows, 6)) + np.array([4, 0, 0, 0, 0, 0])
    beside = rng.normal(0, 1.0 if is_strange else 0.2, (num_rows, NUM_DIMENSIONS - 6))
    return np.concatenate([places, beside], axis=1)


def found(seed, *, share, shift=0.0):
    """Strangeness of 40 errors, the first half of them strange, where a share of the held-out examples is."""
    rng = np.random.default_rng(seed)
    training, num_strange = drawn(rng, 300), round(200 * share)
    held_out = np.concatenate([drawn(rng, num_strange, is_strange=True), drawn(rng, 200 - num_strange)])
    errors = drawn(rng, NUM_ERRORS)
    if share:
        errors[: NUM_ERRORS // 2] = drawn(rng, NUM_ERRORS // 2, is_strange=True)
    classes = (training[:, 0] > 4).astype(int)
    views = [farness_view(way, errors, held_out, training, classes) for way in WAYS]
    moved = [
        FarnessView(errors=view.errors + shift, usual=view.usual + shift, training=view.training) for view in views
    ]
    is_error = np.arange(200) < num_strange // 2
    return strangeness(moved, is_error, num_errors=NUM_ERRORS)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.35])
def test_strange_errors_are_found_however_many_held_out_examples_are_strange(share):
    is_strange = found(0, share=share).is_strange > 0.5
    assert is_strange[: NUM_ERRORS // 2].all()
    assert not is_strange[NUM_ERRORS // 2 :].any()


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_healthy_errors_are_not_strange_also_where_all_held_out_examples_lie_further_from_training(shift):
    rates = [(found(seed, share=0.0, shift=shift).is_strange > 0.5).mean() for seed in range(10)]
    assert np.mean(rates) <= 0.02


def test_training_examples_are_measured_by_the_others():
    rng = np.random.default_rng(0)
    training, classes = drawn(rng, 100), np.zeros(100)
    view = farness_view(angle_to_nearest, training, training, training, classes)
    assert np.median(view.training) > np.median(view.errors) + 0.1
    assert (view.errors.shape, view.training.shape) == ((100,), (100,))


def test_a_single_error_that_is_very_far_is_strange_where_no_held_out_example_is():
    rng = np.random.default_rng(0)
    view = FarnessView(errors=np.array([0.0, 12.0]), usual=rng.normal(0, 1, 160), training=rng.normal(0, 1, 400))
    one = strangeness([view], np.zeros(160, bool), num_errors=2)
    assert one.is_strange[0] == 0
    assert one.is_strange[1] > 0.9
    assert one.deviations[1] > 8


def test_without_a_view_nothing_is_strange():
    none = strangeness([], np.zeros(0, bool), num_errors=3)
    assert none.is_strange.tolist() == none.deviations.tolist() == [0, 0, 0]
