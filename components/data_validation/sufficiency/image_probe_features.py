"""Encoded images to simple features for a cheap probe: where edges point, and what colours there are.

TensorFlow decodes, since the validation image has it anyway; importing it takes seconds, so only images pay.
Shapes: H height, W width, C channels.
"""

from collections.abc import Iterable

import numpy as np

from components.data_validation.statistics.quiet_tfdv import tfdv  # noqa: F401 - loads TensorFlow without its talk

import tensorflow as tf  # isort: skip

SIDE_PX = 64
_CELL_PX = 8
_NUM_ORIENTATIONS = 9
_COLOUR_LEVELS = 4
NUM_FEATURES = (SIDE_PX // _CELL_PX) ** 2 * _NUM_ORIENTATIONS + _COLOUR_LEVELS**3


def image_features(images: Iterable[bytes | None]) -> tuple[np.ndarray, np.ndarray]:
    """Features of N encoded images, shape (N, 640), float32, and whether each could be decoded, shape (N,), bool.

    9 edge directions in each of 8 x 8 cells, then shares of 4 x 4 x 4 colours; 0 for an image that cannot be decoded.
    JPEG, PNG and BMP can, and whatever else the installed TensorFlow decodes.
    """
    decoded = [_decoded(data) for data in images]
    features = [np.zeros(NUM_FEATURES, np.float32) if pixels is None else _features(pixels) for pixels in decoded]
    readable = np.array([pixels is not None for pixels in decoded], dtype=bool)
    return np.array(features, dtype=np.float32).reshape(len(decoded), NUM_FEATURES), readable


def gradient_histograms(grey_HW: np.ndarray) -> np.ndarray:
    """Histograms of gradient direction, weighted by strength, of 8 x 8 px cells, each cell of length 1.

    From grey (64, 64), 0 to 1, to shape (576,): 0 to 180 degrees in 9 bins, cells in reading order. Dalal and Triggs,
    "Histograms of Oriented Gradients for Human Detection", CVPR 2005; here without blocks.
    """
    rows, columns = np.gradient(grey_HW)
    strength = np.hypot(rows, columns)
    turn = np.arctan2(rows, columns) % np.pi / np.pi
    bins = np.minimum((turn * _NUM_ORIENTATIONS).astype(int), _NUM_ORIENTATIONS - 1)
    cells = np.arange(SIDE_PX) // _CELL_PX
    cell_numbers = cells[:, None] * (SIDE_PX // _CELL_PX) + cells
    places = (cell_numbers * _NUM_ORIENTATIONS + bins).ravel()
    size = NUM_FEATURES - _COLOUR_LEVELS**3
    histograms = np.bincount(places, weights=strength.ravel(), minlength=size).reshape(-1, _NUM_ORIENTATIONS)
    return (histograms / (np.linalg.norm(histograms, axis=1, keepdims=True) + 0.05)).ravel()


def _decoded(data: bytes | None) -> np.ndarray | None:
    """Pixels at 64 x 64, float in 0..1; None where there is no image."""
    if not data:
        return None
    try:
        pixels_HWC = tf.io.decode_image(data, channels=3, expand_animations=False)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        return None
    resized = tf.image.resize(pixels_HWC, (SIDE_PX, SIDE_PX), method="area")
    return resized.numpy() / 255.0


def _features(pixels_HWC: np.ndarray) -> np.ndarray:
    levels = np.minimum((pixels_HWC * _COLOUR_LEVELS).astype(int), _COLOUR_LEVELS - 1)
    codes = levels @ np.array([_COLOUR_LEVELS**2, _COLOUR_LEVELS, 1])
    colours = np.bincount(codes.ravel(), minlength=_COLOUR_LEVELS**3) / codes.size
    grey_HW = pixels_HWC @ np.array([0.299, 0.587, 0.114])
    return np.concatenate([gradient_histograms(grey_HW), np.sqrt(colours)]).astype(np.float32)
