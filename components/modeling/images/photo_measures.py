"""What is measured of a photo, to watch and to compare it: size, light, sharpness and harm.

Ingestion, the server's log and the collector measure with this one function, so that what was served can be held
against what was trained on.
"""

from collections.abc import Mapping

import numpy as np
from PIL import Image
import pyarrow as pa

from components.modeling.images.decoding import decode_image, DecodedImage, UndecodableImageError
from components.modeling.images.light import brightness_and_contrast, laplacian_variance, sharpness, WATCHED_SIDE
from components.modeling.images.quality import block_grid, spectral_quality, watched_pixels

IMAGE_MEASURES: dict[str, pa.DataType] = {
    "image_width": pa.int64(),
    "image_height": pa.int64(),
    "image_channels": pa.int64(),
    "image_format": pa.string(),
    "image_bytes": pa.int64(),
    "brightness": pa.float64(),
    "contrast": pa.float64(),
    "sharpness": pa.float64(),
    "blur": pa.float64(),
    "moire": pa.float64(),
    "recompression": pa.float64(),
}


def photo_measures(image: DecodedImage, grey: Image.Image, *, num_bytes: int) -> tuple[int | float | str, ...]:
    """Measures of a decoded photo.

    Parameters
    ----------
    grey
        The photo in grey.
    num_bytes
        Of its file.

    Returns
    -------
    tuple
        One value for every name in `IMAGE_MEASURES`: pixels, channels of the file, format, bytes; brightness and
        contrast (mean and standard deviation of grey in 0..1); sharpness (variance of the Laplacian of grey in
        0..1 at 256 x 256 pixels); blur and moire (see `SpectralQuality`); recompression (see `block_grid`).
    """
    height, width, _ = image.pixels_HWC.shape
    brightness, contrast = brightness_and_contrast(grey)
    watched_HW = watched_pixels(grey)
    quality = spectral_quality(watched_HW)
    is_whole = watched_HW.shape == (WATCHED_SIDE, WATCHED_SIDE)
    measures = (
        brightness,
        contrast,
        laplacian_variance(watched_HW) if is_whole else sharpness(grey),
        quality.blur,
        quality.moire,
        block_grid(np.asarray(grey)),
    )
    return (width, height, image.channels, image.file_format, num_bytes, *measures)


def measured_photos(files: pa.Array) -> Mapping[str, pa.Array]:
    """Measures of N encoded photos, binary, by name of `IMAGE_MEASURES`; null where there is no file or no photo."""
    rows = [None if data is None else _measured(data) for data in files.to_pylist()]
    return {
        name: pa.array([None if row is None else row[place] for row in rows], kind)
        for place, (name, kind) in enumerate(IMAGE_MEASURES.items())
    }


def _measured(data: bytes) -> tuple[int | float | str, ...] | None:
    try:
        image = decode_image(data)
    except UndecodableImageError:
        return None
    return photo_measures(image, Image.fromarray(image.pixels_HWC).convert("L"), num_bytes=len(data))
