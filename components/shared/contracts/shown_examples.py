"""What a person may see of examples: values without personal columns, personal data in texts masked; images; sheets.

Sheets are CSV files that a spreadsheet opens, of which no cell runs as a formula.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ColumnRole, ExampleTable
from components.shared.contracts.label_versions.matching import matched_rows
from components.shared.runtime.atomic_files import write_text
from components.shared.tables.personal_columns import kept_columns, masked_texts
from components.shared.tables.spreadsheet_cells import guarded_csv

MAX_COLUMNS = 20
# Python's csv reads cells of 128 KiB at most; a person reads far less.
MAX_CELL_CHARACTERS = 20_000
_ID = "example_id"
_SHOWN_ROLES: tuple[ColumnRole, ...] = ("payload", "feature", "id", "slice", "group", "time", "metadata")


def shown_columns(examples: ExampleTable) -> list[str]:
    """Names of the columns that may be shown, the first 20."""
    info = examples.info
    return [
        name
        for name in info.columns_of(*_SHOWN_ROLES)
        if name != _ID and name in examples.schema.names and "pii" not in info.roles_of(name)
        if _is_plain(examples.schema.field(name).type)
    ][:MAX_COLUMNS]


def shown_values(examples: ExampleTable, example_ids: Sequence[str]) -> dict[str, list[object]]:
    """Values of the columns that may be shown, masked, of some examples, by column; None of one that is not there."""
    names, kept = shown_columns(examples), kept_columns(examples.schema)
    rows = rows_of(examples, names, example_ids)
    return {
        name: (rows.column(name) if name in kept else masked_texts(rows.column(name).combine_chunks())).to_pylist()
        for name in names
    }


def images_of(examples: ExampleTable, example_ids: Sequence[str]) -> list[bytes]:
    """Encoded images of some examples, in their order."""
    images: list[bytes] = rows_of(examples, ["image"], example_ids).column("image").to_pylist()
    return images


def rows_of(examples: ExampleTable, names: Sequence[str], example_ids: Sequence[str]) -> pa.Table:
    """`example_id` and some columns of examples, in the order of their identifiers as the predictions table has them.

    A row of nulls for one that is not there.
    """
    wanted = pa.array(example_ids, pa.string())
    none = pa.schema([(_ID, pa.string()), *((name, examples.schema.field(name).type) for name in names)]).empty_table()
    parts = [none]
    for batch, places in matched_rows(examples, example_ids, names):
        parts.append(pa.table([wanted.take(pa.array(places)), *batch.columns], [_ID, *names]))
    rows = pa.concat_tables(parts)
    return rows.take(pc.index_in(wanted, value_set=rows.column(_ID).combine_chunks()))


def _is_plain(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def write_sheet(
    path: str | Path, columns: Sequence[str], told: Sequence[Mapping[str, object]], examples: ExampleTable
) -> None:
    """Write a CSV of what is told of some examples, and after it the columns of theirs that may be shown.

    Parameters
    ----------
    columns
        What is told of each, `example_id` among them; a column of the table with one of these names is renamed.
    told
        One an example.
    """
    shown = shown_values(examples, [str(row[_ID]) for row in told]) if told else {}
    names = {name: name if name not in columns else f"{name} (column)" for name in shown}
    rows = [
        [*(_shortened(row[name]) for name in columns), *(_shortened(shown[name][place]) for name in names)]
        for place, row in enumerate(told)
    ]
    write_text(path, guarded_csv([*columns, *names.values()], rows))


def _shortened(value: object) -> object:
    return value[:MAX_CELL_CHARACTERS] if isinstance(value, str) else value
