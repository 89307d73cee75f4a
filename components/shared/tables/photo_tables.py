"""Tables of photos: which column holds them, what its cells mean, and which file beside photos is such a table."""

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa

from components.shared.tables.photo_file_names import has_image_suffix
from components.shared.tables.table_files import TableFile
from components.shared.tables.table_rows import iter_rows

# Usual names of a column that holds photos: encoded images, or paths or URIs of files.
IMAGE_NAMES = ("image", "path", "file", "file_name", "filename", "image_path", "photo", "uri", "bytes")
# A file of this name at the top of a folder describes the folder's photos.
LABEL_TABLES = ("labels.csv", "labels.tsv", "labels.parquet", "labels.jsonl")
_LOOKED_AT = 1000


def photo_column(
    file: TableFile, *, told: str | None = None, ignored: Sequence[str] = (), is_image: bool = False
) -> str | None:
    """The column of a table that holds photos.

    Parameters
    ----------
    told
        The column that the user names.
    ignored
        Columns that are never taken.
    is_image
        Whether the table is known to hold photos, so that a usual name is enough; else values must look like photos.

    Returns
    -------
    str | None
        The column that is told; else the first of `IMAGE_NAMES` (in any case) that holds encoded images or, in its
        first 1,000 values, nothing but names of image files; None where there is none.

    Raises
    ------
    ValueError
        If there is no column of the name that is told, or it cannot hold photos.
    """
    names = file.column_names()
    if told is not None:
        if told not in names:
            raise ValueError(f"{file.uri} must have the column {told!r}; it has {', '.join(names)}")
        if not _may_hold_photos(file, told):
            kind = file.schema().field(told).type
            raise ValueError(f"column {told!r} of {file.uri} must hold encoded images or paths, got {kind}")
        return told
    usual = [name for word in IMAGE_NAMES for name in names if name.casefold() == word and name not in ignored]
    candidates = [name for name in usual if _may_hold_photos(file, name)]
    return next((name for name in candidates if is_image or _shows_photos(file, name)), None)


def label_table(names: Collection[str], *, where: str) -> str | None:
    """The table among the names of files in a folder that describes its photos; None where there is none.

    Raises
    ------
    ValueError
        If there is more than one.
    """
    found = [name for name in LABEL_TABLES if name in names]
    if len(found) > 1:
        raise ValueError(f"{where} must hold one table of labels, but holds {' and '.join(found)}: remove all but one")
    return found[0] if found else None


def file_name(path: str) -> str:
    """The path within what a path or URI names: without protocol, query and fragment, with forward slashes."""
    protocol, separator, rest = path.partition("://")
    if not separator:
        return path.replace("\\", "/")
    return rest.partition("#")[0].partition("?")[0] if protocol.startswith("http") else rest


def image_cells(column: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Encoded images of a column (B,), null where there is none, and the paths of the others by row.

    Its values are encoded images, paths, or the structs of `bytes` and `path` of the Hugging Face data sets.
    """
    contents = [_content(value) for value in column.to_pylist()]
    paths = {row: content for row, content in enumerate(contents) if isinstance(content, str)}
    return pa.array([None if isinstance(content, str) else content for content in contents], pa.binary()), paths


def holds_images(kind: pa.DataType) -> bool:
    """Whether a column of this type may be one that `image_cells` reads."""
    return _is_bytes(kind) or _plain(kind) in (pa.string(), pa.large_string())


def stores_images(file: TableFile, column: str) -> bool:
    """Whether a table's column holds encoded images (as bytes or structs), not names of files."""
    return file.is_parquet and _is_bytes(file.schema().field(column).type)


def _may_hold_photos(file: TableFile, column: str) -> bool:
    return not file.is_parquet or holds_images(file.schema().field(column).type)


def _shows_photos(file: TableFile, column: str) -> bool:
    """Whether a column stores images, or its first values are names of image files, at least one."""
    if stores_images(file, column):
        return True
    rows = next(iter(iter_rows(file, [column], batch_rows=_LOOKED_AT, ragged=[])), None)
    values = [] if rows is None else [value for value in rows[column].to_pylist() if value is not None]
    return bool(values) and all(has_image_suffix(file_name(str(value))) for value in values)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 or kind.get_field_index("path") >= 0
    return _plain(kind) in (pa.binary(), pa.large_binary())


def _content(value: Any) -> bytes | str | None:
    if isinstance(value, dict):
        return value.get("bytes") or value.get("path") or None
    return (value.strip() if isinstance(value, str) else value) or None
