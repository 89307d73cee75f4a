"""Encoded bytes to RGB pixels: one function for ingestion, the feature store and the server.

Whatever a camera, a web page or a client sends becomes 8-bit RGB, upright, first frame, on white where it was
transparent; what cannot is refused with a reason. Plain JPEG files are decoded by simplejpeg, everything else by
Pillow: both stand on libjpeg-turbo with the exact transform and smooth chroma, and give the same pixels to the bit.
"""

from dataclasses import dataclass
import io
import warnings

import numpy as np
from PIL import Image, ImageOps
import simplejpeg

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 512 << 20
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # MPO has no opener of its own: it opens as JPEG
_EXIF_ORIENTATION = 274
_TIFF_BITS_PER_SAMPLE = 258
_PLAIN_COLOURS = {"YCbCr": 3, "Gray": 1}
_JPEG = b"\xff\xd8"
_START_OF_SCAN, _APP1, _APP2 = 0xDA, 0xE1, 0xE2


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
        What was changed, in words; empty for a plain image.
    """

    pixels_HWC: np.ndarray
    file_format: str
    channels: int
    conversions: tuple[str, ...]


def decode_image(data: bytes, *, min_side_px: int | None = None) -> DecodedImage:
    """Decode an image file to 8-bit RGB pixels, upright.

    Parameters
    ----------
    data
        The file's bytes.
    min_side_px
        Lets a JPEG file be decoded to a half, a quarter or an eighth of its size, where its shorter side stays this
        long: faster where the image is made smaller afterwards, the more so the larger it is. None keeps the size.

    Raises
    ------
    UndecodableImageError
        If the bytes are empty, no image, of an unknown format, truncated, or larger than `MAX_PIXELS`.
    """
    plain = _plain_jpeg(data, min_side_px) if _is_jpeg_without_notes(data) else None
    if plain is not None:
        return plain
    image = _opened(data)
    try:
        with warnings.catch_warnings(action="ignore"):
            conversions = _conversions(image, data)
            plain = None if conversions else _plain_jpeg(data, min_side_px)
            if plain is not None:
                return plain
            channels = len(image.getbands())
            file_format = image.format or "unknown"
            shrink = _shrink(image.height, image.width, min_side_px)
            if file_format == "JPEG" and shrink > 1:
                image.draft(None, (image.width // shrink, image.height // shrink))
            image.load()
            pixels_HWC = np.asarray(_as_rgb(ImageOps.exif_transpose(image)))
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError, Image.DecompressionBombError) as error:
        raise UndecodableImageError(f"the image is truncated or damaged: {error}") from error
    return DecodedImage(pixels_HWC=pixels_HWC, file_format=file_format, channels=channels, conversions=conversions)


def check_file_bytes(num_bytes: int) -> None:
    """Raise `UndecodableImageError` where a file has more than `MAX_FILE_BYTES`: ask before reading it."""
    if num_bytes > MAX_FILE_BYTES:
        raise UndecodableImageError(f"the file has {num_bytes:,} bytes, more than the {MAX_FILE_BYTES:,} allowed")


def num_pixels(data: bytes) -> int:
    """Pixels of an image file, from its header alone; raises as `decode_image`, for what the header shows."""
    with _opened(data) as image:
        return image.width * image.height


def encode_png(pixels_HWC: np.ndarray) -> bytes:
    """Bytes of a PNG file, without loss, of pixels of the shape (H, W, 3) or (H, W), uint8."""
    buffer = io.BytesIO()
    Image.fromarray(pixels_HWC).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def _opened(data: bytes) -> Image.Image:
    if not data:
        raise UndecodableImageError("the file is empty")
    try:
        with warnings.catch_warnings(action="ignore"):
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


def _plain_jpeg(data: bytes, min_side_px: int | None) -> DecodedImage | None:
    """A grey or colour JPEG file as it is; None where it is another, or where only Pillow can say what is wrong."""
    if data[:2] != _JPEG:
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in _PLAIN_COLOURS or height * width > MAX_PIXELS:
            return None
        shrink = _shrink(height, width, min_side_px)
        least = (-(-height // shrink), -(-width // shrink)) if shrink > 1 else (0, 0)
        pixels_HWC = simplejpeg.decode_jpeg(data, "RGB", min_height=least[0], min_width=least[1])
    except ValueError:
        return None
    return DecodedImage(pixels_HWC=pixels_HWC, file_format="JPEG", channels=_PLAIN_COLOURS[colours], conversions=())


def _is_jpeg_without_notes(data: bytes) -> bool:
    """Whether it is a JPEG file whose header cannot ask for a turn (EXIF, XMP) nor name further frames (MPF)."""
    place = 2
    while data[:2] == _JPEG and data[place : place + 1] == b"\xff":
        marker = data[place + 1]
        if marker == _START_OF_SCAN:
            return True
        if marker == _APP1 or (marker == _APP2 and data[place + 4 : place + 8] == b"MPF\0"):
            return False
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return False


def _shrink(height: int, width: int, min_side_px: int | None) -> int:
    """The largest of 8, 4, 2 and 1 by which both sides can be divided and stay long enough."""
    if min_side_px is None:
        return 1
    return next((number for number in (8, 4, 2) if -(-min(height, width) // number) >= min_side_px), 1)


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
