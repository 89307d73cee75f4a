"""Light and sharpness of a grey image, as ingestion watches them and as errors are described by them.

Shapes: H height, W width.
"""

import numpy as np
from PIL import Image

WATCHED_SIDE = 256
_GREY_LEVELS = np.arange(256) / 255.0


def brightness_and_contrast(grey: Image.Image) -> tuple[float, float]:
    """Mean and standard deviation of a grey image (mode `L`), its values in 0..1."""
    shares = np.array(grey.histogram()) / (grey.width * grey.height)
    brightness = float(shares @ _GREY_LEVELS)
    return brightness, float(np.sqrt(shares @ (_GREY_LEVELS - brightness) ** 2))


def sharpness(grey: Image.Image) -> float:
    """Variance of the Laplacian of grey in 0..1, resized to 256 x 256 pixels so that sizes compare; 0 where flat."""
    return laplacian_variance(resized_grey(grey, WATCHED_SIDE, WATCHED_SIDE))


def laplacian_variance(grey_HW: np.ndarray) -> float:
    """Variance of the Laplacian of grey, shape (H, W), uint8, taken as 0..1; each side at least 3 pixels."""
    values_HW = grey_HW.astype(np.float32)
    values_HW /= 255.0
    laplacian_HW = values_HW[:-2, 1:-1] + values_HW[2:, 1:-1]
    laplacian_HW += values_HW[1:-1, :-2]
    laplacian_HW += values_HW[1:-1, 2:]
    laplacian_HW -= 4.0 * values_HW[1:-1, 1:-1]
    return float(np.var(laplacian_HW))


def resized_grey(grey: Image.Image, height: int, width: int) -> np.ndarray:
    """A grey image (mode `L`) at another size, shape (height, width), uint8."""
    return np.asarray(grey.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0))
