"""What is measured of an image, to watch and to compare it: sizes, light, sharpness, harm, fingerprints, a thumbnail.

Shapes: H height, W width, C channels.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image
import pyarrow as pa

from components.data_ingestion.images.quality import block_grid, spectral_quality, watched_pixels
from components.modeling.images.decoding import decode_image, DecodedImage, encode_png
from components.modeling.images.light import (
    brightness_and_contrast,
    laplacian_variance,
    resized_grey,
    sharpness,
    WATCHED_SIDE,
)
from components.modeling.images.pixel_fingerprint import pixel_fingerprint
from components.shared.runtime.fingerprints import fingerprint_bytes

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
THUMBNAIL_SIDE = 32
_STORED_AS_IT_IS = ("JPEG", "PNG", "WEBP", "BMP")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRecord:
    """What is kept of an image between the two readings: little, so that millions fit in memory.

    Attributes
    ----------
    fingerprint
        Of the file's bytes.
    pixel_fingerprint
        Of size and pixels: the same for two files that show exactly the same.
    values
        One value for every name in `IMAGE_MEASURES`: pixels, channels of the file, format, bytes; brightness and
        contrast (mean and standard deviation of grey in 0..1); sharpness (variance of the Laplacian of grey in
        0..1 at 256 x 256 pixels); blur and moire (see `SpectralQuality`); recompression (see `block_grid`).
    difference_hash
        64 bits: see the function.
    thumbnail
        32 x 32 grey pixels.
    conversions
        What decoding changed, and what storing changes.
    """

    fingerprint: str
    pixel_fingerprint: str
    values: tuple[int | float | str, ...]
    difference_hash: int
    thumbnail: bytes
    conversions: tuple[str, ...]


def image_record(data: bytes) -> ImageRecord:
    """Decode and measure an image file; the message of an `UndecodableImageError` is the reason."""
    image = decode_image(data)
    grey = Image.fromarray(image.pixels_HWC).convert("L")
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
    return ImageRecord(
        fingerprint=fingerprint_bytes(data),
        pixel_fingerprint=pixel_fingerprint(image.pixels_HWC),
        values=(width, height, image.channels, image.file_format, len(data), *measures),
        difference_hash=difference_hash(grey),
        thumbnail=resized_grey(grey, THUMBNAIL_SIDE, THUMBNAIL_SIDE).tobytes(),
        conversions=_conversions(image),
    )


def stored_payload(data: bytes, record: ImageRecord) -> bytes:
    """The file's bytes where every reader shows them alike; else a PNG of what `decode_image` sees."""
    return encode_png(decode_image(data).pixels_HWC) if record.conversions else data


def difference_hash(grey: Image.Image) -> int:
    """64 bits, unsigned: one for each neighbouring pair of a 9 x 8 grid, set where grey rises to the right.

    N. Krawetz, "Kind of Like That", The Hacker Factor Blog, 2013.
    """
    grid_HW = resized_grey(grey, 8, 9).astype(np.int16)
    rises = (grid_HW[:, 1:] > grid_HW[:, :-1]).ravel()
    return int.from_bytes(np.packbits(rises).tobytes(), "big")


def _conversions(image: DecodedImage) -> tuple[str, ...]:
    if image.conversions or image.file_format in _STORED_AS_IT_IS:
        return image.conversions
    return (f"{image.file_format} stored as PNG",)
