"""Compression to the strongest frequencies, and how much is lost by it.

Shapes: B images, C channels, H height, W width.
"""

from dataclasses import dataclass
import math

import torch

from components.modeling.fourier.spectra import check_images

_VALUE_BITS = 64  # two floats of 32 bits
_PIXEL_BITS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Compressed:
    """Images of which only the strongest frequencies are kept.

    Attributes
    ----------
    images_BCHW
        Shape (B, C, H, W), float32 in 0..1.
    psnr_B
        Shape (B,), float32, decibels: see `psnr`.
    kept_values
        Complex numbers kept for each channel of an image.
    ratio
        Bits of the 8-bit pixels over those of the kept values: 64 for a complex number, and what its position takes.
    """

    images_BCHW: torch.Tensor
    psnr_B: torch.Tensor
    kept_values: int
    ratio: float


def compress(images_BCHW: torch.Tensor, share: float) -> Compressed:
    """Keep the strongest frequencies of each channel.

    A frequency and its mirror image hold the same number of a real image, so each pair is kept and counted once.

    Parameters
    ----------
    images_BCHW
        Shape (B, C, H, W), float in 0..1.
    share
        Share of the H * W frequencies to keep, above 0 to 1; at least the strongest one is kept.

    Raises
    ------
    TypeError, ValueError
        If the images are not such images (`check_images`), or `share` is out of range.
    """
    check_images(images_BCHW, in_range=True)
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share must lie above 0 to 1, got {share!r}")
    height, width = images_BCHW.shape[-2:]
    with torch.autocast(images_BCHW.device.type, enabled=False):
        values_BCF = torch.fft.rfft2(images_BCHW.float(), norm="ortho").flatten(2)
        redundant_F = _redundant(height, width, images_BCHW.device)
        strength_BCF = values_BCF.abs() * _weights(height, width, images_BCHW.device)
        order_BCF = strength_BCF.masked_fill(redundant_F, -1.0).argsort(dim=-1, descending=True, stable=True)
        kept_values = _num_kept(height, width, share, int((~redundant_F).sum()))
        kept_BCF = torch.zeros_like(values_BCF)
        chosen_BCF = order_BCF[..., :kept_values]
        kept_BCF.scatter_(-1, chosen_BCF, values_BCF.gather(-1, chosen_BCF))
        halves_BCHV = _completed(kept_BCF.unflatten(-1, (height, width // 2 + 1)), width)
        restored_BCHW = torch.fft.irfft2(halves_BCHV, s=(height, width), norm="ortho").clamp(0.0, 1.0)
    bits = kept_values * (_VALUE_BITS + max(math.ceil(math.log2(height * width)), 1))
    return Compressed(
        images_BCHW=restored_BCHW,
        psnr_B=psnr(images_BCHW, restored_BCHW),
        kept_values=kept_values,
        ratio=height * width * _PIXEL_BITS / bits,
    )


def psnr(reference_BCHW: torch.Tensor, current_BCHW: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio of images in 0..1, shape (B, C, H, W) both; ValueError if their shapes differ.

    Shape (B,), float32, decibels; infinite where the images are the same.
    """
    if reference_BCHW.shape != current_BCHW.shape:
        raise ValueError(
            f"both images must have one shape, got {tuple(reference_BCHW.shape)} and {tuple(current_BCHW.shape)}"
        )
    error_B = (reference_BCHW.double() - current_BCHW.double()).square().flatten(1).mean(dim=1)
    return (-10.0 * error_B.log10()).float()


def _num_kept(height: int, width: int, share: float, num_distinct: int) -> int:
    # Nearly every value stands for two frequencies.
    return min(max(round(share * height * width / 2), 1), num_distinct) if share < 1.0 else num_distinct


def _self_mirrored_columns(width: int) -> list[int]:
    return [0, width // 2] if width % 2 == 0 else [0]


def _redundant(height: int, width: int, device: torch.device) -> torch.Tensor:
    """Which values of `rfft2` are the mirror image of another, shape (H * (W // 2 + 1),), bool."""
    redundant_HV = torch.zeros(height, width // 2 + 1, dtype=torch.bool, device=device)
    for column in _self_mirrored_columns(width):
        redundant_HV[height // 2 + 1 :, column] = True
    return redundant_HV.flatten()


def _weights(height: int, width: int, device: torch.device) -> torch.Tensor:
    """Square root of how many frequencies a value stands for, shape (H * (W // 2 + 1),)."""
    weights_HV = torch.full((height, width // 2 + 1), math.sqrt(2.0), device=device)
    for row in [0, height // 2] if height % 2 == 0 else [0]:
        for column in _self_mirrored_columns(width):
            weights_HV[row, column] = 1.0
    return weights_HV.flatten()


def _completed(halves_BCHV: torch.Tensor, width: int) -> torch.Tensor:
    """Fill in the mirror images that `rfft2` holds twice."""
    height = halves_BCHV.shape[-2]
    for column in _self_mirrored_columns(width):
        mirrored = halves_BCHV[..., 1 : (height + 1) // 2, column].flip(-1).conj()
        halves_BCHV[..., height // 2 + 1 :, column] = mirrored
    return halves_BCHV
