"""What harms an image, from its frequencies and its grid of blocks: blur, moire, recompression.

Shapes: H height, W width, S side of a tile, K rings. Frequencies are shares of the Nyquist frequency, of half a cycle a
pixel.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from components.modeling.images.light import resized_grey, WATCHED_SIDE

_SMALLEST_SIDE = 8
_TILE_SIDE = 128
_NUM_RINGS = 12
_ROUNDING_POWER = 1.0 / 255.0**2 / 12.0
_MEDIAN_TO_MEAN = 1.0 / np.log(2.0)  # of the exponential distribution, which the power of noise follows
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
_LOBE, _REACH = 2, 5  # a peak reaches 2 values of the spectrum to each side; its surroundings begin there and end at 5
_COARSEST_WAVES = 6  # along a tile's side: what is coarser is content
_BLOCK_PX = 8
_LARGEST_GRID_SIDE = 1024
_ONE_LEVEL = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SpectralQuality:
    """Two metrics that rise with harm and hardly depend on the image's size.

    Attributes
    ----------
    blur
        0 to 1: how coarse the detail is. About 0.25 for noise, 0.4 to 0.8 for photos, above 0.8 for blurred ones, 1
        where there is no detail.
    moire
        Decibels, 0 or more: how far the strongest wave stands out of the spectrum around it, in the direction in which
        it does least. Photos stay below 12.
    """

    blur: float
    moire: float


def watched_pixels(grey: Image.Image) -> np.ndarray:
    """A grey image (mode `L`) as its spectrum is taken: shape (H, W), uint8, each side 8 to 256 pixels."""
    width, height = (min(max(side, _SMALLEST_SIDE), WATCHED_SIDE) for side in grey.size)
    return resized_grey(grey, height, width)


def spectral_quality(watched_HW: np.ndarray) -> SpectralQuality:
    """Measure the frequencies of what `watched_pixels` returned.

    Van der Schaaf and van Hateren, "Modelling the Power Spectra of Natural Images: Statistics and Information" (1996):
    their power falls with about the square of the frequency, so that a ring's share is steady until blur cuts it off.
    """
    power_SS = _tile_power(watched_HW)
    return SpectralQuality(blur=_blur(power_SS), moire=_wave_prominence_db(power_SS))


def block_grid(grey_HW: np.ndarray) -> float:
    """Strength, 0 or more, of a grid of 8 x 8 blocks, as JPEG leaves it, wherever it begins; (H, W), uint8.

    It is how much larger steps between neighbouring pixels are at every eighth one than at the next strongest of the
    eight places, as a share of that and one grey level; of the axis where that is least. Below 0.2 for photos of good
    quality; 0 where a side is below 24 pixels. Of a large image its middle is measured, 1024 pixels a side.
    """
    height, width = grey_HW.shape
    if min(height, width) < 3 * _BLOCK_PX:
        return 0.0
    top, left = max(height - _LARGEST_GRID_SIDE, 0) // 2, max(width - _LARGEST_GRID_SIDE, 0) // 2
    middle_HW = grey_HW[top : top + _LARGEST_GRID_SIDE, left : left + _LARGEST_GRID_SIDE].astype(np.int16)
    return min(_line_strength(middle_HW, axis) for axis in (0, 1))


def _line_strength(grey_HW: np.ndarray, axis: int) -> float:
    steps = np.abs(np.diff(grey_HW, axis=axis)).mean(axis=1 - axis, dtype=np.float64)
    # The median over the lines of a place: one strong edge of the image is no grid.
    second, largest = np.sort([np.median(steps[place::_BLOCK_PX]) for place in range(_BLOCK_PX)])[-2:]
    return float((largest - second) / (second + _ONE_LEVEL))


def _tile_power(watched_HW: np.ndarray) -> np.ndarray:
    """Mean power of windowed tiles by frequency, shape (S, S), float32; the mean, at (0, 0), is taken off."""
    values_HW = watched_HW.astype(np.float32) / np.float32(255.0)
    height, width = values_HW.shape
    side = min(_TILE_SIDE, height, width)
    rows, columns = (np.linspace(0, extent - side, extent // side).astype(int) for extent in (height, width))
    tiles_TSS = np.stack([values_HW[top : top + side, left : left + side] for top in rows for left in columns])
    centred_TSS = tiles_TSS - tiles_TSS.mean(axis=(1, 2), keepdims=True)
    half_SV = (np.abs(np.fft.rfft2(centred_TSS * _window(side), norm="ortho")) ** 2).mean(axis=0)
    mirrored_SV = np.roll(half_SV[::-1], 1, axis=0)[:, (side - 1) // 2 : 0 : -1]
    return np.concatenate([half_SV, mirrored_SV], axis=1)


def _blur(power_SS: np.ndarray) -> float:
    order, ends, centres_K = _rings(len(power_SS))
    rings = np.split(power_SS.ravel()[order], ends)[: len(centres_K)]
    # Medians, so that an added wave does not count as detail; nor does rounding to 8 bits, which is subtracted.
    power_K = np.array([np.median(ring) for ring in rings]) * _MEDIAN_TO_MEAN - 2.0 * _ROUNDING_POWER
    # Photos have about the same share in every ring once the slope that they have in common is taken off.
    share_K = power_K.clip(0.0) * centres_K**2
    total = share_K.sum()
    return float(1.0 - share_K @ centres_K / total) if total > 0.0 else 1.0


def _wave_prominence_db(power_SS: np.ndarray) -> float:
    side = len(power_SS)
    if not _is_fine(side).any():
        return 0.0
    level_SS = 10.0 * np.log10(power_SS + np.float32(_ROUNDING_POWER))
    around = np.pad(level_SS, _REACH, mode="wrap")
    surroundings_SS = np.full_like(level_SS, -np.inf)
    for down, across in _DIRECTIONS:
        total_SS = np.zeros_like(level_SS)
        for distance in (*range(-_REACH, -_LOBE), *range(_LOBE + 1, _REACH + 1)):
            top, left = _REACH + distance * down, _REACH + distance * across
            total_SS += around[top : top + side, left : left + side]
        np.maximum(surroundings_SS, total_SS / np.float32(2 * (_REACH - _LOBE)), out=surroundings_SS)
    return float((level_SS - surroundings_SS)[_is_fine(side)].max(initial=0.0))


@lru_cache(maxsize=8)
def _window(side: int) -> np.ndarray:
    """A Hann window that is nowhere 0 and keeps the power of noise, shape (S, S), float32."""
    profile_S = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    window_SS = np.outer(profile_S, profile_S)
    return (window_SS / np.sqrt((window_SS**2).mean())).astype(np.float32)


@lru_cache(maxsize=8)
def _radius(side: int) -> np.ndarray:
    frequencies_S = np.fft.fftfreq(side) * 2.0
    return np.hypot(frequencies_S[:, None], frequencies_S[None, :])


@lru_cache(maxsize=8)
def _is_fine(side: int) -> np.ndarray:
    return _radius(side) >= 2.0 * _COARSEST_WAVES / side


@lru_cache(maxsize=8)
def _rings(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values in the order of their rings, where each ring ends, and the rings' middles, shape (K,)."""
    num_rings = min(_NUM_RINGS, side // 2)
    radius_F = _radius(side).ravel()
    ring_F = np.ceil(radius_F * num_rings - 1e-6).astype(int)  # 0 is the mean, K + 1 and more the corners
    order = np.argsort(ring_F, kind="stable")
    ends = np.searchsorted(ring_F[order], np.arange(1, num_rings + 2))
    return order[ends[0] :], ends[1:] - ends[0], (np.arange(num_rings) + 0.5) / num_rings
