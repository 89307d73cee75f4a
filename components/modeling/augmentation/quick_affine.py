"""albumentations' `Affine` for one image, without what boxes and masks need: the same draws, the same pixels.

The standard policy spends most of its time in it. Boxes' matrices are not computed, the matrix comes from plain
arithmetic, and OpenCV warps four channels nearly twice as fast as three.
"""

from collections.abc import Callable
import math
from typing import Any

import cv2
import numpy as np

from components.modeling.augmentation.quiet_albumentations import albumentations
from components.modeling.augmentation.random_generators import SeededRandom

_FOUR_CHANNELS_FROM_PX = 64 * 64  # below, the conversion costs more than it saves

_Step = Callable[[np.ndarray], np.ndarray]


def quick_affine(transform: Any, random: SeededRandom) -> _Step | None:
    """A function that does to an image, shape (H, W, 3), uint8, what the transform does to it, drawing from `random`.

    None where the transform is no `Affine`, or changes the image's size.
    """
    if type(transform) is not albumentations.Affine or transform.fit_output:
        return None

    def step(image_HWC: np.ndarray) -> np.ndarray:
        if not transform.should_apply():
            return image_HWC
        matrix = affine_matrix(_drawn(transform, image_HWC.shape, random), image_HWC.shape)
        return _warped(image_HWC, matrix, transform)

    return step


def affine_matrix(parameters: tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Matrix from an image's pixels to those of the moved image, shape (2, 3), float64.

    Scale, rotation and shear are about the middle, then comes the translation. `parameters`: translation in pixels,
    shear in degrees and scale, each along x and y, and rotation in degrees; `shape`: height, width, ... in pixels.

    References
    ----------
    `create_affine_transformation_matrix` of albumentations 2.0.8.
    """
    move_x, move_y, shear_x, shear_y, scale_x, scale_y, turn = parameters
    angle = math.radians(turn % 360)
    cosine, sine = math.cos(angle), math.sin(angle)
    tangent_x, tangent_y = math.tan(math.radians(shear_x)), math.tan(math.radians(shear_y))
    xx, xy = (cosine - tangent_x * sine) * scale_x, (sine + tangent_x * cosine) * scale_y
    yx, yy = (tangent_y * cosine - sine) * scale_x, (tangent_y * sine + cosine) * scale_y
    middle_x, middle_y = shape[1] / 2 - 0.5, shape[0] / 2 - 0.5
    offset_x = middle_x + move_x - xx * middle_x - xy * middle_y
    offset_y = middle_y + move_y - yx * middle_x - yy * middle_y
    return np.array([[xx, xy, offset_x], [yx, yy, offset_y]])


def _drawn(transform: Any, shape: tuple[int, ...], random: SeededRandom) -> tuple[float, ...]:
    """Parameters in albumentations' order of drawing, for `affine_matrix`."""
    move = transform._get_translate_params(shape[:2])
    shear = transform._get_shear_params()
    scale = transform._get_scale(transform.scale, transform.keep_ratio, transform.balanced_scale, random)
    turn = random.uniform(*transform.rotate)
    return move["x"], move["y"], shear["x"], shear["y"], scale["x"], scale["y"], turn


def _warped(image_HWC: np.ndarray, matrix: np.ndarray, transform: Any) -> np.ndarray:
    height, width = image_HWC.shape[:2]
    fill = transform.fill
    settings = {
        "flags": transform.interpolation,
        "borderMode": transform.border_mode,
        "borderValue": (fill,) * 3 if isinstance(fill, int | float) else fill,
    }
    if height * width < _FOUR_CHANNELS_FROM_PX:
        return cv2.warpAffine(image_HWC, matrix, (width, height), **settings)
    four_HWC = cv2.cvtColor(image_HWC, cv2.COLOR_RGB2RGBA)
    return cv2.cvtColor(cv2.warpAffine(four_HWC, matrix, (width, height), **settings), cv2.COLOR_RGBA2RGB)
