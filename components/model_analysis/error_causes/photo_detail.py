"""How fine a photo's detail is, along which directions, and what single rows, columns and pixels do.

Shapes: H height, W width, M measures.
"""

from functools import lru_cache

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

_BANDS = 7
_SECTORS = 6
_LAGS = (2, 3, 4, 6, 8, 12, 16)
_REBLUR = 9
_JUMP, _PART = 0.12, 96


def photo_detail(grey_HW: np.ndarray) -> np.ndarray:
    """Measures of brightness, 0 to 1, shape (H, W): returns the shape (M,).

    Logarithms of the power in rings of the spectrum, whole and as shares; how it is divided among directions, which
    motion along one of them takes away; how much another blur would change; how alike rows and columns at some
    distances are; pixels that jump.

    References
    ----------
    Crété, Dolmière, Ladret and Nicolas, "The blur effect: perception and estimation with a new no-reference perceptual
    blur metric" (2007), blurring again.
    """
    return np.concatenate(
        [_spectrum(grey_HW), _blurred_again(grey_HW), _repeats(grey_HW), _repeats(grey_HW.T), [_jumps(grey_HW)]]
    )


def _spectrum(grey: np.ndarray) -> np.ndarray:
    window, rings, sectors, is_across = _regions(*grey.shape)
    power = (np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2).ravel()
    sums = np.bincount(rings, power, minlength=_BANDS + 2)[1:-1]
    logs = np.log(sums + 1e-6)
    shares = np.log((sums + 1e-6) / (sums.sum() + 1e-5))
    fine = np.bincount(sectors, power, minlength=2 * _SECTORS + 1)[1:].reshape(2, _SECTORS)
    parts = np.log((fine + 1e-6) / (fine.mean(axis=1, keepdims=True) + 1e-5))
    ratio = np.log((np.abs(np.diff(grey, axis=1)).mean() + 1e-4) / (np.abs(np.diff(grey, axis=0)).mean() + 1e-4))
    tilt = np.log((power[is_across].sum() + 1e-6) / (fine.sum() + 1e-5))
    return np.concatenate([logs, shares, parts.min(axis=1), parts.max(axis=1), [ratio, tilt, _laplacian(grey)]])


@lru_cache(maxsize=8)
def _regions(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of photos of one size: a window, and of each number of the spectrum its ring and its sector, 0 for none."""
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    radius = np.hypot(down, across)
    rings = np.digitize(radius, np.geomspace(1.5 / min(height, width), 0.5, _BANDS + 1))
    angle = (np.arctan2(down, across) % np.pi) / np.pi
    sectors = 1 + np.minimum((angle * _SECTORS).astype(int), _SECTORS - 1)
    is_fine, is_middle = radius > 0.25, (radius > 0.08) & (radius <= 0.25)
    chosen = np.where(is_fine, sectors + _SECTORS, np.where(is_middle, sectors, 0))
    is_across = is_fine & (np.abs(across) > np.abs(down))
    return window, rings.ravel(), chosen.ravel(), is_across.ravel()


def _laplacian(grey: np.ndarray) -> float:
    inner = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return float(np.log(inner.var() + 1e-6))


def _blurred_again(grey: np.ndarray) -> np.ndarray:
    """Share of the steps between neighbours that a further blur takes away, down and across, and the hardest steps."""
    found = []
    for axis in range(2):
        steps = np.abs(np.diff(grey, axis=axis))
        size = min(_REBLUR, grey.shape[axis] // 4)
        again = np.abs(np.diff(uniform_filter1d(grey, size, axis=axis), axis=axis))
        lost = np.maximum(steps - again, 0).sum() / (steps.sum() + 1e-3)
        hardest = np.partition(steps.ravel(), -max(steps.size // 200, 1))[-max(steps.size // 200, 1)]
        found += [float(lost), float(np.log((hardest + 1e-3) / (grey.std() + 1e-2)))]
    return np.array(
        [min(found[0], found[2]), max(found[0], found[2]), min(found[1], found[3]), max(found[1], found[3])]
    )


def _repeats(grey: np.ndarray) -> np.ndarray:
    """How rows differ from those some rows away, by how they differ from the next: least and greatest, logarithms."""
    steps = [lag for lag in _LAGS if lag < len(grey) // 2]
    sizes = np.array([np.abs(grey[lag:] - grey[:-lag]).mean() for lag in (1, *steps)]) + 1e-3
    logs = np.log(sizes[1:] / sizes[0])
    return np.array([logs.min(), logs.max()])


def _jumps(grey: np.ndarray) -> float:
    """Logarithm of the share of pixels that are far from all around them."""
    top, left = (max((side - _PART) // 2, 0) for side in grey.shape)
    part = grey[top : top + _PART, left : left + _PART]
    far = np.abs(part - median_filter(part, 3)) > _JUMP
    return float(np.log(far.mean() + 1e-3))
