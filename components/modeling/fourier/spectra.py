"""Spectra of images: magnitude and phase, and the power of every ring of frequencies.

Shapes: B images, C channels, H height, W width, K rings. Frequencies are counted in shares of the Nyquist frequency, of
half a cycle a pixel: 0 is the mean, 1 the finest pattern along an axis; the corners reach the square root of 2.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch

_SMALLEST_POWER = 1e-6  # about the power of rounding to 8 bits
_RANGE_SLACK = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Spectrum:
    """Magnitude and phase of images.

    Attributes
    ----------
    magnitude_BCHW
        Shape (B, C, H, W), float32, 0 or more; the squares add up to those of the pixels (Parseval).
    phase_BCHW
        Shape (B, C, H, W), float32, radians, -pi to pi.
    """

    magnitude_BCHW: torch.Tensor
    phase_BCHW: torch.Tensor


def spectrum(images_BCHW: torch.Tensor) -> Spectrum:
    """Magnitude and phase of images, the frequency 0 in the middle, at (H // 2, W // 2).

    Parameters
    ----------
    images_BCHW
        Shape (B, C, H, W), float; computed in float32 on its device.

    Raises
    ------
    TypeError, ValueError
        If the images cannot be used (`check_images`).
    """
    check_images(images_BCHW)
    with _full_precision(images_BCHW):
        values_BCHW = torch.fft.fftshift(torch.fft.fft2(images_BCHW.float(), norm="ortho"), dim=(-2, -1))
        return Spectrum(magnitude_BCHW=values_BCHW.abs(), phase_BCHW=values_BCHW.angle())


def log_ring_power(images_BCHW: torch.Tensor, num_bins: int) -> torch.Tensor:
    """Radial power spectrum: base-10 logarithm of the mean power in K = `num_bins` rings of frequencies.

    Each channel's mean is subtracted and a Hann window applied, so that what differs between opposite borders does not
    count as detail. Power is that of a pixel: white noise of the variance v has v in every ring at any size. Ring k
    reaches from k / K, exclusive, to (k + 1) / K of the Nyquist frequency; K is 1 to half the longer side, so that
    every ring holds a frequency. Images, shape (B, C, H, W), float in 0..1, must be finite: nothing waits for the
    device to check it. Returns the shape (B, K), float32, mean over channels, -6 for no power; CPU and CUDA agree
    within 1e-4.
    """
    height, width = images_BCHW.shape[-2:]
    if not 1 <= num_bins <= max(height, width) // 2:
        raise ValueError(
            f"num_bins must be 1 to half the longer side, {max(height, width) // 2} for images of "
            f"{height} x {width} pixels, got {num_bins!r}"
        )
    if not len(images_BCHW):
        return torch.zeros(0, num_bins, device=images_BCHW.device)
    with _full_precision(images_BCHW):
        centred_BCHW = images_BCHW.float() - images_BCHW.float().mean(dim=(-2, -1), keepdim=True)
        values_BCHV = torch.fft.rfft2(centred_BCHW * _window(height, width, images_BCHW.device), norm="ortho")
        power_BF = values_BCHV.abs().square().mean(dim=1).flatten(1)
        # In float64 no setting of TensorFloat-32 matters, and the order of the sum does not show.
        ring_BK = power_BF.double() @ _ring_shares(height, width, num_bins, images_BCHW.device)
        return (ring_BK + _SMALLEST_POWER).log10().float()


def frequency_radius(height: int, width: int, device: torch.device) -> torch.Tensor:
    """How fine each value of `torch.fft.rfft2` is: shape (H, W // 2 + 1), float32, shares of the Nyquist frequency."""
    down_H = torch.fft.fftfreq(height, device=device) * 2.0
    across_V = torch.fft.rfftfreq(width, device=device) * 2.0
    return torch.hypot(down_H[:, None], across_V[None, :])


def check_images(images_BCHW: torch.Tensor, *, in_range: bool = False) -> None:
    """Check a batch of images, shape (B, C, H, W), float; with `in_range` pixels must lie in 0..1.

    TypeError for another type; ValueError for another shape, no pixel, or pixels that are not finite or out of range.
    """
    if not isinstance(images_BCHW, torch.Tensor) or not images_BCHW.is_floating_point():
        found = images_BCHW.dtype if isinstance(images_BCHW, torch.Tensor) else type(images_BCHW).__name__
        raise TypeError(f"images must be a tensor of floats in 0..1, got {found}: divide 8-bit pixels by 255")
    if images_BCHW.ndim != 4 or 0 in images_BCHW.shape:
        raise ValueError(f"images must have the shape (B, C, H, W) with pixels in it, got {tuple(images_BCHW.shape)}")
    if not bool(torch.isfinite(images_BCHW).all()):
        raise ValueError("images must be finite, but hold NaN or infinity")
    if in_range:
        smallest, largest = (float(value) for value in images_BCHW.aminmax())
        if smallest < -_RANGE_SLACK or largest > 1.0 + _RANGE_SLACK:
            raise ValueError(f"images must lie in 0..1, got {smallest:.4g} to {largest:.4g}")


def _full_precision(images: torch.Tensor) -> torch.autocast:
    return torch.autocast(images.device.type, enabled=False)


@lru_cache(maxsize=16)
def _window(height: int, width: int, device: torch.device) -> torch.Tensor:
    """A Hann window that is nowhere 0 and keeps the power of white noise, shape (H, W)."""
    with torch.inference_mode(False):
        sides = (
            torch.sin(torch.pi * (torch.arange(side, dtype=torch.float64) + 0.5) / side).square()
            for side in (height, width)
        )
        window_HW = torch.outer(*sides)
        return (window_HW / window_HW.square().mean().sqrt()).float().to(device)


@lru_cache(maxsize=16)
def _ring_shares(height: int, width: int, num_bins: int, device: torch.device) -> torch.Tensor:
    """What each value of `rfft2` adds to the mean of each ring, shape (H * (W // 2 + 1), K), float64."""
    with torch.inference_mode(False):
        radius_F = frequency_radius(height, width, torch.device("cpu")).double().flatten()
        ring_F = torch.ceil(radius_F * num_bins - 1e-5).long() - 1
        # All columns but the mean's and, where W is even, the finest stand for their mirror image too.
        column_F = torch.arange(width // 2 + 1).repeat(height)
        twice_F = (column_F > 0) & ((column_F < width // 2) | (width % 2 == 1))
        weights_F = torch.where(twice_F, 2.0, 1.0).double()
        inside_F = (ring_F >= 0) & (ring_F < num_bins)
        shares_FK = torch.zeros(len(ring_F), num_bins, dtype=torch.float64)
        shares_FK[inside_F, ring_F[inside_F]] = weights_F[inside_F]
        return (shares_FK / shares_FK.sum(dim=0)).to(device)
