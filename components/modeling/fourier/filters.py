"""Low-pass, high-pass and band-pass filters.

Shapes: B images, C channels, H height, W width. Cut-offs are shares of the Nyquist frequency, half a cycle a pixel.
"""

from functools import lru_cache

import torch
from torch.nn import functional

from components.modeling.fourier.settings import FourierSettings
from components.modeling.fourier.spectra import check_images, frequency_radius

_ORDER = 2  # higher orders ring, says the source
_MARGIN_PX = 16
_MIDDLE_GREY = 0.5


def filter_frequencies(
    images_BCHW: torch.Tensor, *, low: float | None = None, high: float | None = None
) -> torch.Tensor:
    """Keep the frequencies between two cut-offs, with smooth edges.

    Borders are mirrored before and cut off after, so that one side does not bleed into the opposite one.

    Parameters
    ----------
    images_BCHW
        Shape (B, C, H, W), float; computed in float32 on its device, autocast or not.
    low
        Cut-off below which frequencies go, the mean with them, above 0; None keeps them.
    high
        Cut-off above which frequencies go, above 0; None keeps them.

    Returns
    -------
    torch.Tensor
        Shape (B, C, H, W), float32; half the amplitude is left at a cut-off, 1/17 an octave beyond it. With `low` the
        mean is about 0. CPU and CUDA agree within 1e-5.

    Raises
    ------
    TypeError, ValueError
        If the images cannot be used (`check_images`), a cut-off is not above 0, or `low` is not below `high`.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", 4th edition, sections 4.8 and 4.9: Butterworth filters.
    """
    check_images(images_BCHW)
    for name, value in (("low", low), ("high", high)):
        if value is not None and not 0.0 < value < float("inf"):
            raise ValueError(f"{name} must be a share of the Nyquist frequency, above 0, got {value!r}")
    if low is not None and high is not None and low >= high:
        raise ValueError(f"low must be below high, got {low} and {high}")
    return _between(images_BCHW, low, high)


def filtered_images(images_BCHW: torch.Tensor, settings: FourierSettings) -> torch.Tensor:
    """Filtered images in 0..1, shape (B, C, H, W), float32, from finite ones; a lost mean is replaced by 0.5.

    Nothing waits for the device to check the values.
    """
    if settings.filter == "none" or not len(images_BCHW):
        return images_BCHW
    filtered_BCHW = _between(images_BCHW, settings.low, settings.high)
    return (filtered_BCHW if settings.low is None else filtered_BCHW + _MIDDLE_GREY).clamp(0.0, 1.0)


def _between(images_BCHW: torch.Tensor, low: float | None, high: float | None) -> torch.Tensor:
    height, width = images_BCHW.shape[-2:]
    top, left = min(_MARGIN_PX, height - 1), min(_MARGIN_PX, width - 1)
    with torch.autocast(images_BCHW.device.type, enabled=False):
        padded_BCHW = functional.pad(images_BCHW.float().contiguous(), (left, left, top, top), mode="reflect")
        size = (height + 2 * top, width + 2 * left)
        gain_HV = _gain(*size, low, high, images_BCHW.device)
        filtered_BCHW = torch.fft.irfft2(torch.fft.rfft2(padded_BCHW) * gain_HV, s=size)
    return filtered_BCHW[..., top : top + height, left : left + width]


@lru_cache(maxsize=16)
def _gain(height: int, width: int, low: float | None, high: float | None, device: torch.device) -> torch.Tensor:
    """Shape (H, W // 2 + 1), 0 to 1."""
    with torch.inference_mode(False):
        radius_HV = frequency_radius(height, width, torch.device("cpu")).double()
        gain_HV = torch.ones_like(radius_HV)
        if high is not None:
            gain_HV = gain_HV / (1.0 + (radius_HV / high) ** (2 * _ORDER))
        if low is not None:
            gain_HV = gain_HV * (1.0 - 1.0 / (1.0 + (radius_HV / low) ** (2 * _ORDER)))
        return gain_HV.float().to(device)
