"""Stored images and their frequencies: spectra, filters, restoration and compression, with what each gains or costs.

Shapes: H height, W width, C channels, B images (one).
"""

import math

import numpy as np
from PIL import Image
import torch

from components.feature_engineering.contact_sheet import evenly_spread_images
from components.modeling.fourier.compression import compress, psnr
from components.modeling.fourier.deconvolution import blur, gaussian_kernel, wiener_deconvolution
from components.modeling.fourier.filters import filter_frequencies
from components.modeling.fourier.periodic_noise import remove_periodic_noise
from components.modeling.fourier.spectra import spectrum
from components.modeling.images.decoding import encode_png
from components.reporting.page import Picture
from components.shared.feature_store.store import FeatureStore

_NUM_IMAGES = 2
_LARGEST_SIDE_PX = 128
_SMALLEST_SHOWN_PX = 96
_CUT_OFF = 0.25
_BLUR_PX = 1.5
_NOISE = 1.0 / 255.0
_NOISE_TO_SIGNAL = 0.003
_WAVE_AMPLITUDE = 0.1
_WAVE_FREQUENCIES = (0.137, 0.211)  # cycles a pixel, down and across
_KEPT_SHARE = 0.05


def fourier_gallery(store: FeatureStore) -> list[list[Picture]]:
    """`fourier_steps` of two images, evenly spread over the training split; fewer where the split is smaller."""
    rows: list[list[Picture]] = []
    for row, image_HWC in evenly_spread_images(store, _NUM_IMAGES):
        name = store.class_names[store.labels[row]]
        rows.append([_picture(image_BCHW, name, what) for what, image_BCHW in fourier_steps(image_HWC)])
    return rows


def fourier_steps(image_HWC: np.ndarray) -> list[tuple[str, torch.Tensor]]:
    """What the gallery shows of an image (H, W, 3), uint8: nine captions and their pixels (1, C, H, W).

    As stored, its spectrum, low-pass, high-pass, blurred, restored, with a wave, without, compressed; float32 in 0..1,
    at most 128 a side. Captions hold peak signal-to-noise ratios.
    """
    original = _unit(image_HWC)
    return [
        ("as stored", original),
        ("its spectrum, logarithmic", _log_magnitude(original)),
        (f"low-pass at {_CUT_OFF:g} of the Nyquist frequency", filter_frequencies(original, high=_CUT_OFF)),
        (f"high-pass at {_CUT_OFF:g}, around middle grey", filter_frequencies(original, low=_CUT_OFF) + 0.5),
        *_blurred_and_restored(original),
        *_with_wave_and_without(original),
        _compressed(original),
    ]


def _blurred_and_restored(original: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    kernel = gaussian_kernel(_BLUR_PX)
    noise = _NOISE * torch.randn(original.shape, generator=torch.Generator().manual_seed(0))
    harmed = _as_stored(blur(original, kernel) + noise)
    restored = wiener_deconvolution(harmed, kernel, noise_to_signal=_NOISE_TO_SIGNAL)
    return [
        (f"blurred by {_BLUR_PX:g} pixels, and a little noise: {_decibels(original, harmed)}", harmed),
        (f"restored by Wiener deconvolution: {_decibels(original, restored)}", restored),
    ]


def _with_wave_and_without(original: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    height, width = original.shape[-2:]
    down, across = (2.0 * math.pi * frequency for frequency in _WAVE_FREQUENCIES)
    wave_HW = torch.sin(down * torch.arange(height)[:, None] + across * torch.arange(width)[None, :])
    harmed = _as_stored(original + _WAVE_AMPLITUDE * wave_HW)
    cleaned = remove_periodic_noise(harmed)
    return [
        (f"with periodic noise: {_decibels(original, harmed)}", harmed),
        (f"its peaks found and taken out: {_decibels(original, cleaned)}", cleaned),
    ]


def _compressed(original: torch.Tensor) -> tuple[str, torch.Tensor]:
    kept = compress(original, _KEPT_SHARE)
    return (
        f"the strongest {_KEPT_SHARE:.0%} of its frequencies: {_decibels(original, kept.images_BCHW)}, "
        f"{kept.ratio:.1f} times smaller",
        kept.images_BCHW,
    )


def _log_magnitude(original: torch.Tensor) -> torch.Tensor:
    """Mean over channels, from black where there is hardly anything to white where there is most."""
    levels = spectrum(original).magnitude_BCHW.mean(dim=1, keepdim=True).clamp(min=1e-4).log()
    lowest, highest = levels.amin(), levels.amax()
    return (levels - lowest) / (highest - lowest).clamp(min=1e-6)


def _decibels(original: torch.Tensor, current: torch.Tensor) -> str:
    return f"PSNR {float(psnr(original, current)):.1f} dB"


def _as_stored(image: torch.Tensor) -> torch.Tensor:
    return (image.clamp(0.0, 1.0) * 255.0).round() / 255.0


def _unit(image_HWC: np.ndarray) -> torch.Tensor:
    image = Image.fromarray(image_HWC)
    image.thumbnail((_LARGEST_SIDE_PX, _LARGEST_SIDE_PX), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255.0


def _picture(image_BCHW: torch.Tensor, name: str, what: str) -> Picture:
    pixels_HWC = (image_BCHW[0].clamp(0.0, 1.0) * 255.0).round().byte().permute(1, 2, 0).numpy()
    shown = Image.fromarray(np.repeat(pixels_HWC, 3 // pixels_HWC.shape[2], axis=2))
    enlarged = max(_SMALLEST_SHOWN_PX / max(shown.size), 1.0)
    if enlarged > 1.0:
        shown = shown.resize([max(round(side * enlarged), 1) for side in shown.size], Image.Resampling.NEAREST)
    return Picture(
        data=encode_png(np.asarray(shown)), caption=f"{name}, {what}", alternative=f"an example of {name}, {what}"
    )
