"""From pixels to what a model eats."""

import numpy as np
import pytest
import torch

from components.modeling.image_decoding import encode_png
from components.modeling.image_features import (
    image_features_from,
    ImageFeatures,
    normalize,
    prepare_image,
    resize_image,
)
from components.shared.errors import ContractError


@pytest.mark.parametrize(("mode", "black", "white"), [("min_max", 0.0, 1.0), ("standard", -1.0, 1.0)])
def test_black_and_white_become_the_ends_of_the_range(mode, black, white):
    images = torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 1, 2, 1).expand(1, 1, 2, 3)
    normalized = normalize(images, mode)
    assert normalized.shape == (1, 3, 1, 2)
    assert normalized.dtype == torch.float32
    assert normalized[0, 0, 0].tolist() == pytest.approx([black, white])


def test_normalising_does_not_look_at_the_images_own_range():
    grey = torch.full((1, 2, 2, 3), 51, dtype=torch.uint8)
    assert normalize(grey, "min_max").unique().tolist() == pytest.approx([0.2])


@pytest.mark.gpu
@pytest.mark.parametrize("mode", ["min_max", "standard"])
def test_cpu_and_gpu_normalise_alike(mode):
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8))
    torch.testing.assert_close(normalize(images.cuda(), mode).cpu(), normalize(images, mode), rtol=0, atol=1e-6)


def test_floats_are_refused():
    with pytest.raises(TypeError, match="must be uint8"):
        normalize(torch.zeros(1, 2, 2, 3), "standard")


def test_a_single_image_is_refused():
    with pytest.raises(ValueError, match=r"\(B, H, W, C\)"):
        normalize(torch.zeros(2, 2, 3, dtype=torch.uint8), "standard")


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(ValueError, match="normalization must be one of"):
        normalize(torch.zeros(1, 2, 2, 3, dtype=torch.uint8), "zscore")


def test_an_image_of_the_right_size_is_left_alone():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    prepared = prepare_image(encode_png(pixels), ImageFeatures(image_size=16))
    np.testing.assert_array_equal(prepared, pixels)


def test_squash_keeps_both_ends_and_crop_loses_them():
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, :16] = 255
    squashed = resize_image(wide, ImageFeatures(image_size=16, resize="squash"))
    cropped = resize_image(wide, ImageFeatures(image_size=16, resize="crop"))
    assert squashed[8, 0, 0] == 255
    assert cropped.max() == 0
    assert squashed.shape == cropped.shape == (16, 16, 3)


def test_shrinking_averages_instead_of_skipping_pixels():
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * 255
    shrunk = resize_image(np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8), ImageFeatures(image_size=16))
    assert abs(int(shrunk[8, 8, 0]) - 127) < 16


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"image_size": 4}, "image_size must be 8"),
        ({"image_size": "large"}, "image_size must be 8"),
        ({"image_size": 32, "resize": "stretch"}, "resize must be one of"),
        ({"image_size": 32, "normalization": "none"}, "normalization must be one of"),
        ({"image_size": 32, "rotate": 90}, "preprocessing must have"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(content, reason):
    with pytest.raises(ContractError, match=reason):
        image_features_from(content)
