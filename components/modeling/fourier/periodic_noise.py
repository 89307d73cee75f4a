"""Periodic noise: waves that stand out of an image's spectrum are found, measured and removed.

Shapes: C channels, H height, W width, V = W // 2 + 1 columns of `rfft2`, K directions, M waves.
"""

from functools import lru_cache

import torch
from torch.nn import functional

from components.modeling.fourier.spectra import check_images, frequency_radius

_SMALLEST_SIDE_PX = 16
_PROMINENCE = 2.1  # a magnitude 8 times that of its surroundings; photos and noise stay below 6
_REACH = 7  # how far the surroundings reach to each side, values of the spectrum
_LOBE = 2  # how far a wave's own peak reaches
_COARSEST_WAVES = 4.0  # waves along a side, below which a wave is taken for content
_ROUNDS = 4
_MAX_WAVES = 24  # a round
_SMALLEST_POWER = 1e-9


def remove_periodic_noise(images_BCHW: torch.Tensor, *, prominence: float = _PROMINENCE) -> torch.Tensor:
    """Find waves laid over an image, moire or interference, and remove them.

    A wave is a pair of peaks of the spectrum whose magnitude stands out of its surroundings in every direction: edges
    make lines, which do not. Its frequency is refined to a fraction of a value, so that a notch as narrow as the image
    allows removes it and nothing else. A regular texture of the scene is taken for noise too.

    Parameters
    ----------
    images_BCHW
        Shape (B, C, H, W), float in 0..1; computed in float32 on its device. Images with a side below 16 pixels come
        back as they are: there a wave cannot be told from content.
    prominence
        Natural logarithm of how many times stronger than its surroundings a peak must be, above 0.

    Returns
    -------
    torch.Tensor
        Shape (B, C, H, W), float32 in 0..1.

    Raises
    ------
    TypeError, ValueError
        If the images cannot be used (`check_images`), or `prominence` is not above 0.

    References
    ----------
    Notch filters: Gonzalez and Woods, "Digital Image Processing", 4th edition, section 5.4; the strongest first, then
    looking again: Hoegbom, "Aperture Synthesis with a Non-Regular Distribution of Interferometer Baselines" (1974).
    """
    check_images(images_BCHW, in_range=True)
    if not 0.0 < prominence < float("inf"):
        raise ValueError(f"prominence must be above 0, got {prominence!r}")
    if min(images_BCHW.shape[-2:]) < _SMALLEST_SIDE_PX:
        return images_BCHW.float()
    with torch.autocast(images_BCHW.device.type, enabled=False):
        cleaned = [_without_waves(image_CHW, prominence) for image_CHW in images_BCHW.float()]
    return torch.stack(cleaned).clamp(0.0, 1.0)


def wave_prominence(image_CHW: torch.Tensor) -> torch.Tensor:
    """How far each value of a spectrum stands out of its surroundings, shape (H, V), float32; both sides 16 or more.

    Natural logarithm of its magnitude over that of its surroundings, in the direction in which it stands out least; 0
    for what is too coarse to be told.
    """
    height, width = image_CHW.shape[-2:]
    centred_CHW = image_CHW - image_CHW.mean(dim=(-2, -1), keepdim=True)
    window_HW = _hann(height, width, image_CHW.device)
    power_HW = torch.fft.fft2(centred_CHW * window_HW, norm="ortho").abs().square().sum(dim=0)
    level_HW = 0.5 * (power_HW + _SMALLEST_POWER).log()
    reach = min(_REACH, (min(height, width) - 1) // 2)
    around = functional.pad(level_HW[None, None], (reach,) * 4, mode="circular")
    surroundings_KHW = functional.conv2d(around, _directions(reach).to(image_CHW))[0]
    prominence_HV = (level_HW - surroundings_KHW.amax(dim=0))[:, : width // 2 + 1]
    waves_HV = frequency_radius(height, width, image_CHW.device) * (min(height, width) / 2.0)
    return prominence_HV.masked_fill(waves_HV < _COARSEST_WAVES, 0.0)


def _without_waves(image_CHW: torch.Tensor, prominence: float) -> torch.Tensor:
    for _ in range(_ROUNDS):
        frequencies_M2 = _waves(image_CHW, prominence)
        if not len(frequencies_M2):
            break
        for frequency_2 in frequencies_M2:
            image_CHW = image_CHW - _wave(image_CHW, _refined(image_CHW, frequency_2))
    return image_CHW


def _waves(image_CHW: torch.Tensor, prominence: float) -> torch.Tensor:
    """Frequencies of the peaks, the most prominent first, shape (M, 2), float64: cycles a pixel down and across."""
    height, width = image_CHW.shape[-2:]
    prominence_HV = wave_prominence(image_CHW)
    size = 2 * _LOBE + 1
    largest_HV = functional.max_pool2d(prominence_HV[None, None], size, stride=1, padding=_LOBE)[0, 0]
    peaks_M = torch.nonzero(((prominence_HV >= prominence) & (prominence_HV == largest_HV)).flatten()).flatten()
    strongest = prominence_HV.flatten()[peaks_M].argsort(descending=True, stable=True)[:_MAX_WAVES]
    row_M, column_M = peaks_M[strongest] // (width // 2 + 1), peaks_M[strongest] % (width // 2 + 1)
    down_H = torch.fft.fftfreq(height, dtype=torch.float64, device=image_CHW.device)
    return torch.stack([down_H[row_M], column_M.double() / width], dim=1)


def _refined(image_CHW: torch.Tensor, frequency_2: torch.Tensor) -> torch.Tensor:
    """The frequency near a peak at which the windowed image is strongest, shape (2,), cycles a pixel."""
    height, width = image_CHW.shape[-2:]
    weighted_CHW = (image_CHW * _hann(height, width, image_CHW.device)).to(torch.complex128)
    steps_S = torch.linspace(-1.0, 1.0, 5, dtype=torch.float64, device=image_CHW.device)
    span_2 = torch.tensor([0.5 / height, 0.5 / width], dtype=torch.float64, device=image_CHW.device)
    for _ in range(5):
        down_SH = _oscillation(frequency_2[0] + span_2[0] * steps_S, height)
        across_SW = _oscillation(frequency_2[1] + span_2[1] * steps_S, width)
        power_SS = torch.einsum("sh,chw,tw->cst", down_SH, weighted_CHW, across_SW).abs().square().sum(dim=0)
        best = int(power_SS.argmax())
        frequency_2 = frequency_2 + span_2 * torch.stack([steps_S[best // 5], steps_S[best % 5]])
        span_2 = span_2 / 3.0
    return frequency_2


def _wave(image_CHW: torch.Tensor, frequency_2: torch.Tensor) -> torch.Tensor:
    """The wave of a frequency that fits each channel best in the window, shape (C, H, W), float32."""
    height, width = image_CHW.shape[-2:]
    down_H1 = _oscillation(frequency_2[:1], height)[0, :, None]
    across_1W = _oscillation(frequency_2[1:], width)[0, None, :]
    turning_HW = down_H1 * across_1W
    pair_2F = torch.stack([turning_HW.real, turning_HW.imag]).flatten(1)
    weighted_2F = pair_2F * _hann(height, width, image_CHW.device).double().flatten()
    gram_22 = weighted_2F @ pair_2F.T
    centred_CF = (image_CHW - image_CHW.mean(dim=(-2, -1), keepdim=True)).double().flatten(1)
    # Where cosine and sine are the same, at the finest frequency, the pseudo-inverse takes one of them.
    amplitudes_C2 = centred_CF @ weighted_2F.T @ torch.linalg.pinv(gram_22, rtol=1e-6)
    return (amplitudes_C2 @ pair_2F).reshape(image_CHW.shape).float()


def _oscillation(frequencies_S: torch.Tensor, side: int) -> torch.Tensor:
    """Shape (S, side), complex128."""
    places = torch.arange(side, dtype=torch.float64, device=frequencies_S.device) - (side - 1) / 2.0
    return torch.polar(
        torch.ones((), dtype=torch.float64, device=places.device), -2.0 * torch.pi * torch.outer(frequencies_S, places)
    )


@lru_cache(maxsize=16)
def _hann(height: int, width: int, device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):
        sides = (torch.sin(torch.pi * (torch.arange(side) + 0.5) / side).square() for side in (height, width))
        return torch.outer(*sides).to(device)


@lru_cache(maxsize=16)
def _directions(reach: int) -> torch.Tensor:
    """Means over the surroundings as a whole and along four lines, without the peak itself, shape (5, 1, S, S)."""
    with torch.inference_mode(False):
        size = 2 * reach + 1
        whole = torch.ones(size, size)
        line = torch.arange(size)
        kernels = torch.zeros(5, size, size)
        kernels[0] = whole
        kernels[1, reach], kernels[2, :, reach] = 1.0, 1.0
        kernels[3, line, line], kernels[4, line, line.flip(0)] = 1.0, 1.0
        lobe = slice(reach - _LOBE, reach + _LOBE + 1)
        kernels[:, lobe, lobe] = 0.0
        return (kernels / kernels.sum(dim=(1, 2), keepdim=True))[:, None]
