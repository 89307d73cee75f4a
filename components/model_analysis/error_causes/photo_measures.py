"""What a prepared photo looks like, in numbers that damage changes: light, colour, detail, where both lie, and breaks.

Shapes: B photos, H height, W width, M measures.
"""

import numpy as np

from components.model_analysis.error_causes.photo_detail import photo_detail

_SIDE = 48
_LEVELS = 64
_LUMA = np.array([0.299, 0.587, 0.114])


def photo_measures(images_BHWC: np.ndarray) -> np.ndarray:
    """Measure photos of one size, shape (B, H, W, 3), uint8: returns the shape (B, M), float64, finite.

    Photos are brought to about 48 pixels for what concerns their parts; detail is measured at full size.
    """
    if not len(images_BHWC):
        return np.empty((0, 0))
    return np.stack([_measures(image) for image in images_BHWC])


def _measures(image_HWC: np.ndarray) -> np.ndarray:
    pixels = image_HWC.astype(np.float32) / 255.0
    grey = pixels @ _LUMA.astype(np.float32)
    step = max(min(grey.shape) // _SIDE, 1)
    few, few_grey = pixels[::step, ::step], grey[::step, ::step]
    return np.concatenate(
        [_light(few, few_grey), _colour(few), photo_detail(grey), _layout(pixels, grey), _breaks(pixels, grey)]
    )


def _light(pixels: np.ndarray, grey: np.ndarray) -> np.ndarray:
    parts = np.quantile(grey, [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])
    spread = float(grey.std())
    skew = float(((grey - grey.mean()) ** 3).mean()) / max(spread, 1e-3) ** 3
    ends = [(pixels <= 0.01).mean(), (pixels >= 0.99).mean()]
    return np.array([*parts, grey.mean(), np.log(spread + 1e-3), skew, *ends, *_levels(pixels)])


def _levels(pixels: np.ndarray) -> list[float]:
    """How many levels each colour has, the fewest and the most: entropy of their frequencies, in bits."""
    found = []
    for channel in range(3):
        counts = np.bincount((pixels[..., channel].ravel() * (_LEVELS - 1)).astype(int), minlength=_LEVELS)
        shares = counts[counts > 0] / counts.sum()
        found.append(float(-(shares * np.log2(shares)).sum()))
    return [min(found), max(found)]


def _colour(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = (pixels[..., channel] for channel in range(3))
    largest = np.maximum(np.maximum(red, green), blue)
    smallest = np.minimum(np.minimum(red, green), blue)
    saturation = (largest - smallest) / np.maximum(largest, 1e-3)
    return np.array(
        [
            (red - green).mean(), (blue - green).mean(), (red - blue).mean(), (red - blue).std(), (red - green).std(),
            red.std(), green.std(), blue.std(), (largest - smallest).std(),
            saturation.mean(), np.quantile(saturation, 0.9), (largest - smallest).mean(),
        ]
    )  # fmt: skip


def _layout(pixels: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """How parts of the photo differ from its whole: light, colour and detail of a grid of 3 x 3, and of its halves."""
    edges = np.zeros_like(grey)
    edges[:, 1:] += np.abs(np.diff(grey, axis=1))
    edges[1:] += np.abs(np.diff(grey, axis=0))
    light = _grid(grey) - grey.mean()
    detail = np.log(_grid(edges) + 1e-3) - np.log(edges.mean() + 1e-3)
    colour = _grid(pixels[..., 0] - pixels[..., 2])
    halves = [colour[:3].mean() - colour[6:].mean(), detail.min(), detail.max()]
    return np.concatenate([light, detail, halves])


def _grid(values: np.ndarray) -> np.ndarray:
    return np.array([part.mean() for rows in np.array_split(values, 3) for part in np.array_split(rows, 3, axis=1)])


def _breaks(pixels: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Flat rows and columns, how far the hardest edges between neighbours stand out, and how rows go on."""
    row_spread, column_spread = grey.std(axis=1), grey.std(axis=0)
    steps = np.abs(np.diff(grey, axis=0)).mean(axis=1), np.abs(np.diff(grey, axis=1)).mean(axis=0)
    hardest = [np.log((step.max() + 1e-3) / (np.median(step) + 1e-3)) for step in steps]
    small = grey[:: max(len(grey) // _SIDE, 1)]
    shifted = _shift(small[:-1:3], small[1::3])
    blocks = _block_edges(grey)
    flat = [(row_spread < 0.01).mean(), (column_spread < 0.01).mean(), _largest_flat(grey)]
    flat += [_flat_ends(row_spread), _flat_ends(column_spread)]
    thirds = grey.shape[0] // 3
    across = grey.shape[1] // 3
    repeats = (
        _alike(grey[:thirds], grey[thirds : 2 * thirds]),
        _alike(grey[: grey.shape[0] // 2], grey[grey.shape[0] // 2 :]),
        _alike(grey[:, :across], grey[:, across : 2 * across]),
    )
    few = pixels[::2, ::2]
    channels = [_alike(few[..., first], few[..., second]) for first, second in ((0, 1), (1, 2), (0, 2))]
    return np.array([*flat, *hardest, shifted, blocks, *repeats, *channels])


def _shift(rows: np.ndarray, following: np.ndarray) -> float:
    """How much better next rows fit when they are moved by a few pixels, in the mean: 0 where they do not."""
    width = rows.shape[1]
    errors = np.array(
        [np.abs(rows[:, 4:-4] - following[:, 4 + step : width - 4 + step]).mean(axis=1) for step in range(-4, 5)]
    )
    return float(((errors[4] - errors.min(axis=0)) / (errors[4] + 1e-3)).mean())


def _flat_ends(spread: np.ndarray) -> float:
    """Share of rows that are flat from either end on."""
    busy = np.flatnonzero(spread >= 0.01)
    return 1.0 - (busy[-1] - busy[0] + 1) / len(spread) if len(busy) else 1.0


def _block_edges(grey: np.ndarray) -> float:
    steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    means = [steps[place::8].mean() for place in range(min(8, len(steps)))]
    return float(np.log((max(means) + 1e-3) / (np.median(means) + 1e-3)))


def _largest_flat(grey: np.ndarray) -> float:
    """Share of pixels that are as grey as the most frequent of 64 levels and have no edge beside them."""
    flat = np.abs(np.diff(grey, axis=1)) < 0.008
    levels = np.bincount((grey[:, 1:][flat] * 63).astype(int), minlength=64)
    return float(levels.max(initial=0) / grey.size)


def _alike(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two parts of a photo of the same shape; 0 where one is flat."""
    height, width = min(first.shape[0], second.shape[0]), min(first.shape[1], second.shape[1])
    one, other = first[:height, :width].ravel(), second[:height, :width].ravel()
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 1e-6 else 0.0
