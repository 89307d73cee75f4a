"""From 8-bit pixels to the numbers that a network takes, the same code for training and serving.

Shapes: B images, H height, W width, C channels.
"""

from functools import lru_cache
from typing import get_args

import torch

from components.modeling.images.channel_statistics import ChannelStatistics, Normalization

_SMALLEST_STD = 1.0
_OFFSETS_AND_SCALES = {"min_max": (0.0, 255.0), "standard": (127.5, 127.5)}


def normalize(images_BHWC: torch.Tensor, normalization: Normalization | ChannelStatistics) -> torch.Tensor:
    """Normalise 8-bit images, shape (B, H, W, C), on their device.

    Returns the shape (B, C, H, W), float32, channels last in memory: 0..1 for `min_max`, -1..1 for `standard`; with
    channel statistics the distance from the mean in standard deviations, each counted as one grey level at least. CPU,
    CUDA and numpy in float32 agree within 1e-6 of the largest value. TypeError if the images are not uint8; ValueError
    for another shape, normalisation or number of channels.
    """
    return _scaled(_pixels(images_BHWC), normalization)


def unit_pixels(images_BHWC: torch.Tensor) -> torch.Tensor:
    """8-bit images as numbers in 0..1, shape (B, C, H, W), float32; raises as `normalize`."""
    return _pixels(images_BHWC) / 255.0


def normalize_unit_pixels(images_BCHW: torch.Tensor, normalization: Normalization | ChannelStatistics) -> torch.Tensor:
    """Normalise images in 0..1, shape (B, C, H, W), float32, as `normalize` those in 0..255.

    After a filter they are no whole numbers any more.
    """
    return _scaled(images_BCHW.to(memory_format=torch.channels_last) * 255.0, normalization)


def _pixels(images_BHWC: torch.Tensor) -> torch.Tensor:
    if images_BHWC.dtype != torch.uint8:
        raise TypeError(f"images must be uint8, got {images_BHWC.dtype}")
    if images_BHWC.ndim != 4:
        raise ValueError(f"images must have the shape (B, H, W, C), got {tuple(images_BHWC.shape)}")
    return images_BHWC.permute(0, 3, 1, 2).to(torch.float32)


def _scaled(pixels_BCHW: torch.Tensor, normalization: Normalization | ChannelStatistics) -> torch.Tensor:
    """Pixels in 0..255, less an offset, over a scale; written over what is given."""
    if isinstance(normalization, ChannelStatistics):
        if len(normalization.mean) != pixels_BCHW.shape[1]:
            raise ValueError(
                f"images must have {len(normalization.mean)} channels as the statistics do, got {pixels_BCHW.shape[1]}"
            )
        mean_C11, std_C11 = _channel_values(tuple(normalization.mean), tuple(normalization.std), pixels_BCHW.device)
        return pixels_BCHW.sub_(mean_C11).div_(std_C11)
    if normalization not in _OFFSETS_AND_SCALES:
        remedy = ": pass the statistics of the training images" if normalization == "channel" else ""
        raise ValueError(
            f"normalization must be one of {get_args(Normalization)}, channel by its statistics, "
            f"got {normalization!r}{remedy}"
        )
    offset, scale = _OFFSETS_AND_SCALES[normalization]
    return pixels_BCHW.sub_(offset).div_(scale)


@lru_cache(maxsize=64)
def _channel_values(
    mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and divisors on a device, shape (C, 1, 1) each: copied once, for a copy a batch would hold a GPU up."""
    divisors = [max(value, _SMALLEST_STD) for value in std]
    with torch.inference_mode(False):
        mean_C11, std_C11 = (
            torch.tensor(values, dtype=torch.float32, device=device)[:, None, None] for values in (mean, divisors)
        )
    return mean_C11, std_C11
