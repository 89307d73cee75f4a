"""A first look at a table file: the types of its columns, and its ragged rows."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from components.data_ingestion.ingestion_facts import Quarantined
from components.data_ingestion.splits import NOT_PINNED
from components.shared.runtime.personal_forms import PersonalKind
from components.shared.runtime.progress import progress
from components.shared.tables.column_types import as_type, type_of_stored, type_of_texts, widest_types
from components.shared.tables.personal_columns import PEEKED_ROWS, personal_kind_of_numbers
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
    personal
        Columns of numbers whose first rows say that they hold personal data.
    """

    file: TableFile
    pinned: int
    types: dict[str, pa.DataType | None]
    ragged: tuple[RaggedRow, ...]
    personal: Mapping[str, PersonalKind] = field(default_factory=dict)

    @property
    def num_ragged(self) -> int:
        """Lines that ragged rows take up: more than rows where a quote is never closed."""
        return sum(row.num_lines for row in self.ragged)

    def row_name(self, row: int) -> str:
        """File and row, as a person counts it, of a row numbered from 0 among those that are not ragged.

        In text the header is row 1, in Parquet the first row of values.
        """
        if self.file.is_parquet:
            return f"{self.file.name}, row {row + 1}"
        # The k-th ragged row (from 0) stands behind `row number - k - 2` rows that are not ragged.
        before = [ragged.row - position - 2 for position, ragged in enumerate(self.ragged)]
        return f"{self.file.name}, row {row + 2 + bisect_right(before, row)}"

    def quarantined(self) -> list[Quarantined]:
        """The ragged rows with their reasons."""
        return [Quarantined(name=f"{self.file.name}, row {row.row}", reason=_reason(row)) for row in self.ragged]


def scanned_table(file: TableFile, *, pinned: int = NOT_PINNED) -> ScannedTable:
    """Look through a file once, in a stream; `pinned` is the split that it is, where it is one."""
    if file.is_parquet:
        stored = widest_types([{column.name: type_of_stored(column.type) for column in file.schema()}])
        return ScannedTable(file=file, pinned=pinned, types=stored, ragged=(), personal=_personal(file, stored))
    ragged: list[RaggedRow] = []
    found: list[dict[str, pa.DataType | None]] = [dict.fromkeys(file.column_names(), pa.null())]
    for batch in progress(file.iter_batches(ragged), label=f"looking through {file.name}", unit="block"):
        parts = zip(batch.schema.names, batch.columns, strict=True)
        found.append({name: type_of_texts(column) for name, column in parts})
    ragged.sort(key=lambda row: row.row)
    types = widest_types(found)
    return ScannedTable(file=file, pinned=pinned, types=types, ragged=tuple(ragged), personal=_personal(file, types))


def _personal(file: TableFile, types: Mapping[str, pa.DataType | None]) -> dict[str, PersonalKind]:
    """Columns of numbers that hold personal data, by the first rows."""
    first = next(file.iter_batches(), None)
    if first is None:
        return {}
    peeked = first.slice(0, PEEKED_ROWS)
    numbers = [name for name, kind in types.items() if kind in (pa.int64(), pa.float64())]
    values = {name: as_type(peeked.column(peeked.schema.names.index(name)), types[name]) for name in numbers}
    found = {name: personal_kind_of_numbers(name, column) for name, column in values.items()}
    return {name: kind for name, kind in found.items() if kind is not None}


def _reason(row: RaggedRow) -> str:
    values = f"it has {row.num_found} values where the header has {row.num_expected}"
    if row.num_lines == 1:
        return values
    return f"{values}, and spans {row.num_lines} lines: is a quote never closed (table.quoting: false)?"
