"""Image files, and cells of a table that hold images or their paths."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from components.modeling.images.decoding import UndecodableImageError
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
    """The bytes of an image file; `UndecodableImageError` where it is missing or cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise UndecodableImageError("it is no regular file")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UndecodableImageError("there is no such file") from error
    except OSError as error:
        raise UndecodableImageError(f"the file cannot be read: {error.strerror or error}") from error


def image_cells(column: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Encoded images of a column (B,), null where there is none, and the paths of the others by row.

    Its values are encoded images, paths, or the structs of `bytes` and `path` of the Hugging Face data sets.
    """
    contents = [_content(value) for value in column.to_pylist()]
    paths = {row: content for row, content in enumerate(contents) if isinstance(content, str)}
    return pa.array([None if isinstance(content, str) else content for content in contents], pa.binary()), paths


def holds_images(kind: pa.DataType) -> bool:
    """Whether a column of this type may be one that `image_cells` reads."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 or kind.get_field_index("path") >= 0
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return plain in (pa.binary(), pa.large_binary(), pa.string(), pa.large_string())


def _content(value: Any) -> bytes | str | None:
    if isinstance(value, dict):
        return value.get("bytes") or value.get("path") or None
    return (value.strip() if isinstance(value, str) else value) or None
