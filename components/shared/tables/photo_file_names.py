"""What a file's name says: whether it is meant as an image, how people read it, and which label it holds."""

import os
from pathlib import PurePosixPath
import re
import unicodedata

_DECODABLE = ("jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "mpo")
_DECODABLE_PLAIN = ("ppm", "pgm", "pbm", "pnm")
# Not decoded, but listed: such a file is quarantined with its reason, not silently skipped.
_FOREIGN = ("heic", "heif", "avif", "jp2", "jxl", "svg", "ico", "psd", "tga")
IMAGE_SUFFIXES = frozenset(f".{suffix}" for suffix in (*_DECODABLE, *_DECODABLE_PLAIN, *_FOREIGN))

# `cat.123`, `cat_123`, `cat-123`, `cat 123`, `cat (123)`; a digit before _ or - is rather a date or a part's number.
_NUMBERED_NAME = re.compile(r"(?P<label>.*[^\s._\-()])(?:\.|\s|(?<!\d)[_-])[\s._-]*\(?\d+\)?", re.DOTALL)


def is_debris(name: str) -> bool:
    """Whether a relative path is hidden, or left over from an archiver."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def has_image_suffix(name: str) -> bool:
    """Whether a name has the suffix of an image format."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def readable_name(location: str) -> str:
    """A file name as people read it.

    Names that are not UTF-8 (surrogates stand for their bytes) are read as CP949, as Korean archives write them.
    Decomposed names, as macOS writes them, are composed (NFC). Bytes that are neither are written as escapes, so that
    different names stay different.
    """
    raw = os.fsencode(location)
    for encoding in ("utf-8", "cp949"):
        try:
            return unicodedata.normalize("NFC", raw.decode(encoding))
        except UnicodeDecodeError:
            continue
    return unicodedata.normalize("NFC", raw.decode("utf-8", errors="backslashreplace"))


def numbered_label(name: str) -> str | None:
    """The label before the number in a name like `cat.123.jpg`, `dog_4.png` or `cat (2).jpg`; None for other names."""
    match = _NUMBERED_NAME.fullmatch(PurePosixPath(name).stem)
    return match["label"].strip() if match else None
