"""Filters let through what they should."""

import pytest
import torch

from components.modeling.fourier.filters import filter_frequencies, filtered_images
from components.modeling.fourier.settings import FourierSettings

SIDE = 128


def sine(frequency: float, *, down: bool = False) -> torch.Tensor:
    """A wave of a frequency in shares of the Nyquist frequency, around 0, shape (1, 1, S, S)."""
    across = torch.sin(torch.pi * frequency * torch.arange(SIDE)).repeat(1, 1, SIDE, 1)
    return across.transpose(-2, -1) if down else across


def gain(frequency: float, *, down: bool = False, **cut_offs: float) -> float:
    """How much of a wave is left away from the borders."""
    wave = sine(frequency, down=down)
    inside = (..., slice(32, -32), slice(32, -32))
    left = filter_frequencies(wave, **cut_offs)
    return float(left[inside].norm() / wave[inside].norm())


@pytest.mark.parametrize("down", [False, True])
def test_a_low_pass_keeps_the_coarse_and_stops_the_fine(down):
    assert gain(0.1, down=down, high=0.4) == pytest.approx(1.0, abs=0.02)
    assert gain(0.4, down=down, high=0.4) == pytest.approx(0.5, abs=0.05)
    assert gain(0.9, down=down, high=0.4) < 0.06


@pytest.mark.parametrize("down", [False, True])
def test_a_high_pass_keeps_the_fine_and_stops_the_coarse(down):
    assert gain(0.9, down=down, low=0.3) == pytest.approx(1.0, abs=0.02)
    assert gain(0.3, down=down, low=0.3) == pytest.approx(0.5, abs=0.05)
    assert gain(0.06, down=down, low=0.3) < 0.05


def test_a_band_pass_stops_both_ends():
    assert gain(0.35, low=0.15, high=0.8) > 0.9
    assert gain(0.04, low=0.15, high=0.8) < 0.05
    assert gain(0.95, low=0.15, high=0.4) < 0.05


def test_without_cut_offs_nothing_changes(photos):
    torch.testing.assert_close(filter_frequencies(photos), photos, rtol=0, atol=1e-6)


def test_low_pass_and_high_pass_of_one_cut_off_add_up_to_the_image(photos):
    together = filter_frequencies(photos, high=0.3) + filter_frequencies(photos, low=0.3)
    torch.testing.assert_close(together, photos, rtol=0, atol=1e-5)


def test_one_border_does_not_bleed_into_the_opposite_one():
    halves = torch.zeros(1, 1, 64, 64)
    halves[..., 32:] = 1.0
    smooth = filter_frequencies(halves, high=0.2)
    assert smooth[..., 0].abs().max() < 0.02
    assert (smooth[..., -1] - 1.0).abs().max() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (15, 22)])
def test_flat_images_of_any_size_stay_as_they_are_or_lose_their_mean(shape):
    flat = torch.full((2, 3, *shape), 0.3)
    torch.testing.assert_close(filter_frequencies(flat, high=0.2), flat, rtol=0, atol=1e-6)
    assert filter_frequencies(flat, low=0.2).abs().max() < 1e-6


def test_what_the_network_sees_is_an_image_still(photos):
    for settings in (FourierSettings(filter="high_pass", low=0.1), FourierSettings(filter="low_pass", high=0.1)):
        seen = filtered_images(photos, settings)
        assert seen.min() >= 0.0
        assert seen.max() <= 1.0
    assert filtered_images(photos, FourierSettings(filter="high_pass", low=0.1)).mean() == pytest.approx(0.5, abs=0.01)
    assert torch.equal(filtered_images(photos, FourierSettings()), photos)


def test_autocast_changes_nothing(photos):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = filter_frequencies(photos, high=0.4)
    assert torch.equal(within, filter_frequencies(photos, high=0.4))


@pytest.mark.parametrize(
    ("cut_offs", "sentence"),
    [
        ({"low": 0.0}, "low must be a share of the Nyquist frequency, above 0, got 0.0"),
        ({"high": float("inf")}, "high must be a share of the Nyquist frequency, above 0, got inf"),
        ({"low": 0.5, "high": 0.5}, "low must be below high, got 0.5 and 0.5"),
    ],
)
def test_cut_offs_that_cannot_be_used_are_refused(cut_offs, sentence):
    with pytest.raises(ValueError, match=sentence):
        filter_frequencies(torch.zeros(1, 1, 8, 8), **cut_offs)


@pytest.mark.gpu
def test_cpu_and_gpu_filter_alike(photos):
    on_gpu = filter_frequencies(photos.cuda(), low=0.05, high=0.5).cpu()
    torch.testing.assert_close(on_gpu, filter_frequencies(photos, low=0.05, high=0.5), rtol=0, atol=1e-5)
