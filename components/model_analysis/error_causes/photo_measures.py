"""What a prepared photo looks like, in numbers that damage changes: light, colour, detail, where both lie, and breaks.

Shapes: B photos, H height, W width, M measures.
"""

from itertools import pairwise

import numpy as np

_SIDE = 48
_BANDS = 7
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
    return np.concatenate(
        [_light(pixels, grey), _colour(pixels), _detail(grey), _layout(pixels, grey), _breaks(pixels, grey)]
    )


def _light(pixels: np.ndarray, grey: np.ndarray) -> np.ndarray:
    parts = np.quantile(grey, [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])
    spread = float(grey.std())
    skew = float(((grey - grey.mean()) ** 3).mean()) / max(spread, 1e-3) ** 3
    return np.array(
        [*parts, grey.mean(), np.log(spread + 1e-3), skew, (pixels <= 0.01).mean(), (pixels >= 0.99).mean()]
    )


def _colour(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = (pixels[..., channel] for channel in range(3))
    largest, smallest = pixels.max(axis=2), pixels.min(axis=2)
    saturation = (largest - smallest) / np.maximum(largest, 1e-3)
    return np.array(
        [
            (red - green).mean(), (blue - green).mean(), (red - blue).mean(), (red - blue).std(), (red - green).std(),
            saturation.mean(), np.quantile(saturation, 0.9), (largest - smallest).mean(),
        ]
    )  # fmt: skip


def _detail(grey: np.ndarray) -> np.ndarray:
    """Logarithm of the power in rings of the spectrum, whole and as shares, and the power across by that down."""
    height, width = grey.shape
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    radius = np.hypot(down, across)
    edges = np.geomspace(1.5 / min(height, width), 0.5, _BANDS + 1)
    rings = np.array([power[(radius >= low) & (radius < high)].sum() for low, high in pairwise(edges)])
    logs = np.log(rings + 1e-6)
    shares = np.log((rings + 1e-6) / (rings.sum() + 1e-5))
    ratio = np.log((np.abs(np.diff(grey, axis=1)).mean() + 1e-4) / (np.abs(np.diff(grey, axis=0)).mean() + 1e-4))
    fine = radius > 0.25
    tilt = np.log((power[fine & (np.abs(across) > np.abs(down))].sum() + 1e-6) / (power[fine].sum() + 1e-5))
    return np.concatenate([logs, shares, [ratio, tilt, _laplacian(grey)]])


def _laplacian(grey: np.ndarray) -> float:
    inner = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return float(np.log(inner.var() + 1e-6))


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
    shifted = float(np.mean([_shift(small[row], small[row + 1]) for row in range(0, len(small) - 1, 3)]))
    blocks = _block_edges(grey)
    flat = [(row_spread < 0.01).mean(), (column_spread < 0.01).mean(), _largest_flat(grey)]
    thirds = grey.shape[0] // 3
    across = grey.shape[1] // 3
    repeats = (
        _alike(grey[:thirds], grey[thirds : 2 * thirds]),
        _alike(grey[: grey.shape[0] // 2], grey[grey.shape[0] // 2 :]),
        _alike(grey[:, :across], grey[:, across : 2 * across]),
    )
    channels = [_alike(pixels[..., first], pixels[..., second]) for first, second in ((0, 1), (1, 2), (0, 2))]
    return np.array([*flat, *hardest, shifted, blocks, *repeats, *channels])


def _shift(row: np.ndarray, following: np.ndarray) -> float:
    """How much better the next row fits when it is moved by a few pixels: 0 where it does not."""
    errors = [np.abs(row[4:-4] - following[4 + step : len(following) - 4 + step]).mean() for step in range(-4, 5)]
    return float((errors[4] - min(errors)) / (errors[4] + 1e-3))


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
