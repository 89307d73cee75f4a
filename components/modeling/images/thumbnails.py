"""Thumbnails of images for reports."""

import io

from PIL import Image

from components.modeling.images.decoding import decode_image

MAX_SIDE_PX = 96
_QUALITY = 80


def thumbnail(data: bytes, *, max_side_px: int = MAX_SIDE_PX) -> bytes:
    """An encoded image as a JPEG without metadata, in its own proportions: `max_side_px` at most, never enlarged."""
    image = Image.fromarray(decode_image(data).pixels_HWC)
    image.thumbnail((max_side_px, max_side_px))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()
