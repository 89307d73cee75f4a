"""Known blurs, and how much of them comes back."""

import pytest
import torch

from components.modeling.fourier.compression import psnr
from components.modeling.fourier.deconvolution import blur, gaussian_kernel, motion_kernel, wiener_deconvolution


def harmed(photos, kernel, *, noise=1.0 / 255.0):
    generator = torch.Generator().manual_seed(0)
    noisy = blur(photos, kernel) + noise * torch.randn(photos.shape, generator=generator)
    return (noisy.clamp(0, 1) * 255).round() / 255


@pytest.mark.parametrize(
    ("kernel", "noise_to_signal", "gain_db"),
    [(gaussian_kernel(1.5), 3e-3, 3.5), (motion_kernel(9.0, 30.0), 1e-2, 3.0)],
)
def test_deconvolution_gains_decibels_on_photos(photos, kernel, noise_to_signal, gain_db):
    blurred = harmed(photos, kernel)
    restored = wiener_deconvolution(blurred, kernel, noise_to_signal=noise_to_signal)
    assert (psnr(photos, restored) - psnr(photos, blurred)).min() > gain_db


def test_borders_do_not_ring_more_than_the_middle(photos):
    kernel = gaussian_kernel(2.0)
    restored = wiener_deconvolution(harmed(photos, kernel), kernel, noise_to_signal=3e-3)
    error = (restored - photos).square().mean(dim=(0, 1))
    border = torch.ones_like(error, dtype=torch.bool)
    border[8:-8, 8:-8] = False
    assert error[border].mean() < 2.0 * error[~border].mean()


def test_a_point_becomes_the_kernel():
    point = torch.zeros(1, 1, 33, 33)
    point[..., 16, 16] = 1.0
    kernel = motion_kernel(7.0, 20.0)
    reach = kernel.shape[0] // 2
    spread = blur(point, kernel)[0, 0, 16 - reach : 17 + reach, 16 - reach : 17 + reach]
    torch.testing.assert_close(spread, kernel, rtol=0, atol=1e-6)


def test_without_blur_and_noise_deconvolution_returns_the_image(photos):
    same = wiener_deconvolution(photos, torch.ones(1, 1), noise_to_signal=1e-6)
    torch.testing.assert_close(same, photos, rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (5, 8)])
def test_flat_images_of_any_size_stay_as_they_are(shape):
    flat = torch.full((2, 3, *shape), 0.4)
    kernel = torch.full((1, 2), 0.5)
    torch.testing.assert_close(blur(flat, kernel), flat, rtol=0, atol=1e-6)
    torch.testing.assert_close(wiener_deconvolution(flat, kernel, noise_to_signal=0.1), flat, rtol=0, atol=1e-6)


def test_kernels_add_up_to_one_and_keep_their_middle():
    for kernel in (gaussian_kernel(0.4), gaussian_kernel(3.0), motion_kernel(1.0, 0.0), motion_kernel(8.5, 115.0)):
        side = kernel.shape[0]
        assert side % 2 == 1
        assert kernel.sum() == pytest.approx(1.0)
        places = torch.arange(side) - side // 2
        assert (kernel.sum(dim=0) @ places.float()).abs() < 1e-4
        assert (kernel.sum(dim=1) @ places.float()).abs() < 1e-4


def test_motion_runs_along_its_angle():
    across, up = motion_kernel(9.0, 0.0), motion_kernel(9.0, 90.0)
    assert across[across.shape[0] // 2].sum() == pytest.approx(1.0)
    torch.testing.assert_close(up, across.T, rtol=0, atol=1e-6)
    rising = motion_kernel(9.0, 45.0)
    assert rising.flip(1).diagonal().sum() > 2 * rising.diagonal().sum()


@pytest.mark.parametrize(
    ("kernel", "error", "sentence"),
    [
        (torch.zeros(3, 3), ValueError, "the kernel must have a finite sum above 0, got 0"),
        (torch.ones(3), TypeError, r"floats of the shape \(h, w\), got \(3,\)"),
        (torch.ones(17, 3), ValueError, "the kernel must be at most 16 x 16, twice the image, got 17 x 3"),
    ],
)
def test_kernels_that_cannot_be_used_are_refused(kernel, error, sentence):
    with pytest.raises(error, match=sentence):
        blur(torch.zeros(1, 1, 8, 8), kernel)


def test_figures_that_cannot_be_used_are_refused():
    images = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match="noise_to_signal must be above 0, got 0"):
        wiener_deconvolution(images, torch.ones(1, 1), noise_to_signal=0.0)
    with pytest.raises(ValueError, match=r"images must lie in 0..1, got 0 to 200"):
        wiener_deconvolution(images + torch.tensor([200.0, 0.0] * 4), torch.ones(1, 1), noise_to_signal=0.1)
    with pytest.raises(ValueError, match="sigma_px must be above 0 pixels, got -1"):
        gaussian_kernel(-1.0)
    with pytest.raises(ValueError, match="length_px must be at least 1"):
        motion_kernel(0.5, 0.0)
