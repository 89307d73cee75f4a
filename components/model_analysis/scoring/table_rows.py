"""The rows of a table file as they stand, in small batches, of only the columns that are wanted."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from components.shared.tables.column_types import type_of_stored, type_of_texts, widest_types
from components.shared.tables.opening import readable
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.table_files import RaggedRow, TableFile

Rows = Mapping[str, pa.Array]


def iter_rows(file: TableFile, columns: Sequence[str], *, batch_rows: int, ragged: list[RaggedRow]) -> Iterator[Rows]:
    """Stream some columns of a table.

    Parameters
    ----------
    file
        The table.
    columns
        Some of `file.column_names()`, each once.
    batch_rows
        Rows a batch at most: a Parquet file of images holds no more of them in memory.
    ragged
        Is given the rows of delimited text that have too few or too many values and are left out.

    Yields
    ------
    Mapping of str to pa.Array
        The columns by name, of equal length; all texts where the file is delimited text.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    if file.is_parquet:
        yield from _stored_rows(file, columns, batch_rows)
        return
    for batch in file.iter_batches(ragged):
        for start in range(0, batch.num_rows, batch_rows):
            yield {name: batch.column(name).slice(start, batch_rows) for name in columns}


def column_types(file: TableFile, columns: Sequence[str]) -> dict[str, pa.DataType]:
    """Types of some columns: those of a Parquet file, or the narrowest that hold all values of delimited text.

    Parameters
    ----------
    file
        The table; delimited text is read once for it.
    columns
        Some of `file.column_names()`.

    Returns
    -------
    dict
        int64, float64 or string for each column.

    Raises
    ------
    ValueError
        If a column of a Parquet file holds neither numbers nor texts, or the file cannot be read.
    """
    if file.is_parquet:
        schema = file.schema()
        found = [{name: type_of_stored(schema.field(name).type) for name in columns}]
    else:
        found = [{name: type_of_texts(batch.column(name)) for name in columns} for batch in file.iter_batches()]
    types = {}
    for name, kind in widest_types([dict.fromkeys(columns, pa.null()), *found]).items():
        if kind is None:
            raise ValueError(
                f"column {name!r} of {file.uri} must hold numbers or texts, got {file.schema().field(name).type}"
            )
        types[name] = kind
    return types


def _stored_rows(file: TableFile, columns: Sequence[str], batch_rows: int) -> Iterator[Rows]:
    with readable(file.uri), parquet_file(file.uri) as stored:
        name_of = dict(zip(stored.schema_arrow.names, file.column_names(), strict=True))
        wanted = [name for name, known_as in name_of.items() if known_as in columns]
        for batch in stored.iter_batches(batch_size=batch_rows, columns=wanted):
            yield {name_of[name]: column for name, column in zip(batch.schema.names, batch.columns, strict=True)}
