"""The pool: examples without a label, in a table of their own that nothing is trained on."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from components.shared.contracts.example_table import (
    ExampleTable,
    ExampleTableInfo,
    ExampleTableWriter,
    PAYLOAD_COLUMNS,
    PROVENANCE_COLUMNS,
)
from components.shared.tables.personal_columns import kept_columns

_BASE_COLUMNS = ("example_id", "split", "label", *PROVENANCE_COLUMNS)


def write_pool(
    path: Path,
    info: ExampleTableInfo,
    batches: Iterable[pa.RecordBatch],
    *,
    extra_columns: Mapping[str, pa.DataType],
    kept: Collection[str] = (),
) -> int:
    """Write examples without split and label; returns how many. Without any, the table has no rows.

    `info` is that of the example table beside it: its classes are those that the pool's examples may turn out to be.
    `kept` are columns whose personal data stay as they are.
    """
    with ExampleTableWriter(path, replace(info, is_pool=True), extra_columns=extra_columns) as writer:
        writer.keep_personal(kept)
        for batch in batches:
            writer.write(batch)
    return writer.num_rows


def write_empty_pool(path: Path, examples_path: Path) -> None:
    """Write a pool without rows, of the columns that an example table has."""
    table = ExampleTable(examples_path)
    payload = [name for name, _ in PAYLOAD_COLUMNS[table.info.modality]]
    extra = {field.name: field.type for field in table.schema if field.name not in (*_BASE_COLUMNS, *payload)}
    write_pool(path, table.info, (), extra_columns=extra, kept=kept_columns(table.schema))
