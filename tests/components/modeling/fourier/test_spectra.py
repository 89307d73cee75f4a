"""Spectra against their definitions and against scipy."""

import numpy as np
import pytest
import scipy.fft
import torch

from components.modeling.fourier.spectra import log_ring_power, spectrum

SHAPES = [(1, 1), (1, 7), (9, 1), (16, 16), (15, 22)]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def sine(side: int, waves: int) -> torch.Tensor:
    across = 0.5 + 0.25 * torch.sin(2 * torch.pi * waves * torch.arange(side) / side)
    return across.repeat(1, 1, side, 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_energy_of_a_spectrum_is_that_of_the_pixels(shape):
    images = noise(2, 3, *shape)
    magnitudes = spectrum(images).magnitude_BCHW
    torch.testing.assert_close(magnitudes.square().sum(dim=(-2, -1)), images.square().sum(dim=(-2, -1)))


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_comes_back_from_its_spectrum(shape):
    images = noise(2, 3, *shape)
    found = spectrum(images)
    values = torch.fft.ifftshift(torch.polar(found.magnitude_BCHW, found.phase_BCHW), dim=(-2, -1))
    torch.testing.assert_close(torch.fft.ifft2(values, norm="ortho").real, images, atol=1e-6, rtol=0)


def test_magnitude_and_phase_are_scipys(photos):
    expected = scipy.fft.fftshift(scipy.fft.fft2(photos.double().numpy(), norm="ortho"), axes=(-2, -1))
    found = spectrum(photos)
    np.testing.assert_allclose(found.magnitude_BCHW.numpy(), np.abs(expected), atol=1e-5)
    strong = np.abs(expected) > 0.1
    turned = np.exp(1j * (found.phase_BCHW.numpy() - np.angle(expected)))
    np.testing.assert_allclose(turned[strong], 1.0, atol=1e-3)


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (1, 64), (256, 256)])
def test_white_noise_has_its_variance_in_every_ring_at_any_size(shape):
    images = 0.5 + 0.1 * torch.randn((64, 3, *shape), generator=torch.Generator().manual_seed(1))
    rings = log_ring_power(images, 8)
    assert rings.shape == (64, 8)
    np.testing.assert_allclose((10**rings).mean(dim=0).numpy(), 0.01, rtol=0.15)


@pytest.mark.parametrize(("waves", "ring"), [(3, 0), (10, 2), (31, 7)])
def test_a_wave_shows_in_its_own_ring(waves, ring):
    rings = log_ring_power(sine(64, waves), 8)[0]
    assert rings.argmax() == ring
    others = torch.cat([rings[: max(ring - 1, 0)], rings[ring + 2 :]])
    assert rings[ring] - others.max() > 2


def test_the_power_of_rings_is_the_mean_of_scipys():
    images = noise(3, 2, 20, 30)
    profiles = [np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 for side in (20, 30)]
    window = np.outer(*profiles)
    window /= np.sqrt((window**2).mean())
    centred = images.double().numpy() - images.double().numpy().mean(axis=(-2, -1), keepdims=True)
    power = (np.abs(scipy.fft.fft2(centred * window, norm="ortho")) ** 2).mean(axis=1)
    radius = 2 * np.hypot(np.fft.fftfreq(20)[:, None], np.fft.fftfreq(30)[None, :])
    rings = [(radius > ring / 5 + 1e-9) & (radius <= (ring + 1) / 5 + 1e-9) for ring in range(5)]
    expected = np.stack([power[:, inside].mean(axis=1) for inside in rings], axis=1)
    np.testing.assert_allclose(log_ring_power(images, 5).numpy(), np.log10(expected + 1e-6), atol=1e-4)


@pytest.mark.parametrize("side", [8, 9, 10, 31, 100])
def test_the_finest_division_leaves_no_ring_without_a_frequency(side):
    rings = log_ring_power(noise(1, 1, side, side), side // 2)
    assert torch.isfinite(rings).all()
    assert (rings > -6).all()


def test_a_flat_image_has_no_power():
    assert log_ring_power(torch.full((1, 3, 16, 16), 0.7), 4).tolist() == [pytest.approx([-6.0] * 4, abs=1e-3)]


def test_no_images_have_no_spectra():
    assert log_ring_power(torch.zeros(0, 3, 16, 16), 4).shape == (0, 4)


def test_autocast_changes_nothing(photos):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = log_ring_power(photos, 16)
    assert within.dtype == torch.float32
    assert torch.equal(within, log_ring_power(photos, 16))


def test_other_images_of_the_batch_change_nothing(photos):
    together = log_ring_power(photos, 16)
    torch.testing.assert_close(log_ring_power(photos[1:], 16), together[1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "error", "sentence"),
    [
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), TypeError, "floats in 0..1, got torch.uint8: divide"),
        (np.zeros((1, 3, 8, 8)), TypeError, "must be a tensor of floats in 0..1, got ndarray"),
        (torch.zeros(3, 8, 8), ValueError, r"must have the shape \(B, C, H, W\) with pixels in it, got \(3, 8, 8\)"),
        (torch.zeros(1, 3, 0, 8), ValueError, r"got \(1, 3, 0, 8\)"),
        (torch.zeros(0, 3, 8, 8), ValueError, r"got \(0, 3, 8, 8\)"),
        (torch.full((1, 3, 8, 8), torch.nan), ValueError, "must be finite"),
    ],
)
def test_what_is_no_batch_of_images_is_refused(images, error, sentence):
    with pytest.raises(error, match=sentence):
        spectrum(images)


@pytest.mark.parametrize("num_bins", [0, 5])
def test_a_ring_must_have_room_for_a_frequency(num_bins):
    with pytest.raises(ValueError, match="num_bins must be 1 to half the longer side, 4 for images of 8 x 6 pixels"):
        log_ring_power(torch.zeros(1, 1, 8, 6), num_bins)


@pytest.mark.gpu
def test_cpu_and_gpu_agree_on_spectra(photos):
    on_gpu = log_ring_power(photos.cuda(), 32).cpu()
    torch.testing.assert_close(on_gpu, log_ring_power(photos, 32), rtol=0, atol=1e-4)
