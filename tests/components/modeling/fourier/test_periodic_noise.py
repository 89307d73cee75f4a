"""Waves laid over photos are found and taken out; photos without stay as they are."""

import pytest
import torch

from components.modeling.fourier.compression import psnr
from components.modeling.fourier.periodic_noise import remove_periodic_noise


def wave(height: int, width: int, down: float, across: float) -> torch.Tensor:
    """Frequencies in cycles a pixel."""
    angle = 2 * torch.pi * (down * torch.arange(height)[:, None] + across * torch.arange(width)[None, :])
    return torch.sin(angle + 0.3)


def stored(images: torch.Tensor) -> torch.Tensor:
    return (images.clamp(0, 1) * 255).round() / 255


@pytest.mark.parametrize(
    ("amplitude", "down", "across"),
    [
        (0.03, 0.13, 0.21),
        (0.03, 0.2734, -0.1017),
        (0.1, 0.13, 0.21),
        (0.1, 0.2734, -0.1017),
        (0.1, 0.0, 0.25),
        (0.1, 0.3111, 0.0),
    ],
)
def test_a_wave_is_found_and_taken_out_of_photos(photos, amplitude, down, across):
    noisy = stored(photos + amplitude * wave(160, 160, down, across))
    gains = psnr(photos, remove_periodic_noise(noisy)) - psnr(photos, noisy)
    assert gains.min() > 10.0


def test_several_waves_of_one_colour_are_taken_out(photos):
    noisy = photos.clone()
    noisy[:, 1] += 0.06 * wave(160, 160, 0.11, 0.3) + 0.04 * wave(160, 160, -0.4, 0.07)
    noisy = stored(noisy)
    gains = psnr(photos, remove_periodic_noise(noisy)) - psnr(photos, noisy)
    assert gains.min() > 8.0


def test_photos_without_waves_stay_as_they_are(photos):
    assert torch.equal(remove_periodic_noise(photos), photos)
    assert torch.equal(remove_periodic_noise(photos[..., :97, :131]), photos[..., :97, :131])


@pytest.mark.parametrize("side", [16, 33, 128])
def test_white_noise_holds_no_wave(side):
    noise = torch.rand((8, 1, side, side), generator=torch.Generator().manual_seed(0))
    assert torch.equal(remove_periodic_noise(noise), noise)


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (40, 53)])
def test_flat_images_of_any_size_stay_as_they_are(shape):
    flat = torch.full((2, 3, *shape), 0.4)
    torch.testing.assert_close(remove_periodic_noise(flat), flat, rtol=0, atol=1e-6)


def test_the_finest_wave_of_all_is_taken_out(photos):
    noisy = stored(photos[:1] + 0.1 * torch.cos(torch.pi * torch.arange(160)))
    cleaned = remove_periodic_noise(noisy)
    assert psnr(photos[:1], cleaned) - psnr(photos[:1], noisy) > 8.0


def test_a_prominence_of_nothing_is_refused(photos):
    with pytest.raises(ValueError, match="prominence must be above 0, got 0"):
        remove_periodic_noise(photos, prominence=0.0)
