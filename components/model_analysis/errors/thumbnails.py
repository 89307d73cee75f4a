"""Small pictures of images for reports."""

import io

from PIL import Image

from components.modeling.images.decoding import decode_image

MAX_SIDE_PX = 96
_QUALITY = 80


def thumbnail(data: bytes, *, max_side_px: int = MAX_SIDE_PX) -> bytes:
    """An image as a small JPEG, in its own proportions and never enlarged.

    Parameters
    ----------
    data
        An encoded image.
    max_side_px
        The longer side at most, 1 or more.

    Returns
    -------
    bytes
        A JPEG file without metadata.

    Raises
    ------
    UndecodableImageError
        If the bytes are no usable image.
    """
    picture = Image.fromarray(decode_image(data).pixels_HWC)
    picture.thumbnail((max_side_px, max_side_px))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()
