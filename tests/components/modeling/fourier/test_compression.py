"""What is kept, what is lost, and what it takes."""

import itertools

import numpy as np
import pytest
import scipy.fft
import torch

from components.modeling.fourier.compression import compress, psnr


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (8, 1), (15, 22), (16, 9)])
def test_everything_kept_loses_nothing(shape):
    images = torch.rand((2, 3, *shape), generator=torch.Generator().manual_seed(0))
    kept = compress(images, 1.0)
    torch.testing.assert_close(kept.images_BCHW, images, rtol=0, atol=1e-5)
    # A real image of N pixels has N free numbers.
    assert shape[0] * shape[1] <= 2 * kept.kept_values <= shape[0] * shape[1] + 4


def test_the_strongest_values_are_those_that_scipy_finds(photos):
    kept = compress(photos, 0.05)
    values = scipy.fft.fft2(photos[0, 0].double().numpy())
    strongest = np.sort(np.abs(values).ravel())[::-1][2 * kept.kept_values]
    kept_there = scipy.fft.ifft2(np.where(np.abs(values) > strongest, values, 0.0)).real.clip(0, 1)
    assert np.abs(kept.images_BCHW[0, 0].numpy() - kept_there).max() < 0.02


def test_more_values_give_more_decibels(photos):
    found = [compress(photos, share) for share in (0.01, 0.05, 0.2)]
    assert all((more.psnr_B > fewer.psnr_B + 3.0).all() for fewer, more in itertools.pairwise(found))
    assert found[1].psnr_B.min() > 24.0


def test_the_ratio_counts_values_and_their_places(photos):
    kept = compress(photos, 0.05)
    assert kept.kept_values == 640
    # 160 x 160 pixels of 8 bits; 640 complex numbers of 64 bits, each with a place of 15 bits.
    assert kept.ratio == pytest.approx(160 * 160 * 8 / (640 * (64 + 15)))


def test_a_wave_needs_one_value_beside_the_mean():
    wave = (0.5 + 0.25 * torch.sin(2 * torch.pi * 5 * torch.arange(32) / 32)).repeat(1, 1, 32, 1)
    kept = compress(wave, 4 / 1024)
    assert kept.kept_values == 2
    torch.testing.assert_close(kept.images_BCHW, wave, rtol=0, atol=1e-5)


def test_psnr_is_that_of_its_definition():
    white, grey = torch.ones(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.9)
    assert psnr(white, grey).tolist() == pytest.approx([20.0, 20.0], abs=1e-4)
    assert psnr(white, white).tolist() == [float("inf")] * 2


def test_what_cannot_be_used_is_refused(photos):
    with pytest.raises(ValueError, match="share must lie above 0 to 1, got 0"):
        compress(photos, 0.0)
    with pytest.raises(ValueError, match=r"must lie in 0..1"):
        compress(photos * 255, 0.5)
    with pytest.raises(ValueError, match=r"must have one shape, got \(2, 3, 160, 160\) and \(1, 3, 160, 160\)"):
        psnr(photos, photos[:1])
