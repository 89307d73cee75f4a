"""Images brought to a square with an antialiased bilinear filter: by Pillow, or by torch with vector instructions.

Where torch is not installed, numpy computes the same pixels as torch.
"""

from typing import get_args, Literal

import numpy as np
from PIL import Image

from components.modeling.images.exact_resizing import exactly_resized

try:
    import torch
except ModuleNotFoundError:  # an image that computes without it
    torch = None  # type: ignore[assignment]

ResizeMode = Literal["squash", "crop"]


def resized_pixels(pixels_HWC: np.ndarray, *, side_px: int, resize: ResizeMode) -> np.ndarray:
    """Bring pixels, shape (H, W, 3), uint8, to a square of `side_px` with torch: a third of Pillow's time.

    `squash` scales both sides to the square; `crop` cuts the middle square out, rounded down to whole pixels, and
    scales it; ValueError for another `resize`. Returns the shape (side_px, side_px, 3), uint8, within one grey level of
    `PIL.Image.resize` with `BILINEAR` of the same square.
    """
    _check(resize)
    height, width = pixels_HWC.shape[:2]
    if resize == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        pixels_HWC = pixels_HWC[top : top + side, left : left + side]
    if pixels_HWC.shape[:2] == (side_px, side_px):
        return np.ascontiguousarray(pixels_HWC)
    if torch is None:
        return exactly_resized(pixels_HWC, side_px)
    # Torch reads it as it is where it is in one piece; else it would copy it on all cores, far slower than it resizes.
    is_whole = pixels_HWC.flags.c_contiguous and pixels_HWC.flags.writeable
    whole_HWC = pixels_HWC if is_whole else pixels_HWC.copy()
    images_BCHW = torch.from_numpy(whole_HWC).unsqueeze(0).permute(0, 3, 1, 2)
    scaled_BCHW = torch.nn.functional.interpolate(images_BCHW, size=(side_px, side_px), mode="bilinear", antialias=True)
    return np.ascontiguousarray(scaled_BCHW[0].permute(1, 2, 0).numpy())


def pillow_resized_pixels(pixels_HWC: np.ndarray, *, side_px: int, resize: ResizeMode) -> np.ndarray:
    """Bring pixels to a square with Pillow, as `resized_pixels`; the middle square may begin at half a pixel."""
    _check(resize)
    height, width = pixels_HWC.shape[:2]
    if (height, width) == (side_px, side_px):
        return pixels_HWC
    box = None
    if resize == "crop":
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    return np.asarray(Image.fromarray(pixels_HWC).resize((side_px, side_px), Image.Resampling.BILINEAR, box=box))


def _check(resize: str) -> None:
    if resize not in get_args(ResizeMode):
        raise ValueError(f"resize must be one of {get_args(ResizeMode)}, got {resize!r}")
