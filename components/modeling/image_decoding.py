"""Encoded bytes to RGB pixels: one function for ingestion, the feature store and the server.

Whatever a camera, a web page or a client sends becomes 8-bit RGB, upright, first frame, on white where it was
transparent; what cannot is refused with a reason.
"""

from dataclasses import dataclass
import io
import warnings

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # MPO has no opener of its own: it opens as JPEG
_EXIF_ORIENTATION = 274
_TIFF_BITS_PER_SAMPLE = 258


class UndecodableImageError(ValueError):
    """Bytes that are no usable image; the message is the reason, without the file's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedImage:
    """An image as pixels, and what had to be done to it.

    Attributes
    ----------
    pixels_HWC
        Shape (H, W, 3), uint8, RGB.
    file_format
        What the bytes were: `JPEG`, `PNG` ...
    channels
        Channels of the file: 1 for grey, 3 for colour, 4 for CMYK or colour with alpha.
    conversions
        What was changed on the way, in words; empty for a plain image.
    """

    pixels_HWC: np.ndarray
    file_format: str
    channels: int
    conversions: tuple[str, ...]


def decode_image(data: bytes) -> DecodedImage:
    """Decode an image file.

    Parameters
    ----------
    data
        The file's bytes.

    Returns
    -------
    DecodedImage
        8-bit RGB pixels, upright.

    Raises
    ------
    UndecodableImageError
        If the bytes are empty, no image, of an unknown format, truncated, or larger than `MAX_PIXELS`.
    """
    image = _opened(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            conversions = _conversions(image, data)
            channels = len(image.getbands())
            file_format = image.format or "unknown"
            image.load()
            upright = ImageOps.exif_transpose(image)
            pixels_HWC = np.asarray(_as_rgb(upright))
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError, Image.DecompressionBombError) as error:
        raise UndecodableImageError(f"the image is truncated or damaged: {error}") from error
    return DecodedImage(pixels_HWC=pixels_HWC, file_format=file_format, channels=channels, conversions=conversions)


def num_pixels(data: bytes) -> int:
    """Pixels of an image file, from its header alone.

    Raises
    ------
    UndecodableImageError
        As `decode_image`, for what the header shows.
    """
    with _opened(data) as image:
        return image.width * image.height


def encode_png(pixels_HWC: np.ndarray) -> bytes:
    """Encode pixels without loss.

    Parameters
    ----------
    pixels_HWC
        Shape (H, W, 3) or (H, W), uint8.

    Returns
    -------
    bytes
        A PNG file.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels_HWC).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _opened(data: bytes) -> Image.Image:
    if not data:
        raise UndecodableImageError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        raise UndecodableImageError(f"the bytes are no image of a known format ({', '.join(FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise UndecodableImageError(f"the image has more than the {MAX_PIXELS:,} pixels allowed") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UndecodableImageError(f"the image's header is damaged: {error}") from error
    if image.width * image.height > MAX_PIXELS:
        raise UndecodableImageError(
            f"the image is {image.width} x {image.height} pixels, more than the {MAX_PIXELS:,} allowed"
        )
    return image


def _conversions(image: Image.Image, data: bytes) -> tuple[str, ...]:
    found = []
    num_frames = getattr(image, "n_frames", 1)
    if num_frames > 1:
        found.append(f"animated: first of {num_frames} frames taken")
    if image.getexif().get(_EXIF_ORIENTATION, 1) not in (0, 1):
        found.append("turned upright as its EXIF orientation says")
    if _is_deep(image, data):
        found.append("16-bit or deeper: reduced to 8 bits")
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        found.append(f"{image.mode} converted to RGB")
    if image.mode in ("P", "PA"):
        found.append("palette converted to RGB")
    if image.mode == "1":
        found.append("black and white converted to RGB")
    if image.has_transparency_data:
        found.append("alpha laid on white")
    return tuple(found)


def _is_deep(image: Image.Image, data: bytes) -> bool:
    if image.mode.startswith(("I", "F")):
        return True
    if image.format == "PNG":
        return data[24] == 16
    if image.format == "TIFF":
        bits = image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, 8)  # type: ignore[attr-defined]
        return max(bits if isinstance(bits, tuple) else (bits,)) > 8
    return False


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, coloured).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values_HW: np.ndarray) -> np.ndarray:
    if np.issubdtype(values_HW.dtype, np.floating):
        if not np.isfinite(values_HW).all():
            raise UndecodableImageError("the image has pixels that are no finite numbers")
        largest = 1.0 if values_HW.max(initial=0.0) <= 1.0 else 255.0 if values_HW.max() <= 255.0 else 65535.0
        return (values_HW.clip(0, largest) / largest * 255.0).round().astype(np.uint8)
    return (values_HW.clip(0, 65535) // 257).astype(np.uint8)
