"""The rows of a table file, unchanged, in small batches of only the columns that are wanted."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from components.shared.tables.column_types import type_of_stored, widest_types
from components.shared.tables.opening import opened, readable
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.repairs import FailedRepairs
from components.shared.tables.table_files import RaggedRow, TableFile

Rows = Mapping[str, pa.Array]


def iter_rows(
    file: TableFile,
    columns: Sequence[str],
    *,
    batch_rows: int,
    ragged: list[RaggedRow],
    failed: FailedRepairs | None = None,
) -> Iterator[Rows]:
    """Stream some columns of a table, by name, repaired; all are texts where the file is delimited text.

    A Parquet file of images holds no more than `batch_rows` of them in memory. Rows of delimited text with too few or
    too many values are left out and appended to `ragged`; `failed` receives the values that could not be repaired.
    """
    if file.is_parquet:
        yield from _stored_rows(file, columns, batch_rows, failed)
        return
    for batch in file.iter_batches(ragged, failed):
        for start in range(0, batch.num_rows, batch_rows):
            yield {name: batch.column(name).slice(start, batch_rows) for name in columns}


def column_types(file: TableFile, columns: Sequence[str]) -> dict[str, pa.DataType]:
    """int64, float64 or string for each column: a Parquet file's types, else the narrowest that hold all values.

    Delimited text is read once for it.
    """
    if file.is_parquet:
        schema = file.schema()
        found = [{name: type_of_stored(schema.field(name).type) for name in columns}]
    else:
        cleaning = file.cleaning
        found = [
            {name: cleaning.type_of_texts(batch.column(name)) for name in columns} for batch in file.iter_batches()
        ]
    types = {}
    for name, kind in widest_types([dict.fromkeys(columns, pa.null()), *found]).items():
        if kind is None:
            raise ValueError(
                f"column {name!r} of {file.uri} must hold numbers or texts, got {file.schema().field(name).type}"
            )
        types[name] = kind
    return types


def _stored_rows(
    file: TableFile, columns: Sequence[str], batch_rows: int, failed: FailedRepairs | None
) -> Iterator[Rows]:
    with readable(file.uri), opened(file.uri, unpack=False) as stream:
        stored = parquet_file(stream)
        name_of = dict(zip(stored.schema_arrow.names, file.source_names(), strict=True))
        known_as = zip(stored.schema_arrow.names, file.column_names(), strict=True)
        wanted = [name for name, known in known_as if known in columns]
        for batch in stored.iter_batches(batch_size=batch_rows, columns=wanted):
            rows = {name_of[name]: column for name, column in zip(batch.schema.names, batch.columns, strict=True)}
            yield file.repaired_rows(rows, failed)
