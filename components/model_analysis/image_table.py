"""A table of images: a Parquet file with encoded bytes, or a CSV, TSV or Parquet file with the paths of image files."""

from collections.abc import Iterator, Sequence
import csv
from dataclasses import dataclass
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.model_analysis.image_batches import BATCH_ROWS, SourceImage

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
IMAGE_COLUMNS = ("image", "path", "file", "file_name", "filename", "image_path")
LABEL_COLUMNS = ("label", "class")
ID_COLUMNS = ("example_id", "id")
_ENCODINGS = ("utf-8-sig", "cp949")


@dataclass(frozen=True, kw_only=True, slots=True)
class TableColumns:
    """Which columns of a table hold what; None where the table has no such column.

    Attributes
    ----------
    image
        Encoded bytes, or paths relative to the table's folder.
    label
        The label.
    example_id
        What names an example; without it a path or the row's number does.
    """

    image: str
    label: str | None
    example_id: str | None


def choose_columns(names: Sequence[str], *, image: str | None, label: str | None, where: Path) -> TableColumns:
    """Recognise a table's columns by their names.

    Parameters
    ----------
    names
        The table's columns.
    image, label
        What the user says, None to look for `IMAGE_COLUMNS` and `LABEL_COLUMNS`.
    where
        The file, for errors.

    Raises
    ------
    ValueError
        If a column that the user names is not there, or none holds images.
    """
    for wanted in (image, label):
        if wanted is not None and wanted not in names:
            raise ValueError(f"{where} must have the column {wanted!r}; it has {', '.join(names)}")
    chosen = image or _first(names, IMAGE_COLUMNS)
    if chosen is None:
        raise ValueError(
            f"{where} must have a column of images called {', '.join(IMAGE_COLUMNS)}; it has {', '.join(names)}"
        )
    return TableColumns(image=chosen, label=label or _first(names, LABEL_COLUMNS), example_id=_first(names, ID_COLUMNS))


def table_images(
    path: Path, *, image_column: str | None = None, label_column: str | None = None
) -> Iterator[SourceImage]:
    """Images of a table, row by row.

    Parameters
    ----------
    path
        A `.csv`, `.tsv` or `.parquet` file.
    image_column, label_column
        Columns by name, None to recognise them.

    Yields
    ------
    SourceImage
        Named by the table's identifiers, else by its path, else `row-<number>`; names may repeat.

    Raises
    ------
    ValueError
        If the file is no such table, or has no column of images.
    """
    rows = _parquet_rows if path.suffix.lower() == ".parquet" else _text_rows
    for number, (content, label, name) in enumerate(rows(path, image_column, label_column)):
        reference = content if isinstance(content, str) and content else f"row-{number:06d}"
        located = path.parent / content if isinstance(content, str) else content
        yield SourceImage(example_id=name or reference, label=label, content=located or None)


def count_rows(path: Path) -> int | None:
    """Rows of a Parquet table from its footer; None for text, which would have to be read."""
    return pq.read_metadata(path).num_rows if path.suffix.lower() == ".parquet" else None


_Row = tuple[bytes | str | None, str | None, str | None]


def _text_rows(path: Path, image: str | None, label: str | None) -> Iterator[_Row]:
    encoding = _encoding_of(path)
    with open(path, encoding=encoding, newline="") as file:
        header = file.readline()
        delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t|", key=header.count)
        names = next(csv.reader(io.StringIO(header), delimiter=delimiter), [])
        columns = choose_columns([name.strip() for name in names], image=image, label=label, where=path)
        for row in csv.DictReader(file, fieldnames=[name.strip() for name in names], delimiter=delimiter):
            yield (
                (row[columns.image] or "").strip() or None,
                _text(row[columns.label]) if columns.label else None,
                _text(row[columns.example_id]) if columns.example_id else None,
            )


def _encoding_of(path: Path) -> str:
    for encoding in _ENCODINGS:
        try:
            with open(path, encoding=encoding) as file:
                while file.read(1 << 20):
                    pass
        except UnicodeDecodeError:
            continue
        return encoding
    raise ValueError(f"{path} must be text in UTF-8 or CP949, but is neither")


def _parquet_rows(path: Path, image: str | None, label: str | None) -> Iterator[_Row]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} must be a Parquet file, but cannot be read: {error}") from error
    with file:
        schema = file.schema_arrow
        columns = choose_columns(schema.names, image=image, label=label, where=path)
        _check_kind(schema.field(columns.image), path)
        wanted = [name for name in (columns.image, columns.label, columns.example_id) if name is not None]
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
            for row in batch.to_pylist():
                label_value = row[columns.label] if columns.label else None
                name = row[columns.example_id] if columns.example_id else None
                yield _content(row[columns.image]), _text(label_value), _text(name)


def _check_kind(field: pa.Field, path: Path) -> None:
    kind = field.type
    if pa.types.is_struct(kind):
        usable = kind.get_field_index("bytes") >= 0 or kind.get_field_index("path") >= 0
    else:
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        usable = plain in (pa.binary(), pa.large_binary(), pa.string(), pa.large_string())
    if not usable:
        raise ValueError(f"column {field.name!r} of {path} must hold encoded images or paths, got {kind}")


def _content(value: Any) -> bytes | str | None:
    if isinstance(value, dict):  # the `image` struct of the Hugging Face data sets
        return value.get("bytes") or value.get("path") or None
    return value or None


def _text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers with a gap becomes one of floats
    return str(value).strip() or None


def _first(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in names), None)
