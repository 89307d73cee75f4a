"""What is measured of an image, to watch and to compare it: sizes, light, sharpness, harm, fingerprints, a thumbnail.

Shapes: H height, W width, C channels.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from components.modeling.images.decoding import decode_image, DecodedImage, encode_png
from components.modeling.images.light import resized_grey
from components.modeling.images.photo_measures import photo_measures
from components.modeling.images.pixel_fingerprint import pixel_fingerprint
from components.shared.runtime.fingerprints import fingerprint_bytes

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
        One value for every name in `IMAGE_MEASURES`: see `photo_measures`.
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
    return ImageRecord(
        fingerprint=fingerprint_bytes(data),
        pixel_fingerprint=pixel_fingerprint(image.pixels_HWC),
        values=photo_measures(image, grey, num_bytes=len(data)),
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
