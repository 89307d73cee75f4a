"""A first look at a table file: the types of its columns, and its ragged rows."""

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from components.data_ingestion.ingestion_facts import Quarantined
from components.data_ingestion.splits.line import NOT_PINNED
from components.shared.runtime.progress import progress
from components.shared.tables.column_roles import PEEK_ROWS
from components.shared.tables.column_types import type_of_stored, widest_types
from components.shared.tables.repairs import FailedRepairs
from components.shared.tables.table_files import RaggedRow, TableFile


@dataclass(frozen=True, kw_only=True, slots=True)
class ScannedTable:
    """A table file after the first look.

    Attributes
    ----------
    pinned
        The split that it is (an index into `SPLIT_NAMES`), or `NOT_PINNED`.
    types
        int64, float64 or string for each column, None where it cannot be carried over.
    ragged
        Rows that are left out since they have too few or too many values.
    """

    file: TableFile
    pinned: int
    types: dict[str, pa.DataType | None]
    ragged: tuple[RaggedRow, ...]

    @property
    def num_ragged(self) -> int:
        """Lines that ragged rows take up: more than rows where a quote is never closed."""
        return sum(row.num_lines for row in self.ragged)

    def first_rows(self) -> dict[str, pa.Array]:
        """The columns' first values, typed as far as the file says or was found out: what their roles are told by."""
        batches: list[pa.RecordBatch] = []
        for batch in self.file.iter_batches([]):
            batches.append(batch)
            if sum(found.num_rows for found in batches) >= PEEK_ROWS:
                break
        if not batches:
            return {name: pa.nulls(0) for name in self.types}
        rows = pa.Table.from_batches(batches).slice(0, PEEK_ROWS).combine_chunks()
        stored = {name: pa.concat_arrays(rows.column(name).chunks) for name in rows.column_names}
        cleaning = self.file.cleaning
        if self.file.is_parquet:
            return {name: cleaning.typed(values) for name, values in stored.items()}
        return {name: cleaning.column(values, self.types[name] or pa.string()) for name, values in stored.items()}

    def row_name(self, row: int) -> str:
        """File and row, as a person counts it, of a row numbered from 0 among those that are not ragged.

        A header is row 1; without one the first row of values is.
        """
        first = self.file.first_row
        # The k-th ragged row (from 0) stands behind `row number - k - first` rows that are not ragged.
        before = [ragged.row - position - first for position, ragged in enumerate(self.ragged)]
        return f"{self.file.name}, row {row + first + bisect_right(before, row)}"

    def failed_repairs(self, failed: FailedRepairs, *, personal: Collection[str]) -> list[str]:
        """Sentences on values that could not be repaired; those of `personal` columns are not shown."""
        return [
            found.sentence(self.row_name(found.row), is_personal=found.column in personal)
            for found in failed.by_column.values()
        ]

    def quarantined(self) -> list[Quarantined]:
        """The ragged rows with their reasons."""
        first = "first row" if self.file.first_row == 1 else "header"
        return [Quarantined(name=f"{self.file.name}, row {row.row}", reason=_reason(row, first)) for row in self.ragged]


def scanned_table(file: TableFile, *, pinned: int = NOT_PINNED) -> ScannedTable:
    """Look through a file once, in a stream; `pinned` is the split that it is, where it is one."""
    if file.is_parquet:
        stored = widest_types([{column.name: type_of_stored(column.type) for column in file.schema()}])
        return ScannedTable(file=file, pinned=pinned, types=stored, ragged=())
    ragged: list[RaggedRow] = []
    found: list[dict[str, pa.DataType | None]] = [dict.fromkeys(file.column_names(), pa.null())]
    for batch in progress(file.iter_batches(ragged), label=f"looking through {file.name}", unit="block"):
        parts = zip(batch.schema.names, batch.columns, strict=True)
        found.append({name: file.cleaning.type_of_texts(column) for name, column in parts})
    ragged.sort(key=lambda row: row.row)
    types = widest_types(found)
    return ScannedTable(file=file, pinned=pinned, types=types, ragged=tuple(ragged))


def _reason(row: RaggedRow, first: str) -> str:
    values = f"it has {row.num_found} values where the {first} has {row.num_expected}"
    if row.num_lines == 1:
        return values
    return f"{values}, and spans {row.num_lines} lines: is a quote never closed (table.quoting: false)?"
