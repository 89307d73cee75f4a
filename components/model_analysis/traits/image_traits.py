"""What a photo is like: light, colour, sharpness, size, and how far from the middle its subject lies.

Shapes: H height, W width, C channels, S side of a small square.
"""

from collections.abc import Collection
import io

import numpy as np
from PIL import Image
import pyarrow as pa

from components.modeling.images.decoding import decode_image, UndecodableImageError
from components.modeling.images.light import brightness_and_contrast, sharpness

# Those that ingestion stores, under the same names and of the same meaning, come first.
IMAGE_TRAITS: dict[str, pa.DataType] = {
    "image_width": pa.int64(),
    "image_height": pa.int64(),
    "image_bytes": pa.int64(),
    "brightness": pa.float64(),
    "contrast": pa.float64(),
    "sharpness": pa.float64(),
    "aspect_ratio": pa.float64(),
    "saturation": pa.float64(),
    "off_centre": pa.float64(),
}
_OF_THE_WHOLE = frozenset({"brightness", "contrast", "sharpness"})
_OF_THE_HEADER = frozenset({"image_width", "image_height", "image_bytes", "aspect_ratio"})
_SMALL_SIDE = 32
_SUBJECT_SHARE = 0.2


def image_traits(data: bytes, names: Collection[str] = tuple(IMAGE_TRAITS)) -> dict[str, float | None]:
    """Measure an image file.

    Parameters
    ----------
    data
        The file's bytes.
    names
        Names of `IMAGE_TRAITS` that are wanted: where none of them needs every pixel, a JPEG file is decoded smaller.

    Returns
    -------
    dict
        For every wanted name its value: `image_width` and `image_height` in pixels, upright; `image_bytes` of the file;
        `brightness` and `contrast`, mean and standard deviation of grey in 0..1; `sharpness`, variance of the Laplacian
        of grey in 0..1 at 256 x 256 pixels, low where blurred; `aspect_ratio`, width by height; `saturation`, mean of
        HSV's, 0 to 1; `off_centre`, see the function. None for each where the image cannot be decoded.
    """
    needs_all = bool(_OF_THE_WHOLE & set(names))
    try:
        pixels_HWC = decode_image(data, min_side_px=None if needs_all else 2 * _SMALL_SIDE).pixels_HWC
        width, height = (pixels_HWC.shape[1], pixels_HWC.shape[0]) if needs_all else _upright_size(data, pixels_HWC)
    except UndecodableImageError:
        return dict.fromkeys(names)
    found: dict[str, float | None] = {
        "image_width": width,
        "image_height": height,
        "image_bytes": len(data),
        "aspect_ratio": width / height,
    }
    if not set(names) <= _OF_THE_HEADER:
        image = Image.fromarray(pixels_HWC)
        small = image.resize((_SMALL_SIDE, _SMALL_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        found["saturation"] = saturation(np.asarray(small))
        found["off_centre"] = off_centre(np.asarray(small.convert("L")))
        if needs_all:
            grey = image.convert("L")
            found["brightness"], found["contrast"] = brightness_and_contrast(grey)
            found["sharpness"] = sharpness(grey)
    return {name: found[name] for name in names}


def saturation(pixels_HWC: np.ndarray) -> float:
    """Mean saturation of HSV, 0 for grey to 1, of pixels of the shape (H, W, 3), uint8."""
    largest = pixels_HWC.max(axis=2).astype(np.float64)
    spread = largest - pixels_HWC.min(axis=2)
    return float(np.divide(spread, largest, out=np.zeros_like(spread), where=largest > 0).mean())


def off_centre(grey_SS: np.ndarray) -> float:
    """How far from the middle the subject of a square grey image lies: 0 in the middle, 1 in a corner; 0 where flat.

    The subject is the fifth of the pixels that stand out most, by their edges and by their distance from the grey of
    the image's border; its centre is their mean place, weighted by how much they stand out. A photo that is no square
    is brought to one first, so that a place is a share of each side.
    """
    values_SS = grey_SS.astype(np.float64)
    down_SS, across_SS = np.gradient(values_SS)
    border = float(np.median(np.concatenate([values_SS[0], values_SS[-1], values_SS[:, 0], values_SS[:, -1]])))
    standing_SS = _share(np.square(down_SS) + np.square(across_SS)) + _share((values_SS - border) ** 2)
    subject_SS = np.maximum(standing_SS - np.quantile(standing_SS, 1.0 - _SUBJECT_SHARE), 0.0)
    total = float(subject_SS.sum())
    if total <= 0.0:
        return 0.0
    side = len(values_SS)
    places_S = (np.arange(side) + 0.5) / side * 2.0 - 1.0
    across, down = (float(subject_SS.sum(axis=axis) @ places_S) / total for axis in (0, 1))
    return float(np.hypot(across, down) / np.sqrt(2.0))


def _share(values: np.ndarray) -> np.ndarray:
    total = values.sum()
    return values / total if total > 0.0 else values


def _upright_size(data: bytes, pixels_HWC: np.ndarray) -> tuple[int, int]:
    """Width and height of the whole image, of which `pixels_HWC` may be a smaller one."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    is_turned = (width > height) != (pixels_HWC.shape[1] > pixels_HWC.shape[0]) and width != height
    return (height, width) if is_turned else (width, height)
