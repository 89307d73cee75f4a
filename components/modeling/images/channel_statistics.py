"""How pixels are normalised, and what the training images' channels have for it: settings and counts, without torch.

Shapes: C channels, L grey levels.
"""

from dataclasses import dataclass
import math
from typing import Literal

import numpy as np

from components.shared.runtime.errors import ContractError

Normalization = Literal["min_max", "standard", "channel"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelStatistics:
    """Mean and standard deviation of each of the C channels of the training images, grey levels 0..255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.std):
            raise ContractError(f"mean and std must have one number a channel, got {self.mean!r} and {self.std!r}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            for value in values:
                is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
                if not is_number or not 0.0 <= value <= 255.0:
                    raise ContractError(f"{name} must hold grey levels, 0 to 255, got {list(values)!r}")


class ChannelCounts:
    """Counts the grey levels of images, in any order, for their channel statistics."""

    def __init__(self) -> None:
        self._counts_CL: np.ndarray | None = None

    def add(self, images: np.ndarray) -> None:
        """Add training images, shape (..., C), uint8: one or a batch.

        TypeError if they are not uint8, ValueError if their number of channels differs from those before.
        """
        if images.dtype != np.uint8:
            raise TypeError(f"images must be uint8, got {images.dtype}")
        pixels_NC = images.reshape(-1, images.shape[-1])
        if self._counts_CL is not None and len(self._counts_CL) != pixels_NC.shape[1]:
            raise ValueError(f"images must all have {len(self._counts_CL)} channels, got {pixels_NC.shape[1]}")
        counts_CL = np.stack([np.bincount(channel_N, minlength=256) for channel_N in pixels_NC.T])
        self._counts_CL = counts_CL if self._counts_CL is None else self._counts_CL + counts_CL

    def statistics(self) -> ChannelStatistics:
        """Mean and standard deviation of each channel over all pixels; ValueError if there was no pixel."""
        num_pixels = 0 if self._counts_CL is None else int(self._counts_CL[0].sum())
        if self._counts_CL is None or not num_pixels:
            raise ValueError("channel statistics need at least one pixel of a training image, got none")
        levels = np.arange(256)
        sums = [int(counts_L @ levels) for counts_L in self._counts_CL]
        squares = [int(counts_L @ levels**2) for counts_L in self._counts_CL]
        spreads = [num_pixels * square - total**2 for total, square in zip(sums, squares, strict=True)]
        return ChannelStatistics(
            mean=tuple(total / num_pixels for total in sums),
            std=tuple(math.sqrt(spread) / num_pixels for spread in spreads),
        )
