"""Image files: which files are meant as one, and their bytes."""

from pathlib import Path

from components.modeling.images.decoding import check_file_bytes, UndecodableImageError
from components.shared.tables.photo_file_names import has_image_suffix

_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"II*\x00", b"MM\x00*")


def is_image_file(path: Path) -> bool:
    """Whether a file is meant as an image: by its suffix, or where it has none by its first bytes."""
    if path.suffix:
        return has_image_suffix(path.name)
    try:
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            return file.read(8).startswith(_MAGIC)
    except OSError:
        return False


def encoded_image(path: Path) -> bytes:
    """The bytes of an image file; `UndecodableImageError` where it is missing, too large, or cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise UndecodableImageError("it is no regular file")
        check_file_bytes(path.stat().st_size)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UndecodableImageError("there is no such file") from error
    except OSError as error:
        raise UndecodableImageError(f"the file cannot be read: {error.strerror or error}") from error
