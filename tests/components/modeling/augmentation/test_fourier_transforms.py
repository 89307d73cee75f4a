"""Transforms of frequencies among albumentations' own."""

import json

import albumentations
import numpy as np
import pytest

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.fourier_transforms import FourierFilter, PeriodicNoise


@pytest.fixture(scope="module")
def photo(photos) -> np.ndarray:
    return (photos[0] * 255).round().byte().permute(1, 2, 0).numpy()


def policy(*transforms) -> dict:
    return json.loads(json.dumps(albumentations.to_dict(albumentations.Compose(list(transforms)))))


def fineness(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image.astype(float), axis=1)).mean())


def test_a_policy_comes_back_from_json_under_short_names():
    written = policy(FourierFilter(high_pass_range=(0.05, 0.1), p=1), PeriodicNoise(p=1))
    names = [transform["__class_fullname__"] for transform in written["transform"]["transforms"]]
    assert names == ["FourierFilter", "PeriodicNoise"]
    read = albumentations.from_dict(written)
    assert json.loads(json.dumps(albumentations.to_dict(read))) == written


def test_the_seed_alone_decides_what_comes_out(photo):
    augmenter = Augmenter(policy(FourierFilter(high_pass_range=(0.05, 0.1), p=1), PeriodicNoise(p=1)))
    first, second, again = (augmenter(photo, seed=seed) for seed in (3, 4, 3))
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert (first.shape, first.dtype) == (photo.shape, np.uint8)


def test_a_low_pass_smoothes_and_keeps_the_brightness(photo):
    smooth = FourierFilter(low_pass_range=(0.2, 0.2), p=1)(image=photo)["image"]
    assert fineness(smooth) < 0.6 * fineness(photo)
    assert abs(smooth.mean() - photo.mean()) < 1.0


def test_a_high_pass_leaves_edges_around_middle_grey(photo):
    edges = FourierFilter(low_pass_range=None, high_pass_range=(0.1, 0.1), p=1)(image=photo)["image"]
    assert abs(edges.mean() - 127.5) < 3.0
    assert fineness(edges) > 0.6 * fineness(photo)


def test_periodic_noise_has_the_amplitude_that_was_asked_for():
    grey = np.full((64, 64, 3), 128, np.uint8)
    noisy = PeriodicNoise(amplitude_range=(0.1, 0.1), frequency_range=(0.3, 0.3), p=1)(image=grey)["image"]
    wave = noisy.astype(float) / 255 - 128 / 255
    assert np.abs(wave).max() == pytest.approx(0.1, abs=0.005)
    assert wave.std() == pytest.approx(0.1 / np.sqrt(2), abs=0.01)


@pytest.mark.parametrize(
    ("kind", "parameters", "sentence"),
    [
        (FourierFilter, {"low_pass_range": None}, "low_pass_range or high_pass_range must be given"),
        (FourierFilter, {"low_pass_range": (0.0, 0.5)}, "low_pass_range"),
        (FourierFilter, {"high_pass_range": (0.5, 0.2)}, "high_pass_range"),
        (PeriodicNoise, {"amplitude_range": (0.0, 2.0)}, "amplitude_range"),
    ],
)
def test_parameters_that_cannot_be_used_are_named(kind, parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        kind(**parameters)


def test_floats_are_refused(photo):
    with pytest.raises(TypeError, match="images must be uint8, got float32: augment before normalisation"):
        PeriodicNoise(p=1)(image=photo.astype(np.float32) / 255)
