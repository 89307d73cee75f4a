"""Table files as streams: CSV, TSV, JSON lines and Parquet.

Ragged rows are reported and left out; they do not stop the reading.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
import unicodedata

import pyarrow as pa
import pyarrow.csv as pa_csv

from components.shared.tables.column_types import MISSING_NUMBERS
from components.shared.tables.csv_stream import delimited_batches
from components.shared.tables.delimited_form import DelimitedForm
from components.shared.tables.json_lines import json_batches
from components.shared.tables.opening import opened, opened_text, readable
from components.shared.tables.parquet_file import parquet_file, stored_schema
from components.shared.tables.repair_spec import repaired_names, Repairs, repairs_of
from components.shared.tables.repairs import FailedRepairs, repaired, repaired_type
from components.shared.tables.value_cleaning import ValueCleaning

_BATCH_ROWS = 16384


@dataclass(frozen=True, kw_only=True, slots=True)
class RaggedRow:
    """A row with another number of values than the header.

    Attributes
    ----------
    row
        Its number, counted from 1, the header where there is one; blank lines do not count.
    num_expected, num_found
        Numbers of values: the first row's, and this row's.
    num_lines
        Lines it spans; many where a quote is never closed.
    """

    row: int
    num_expected: int
    num_found: int
    num_lines: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class TableFile:
    """A table file, at a local path or an fsspec URI, and how it is read.

    Attributes
    ----------
    names
        Names of the columns as they stand in the file, are given or made; empty for Parquet, which has its own.
    form
        How delimited text is built; None for other files.
    cleaning
        What readers do to the values; batches hold them as they stand.
    inferred
        What was recognised rather than told, one sentence each.
    repairs
        What is done to columns before they are handed over; all else names columns as they are afterwards.
    repair_cleaning
        What is missing before the repairs where another cleaning than this file's says so: the model's.
    """

    uri: str
    is_parquet: bool = False
    is_json_lines: bool = False
    encoding: str = "utf-8"
    names: tuple[str, ...] = ()
    form: DelimitedForm | None = None
    cleaning: ValueCleaning = field(default_factory=ValueCleaning)
    inferred: tuple[str, ...] = field(default=())
    repairs: Repairs = ()
    repair_cleaning: ValueCleaning | None = None

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return PurePosixPath(self.uri).name

    @property
    def first_row(self) -> int:
        """Number of the first row of values, as a person counts rows: 2 below a header, else 1."""
        return 2 if self.form is not None and self.form.has_header else 1

    def column_names(self) -> list[str]:
        """Names of the columns, NFC, after their repairs.

        Raises
        ------
        ValueError
            If the file cannot be read, repeats a name, or its repairs do not fit it.
        """
        return repaired_names(self.source_names(), self.repairs, where=self.uri)

    def check_repairs(self) -> None:
        """Raise ValueError where a repair names a column that is not there."""
        repaired_names(self.source_names(), self.repairs, where=self.uri, needs_all=True)

    def source_names(self) -> list[str]:
        """Names of the columns, NFC, before their repairs; see `column_names`."""
        found = stored_schema(self.uri).names if self.is_parquet else self.names
        names = [unicodedata.normalize("NFC", name).strip() for name in found]
        repeated = next((name for name, count in Counter(names).items() if count > 1), None)
        if repeated is not None:
            raise ValueError(f"{self.uri} must not repeat a column's name, but {repeated!r} occurs more than once")
        return names

    def schema(self) -> pa.Schema:
        """Columns of a Parquet file under their names (NFC) with their types, after their repairs."""
        types = zip(self.column_names(), stored_schema(self.uri).types, strict=True)
        return pa.schema([(name, repaired_type(name, kind, self.repairs)) for name, kind in types])

    def iter_batches(
        self, ragged: list[RaggedRow] | None = None, failed: FailedRepairs | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Stream the file; only one block is held at a time.

        Parameters
        ----------
        ragged
            Receives the rows that have too few or too many values and are left out.
        failed
            Receives the values that could not be repaired.

        Yields
        ------
        pa.RecordBatch
            Repaired columns under their names (NFC). Those of text are all strings as they stand, null where empty.

        Raises
        ------
        ValueError
            If the file cannot be read as what it should be.
        """
        names = self.source_names()
        repaired_names(names, self.repairs, where=self.uri)
        found = [] if ragged is None else ragged
        for batch in self._raw_batches(names, found):
            named = pa.RecordBatch.from_arrays(batch.columns, names)
            for start in range(0, named.num_rows, _BATCH_ROWS):
                yield self._repaired(named.slice(start, _BATCH_ROWS), failed)

    def iter_typed_batches(
        self, types: Mapping[str, pa.DataType], ragged_lines: list[int] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Stream text in types that were decided before; delimited text several times as fast as `iter_batches`.

        Parameters
        ----------
        types
            null, int64, float64 or string for each column, by its name (NFC).
        ragged_lines
            Receives, for each row with too few or too many values, the number of lines that it spans; such rows are
            left out.

        Yields
        ------
        pa.RecordBatch
            Repaired columns under their names (NFC); numbers are null where empty or a word for missing, texts as they
            stand.

        Raises
        ------
        ValueError
            If a value does not fit its column's type, or the file cannot be read.
        """
        names = self.column_names()
        if self.is_json_lines:
            yield from self._typed_json_batches(types)
            return
        changed = self._changed_columns(names)
        read = {name: pa.string() if name in changed else types[name] for name in names}
        convert = pa_csv.ConvertOptions(
            column_types={str(number): read[name] for number, name in enumerate(names)},
            null_values=["", *MISSING_NUMBERS, *self.cleaning.missing],
            strings_can_be_null=False,
        )
        lines = [] if ragged_lines is None else ragged_lines
        assert self.form is not None
        for batch in delimited_batches(
            self.uri,
            self.form,
            convert,
            encoding=self.encoding,
            skipped=lambda row: lines.append(_num_lines(row)),
            use_threads=True,
        ):
            if changed:
                batch = self._repaired(pa.RecordBatch.from_arrays(batch.columns, self.source_names()))
                yield self._typed(batch, types, changed)
            else:
                yield pa.RecordBatch.from_arrays(batch.columns, names)

    def repaired_rows(self, rows: Mapping[str, pa.Array], failed: FailedRepairs | None = None) -> dict[str, pa.Array]:
        """Some columns of N rows by their names in the data, repaired; see `repairs.repaired`."""
        with readable(self.uri):
            return repaired(
                rows,
                self.repairs,
                cleaning=self.repair_cleaning or self.cleaning,
                failed=failed,
                is_typed=self.is_parquet,
            )

    def _repaired(self, batch: pa.RecordBatch, failed: FailedRepairs | None = None) -> pa.RecordBatch:
        if not self.repairs:
            return batch
        columns = self.repaired_rows(dict(zip(batch.schema.names, batch.columns, strict=True)), failed)
        return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))

    def _changed_columns(self, names: Sequence[str]) -> frozenset[str]:
        """Those of the columns whose values a repair changes."""
        changing = [name for name in names if any(r.changes_values for r in repairs_of([name], self.repairs))]
        return frozenset(changing)

    def _typed(self, batch: pa.RecordBatch, types: Mapping[str, pa.DataType], names: Collection[str]) -> pa.RecordBatch:
        """The batch with some columns of text in the types that were decided; texts stay as they stand."""
        with readable(self.uri):
            columns = [
                self._typed_column(column, types[name]) if name in names and types[name] != pa.string() else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
        return pa.RecordBatch.from_arrays(columns, batch.schema.names)

    def _typed_column(self, values: pa.Array, kind: pa.DataType) -> pa.Array:
        if kind != pa.null():
            return self.cleaning.column(values, kind)
        if values.null_count < len(values):
            raise pa.ArrowInvalid("a column that seemed empty holds values")
        return pa.nulls(len(values))

    def _raw_batches(self, names: list[str], ragged: list[RaggedRow]) -> Iterator[pa.RecordBatch]:
        if self.is_parquet:
            return self._stored_batches()
        return self._json_batches(names) if self.is_json_lines else self._text_batches(names, ragged)

    def _json_batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        with readable(self.uri), opened_text(self.uri, self.encoding) as text:
            yield from json_batches(text, names, uri=self.uri)

    def _typed_json_batches(self, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        names = self.source_names()
        for batch in self._json_batches(names):
            yield self._typed(self._repaired(pa.RecordBatch.from_arrays(batch.columns, names)), types, types)

    def _stored_batches(self) -> Iterator[pa.RecordBatch]:
        with readable(self.uri), opened(self.uri, unpack=False) as stream:
            yield from parquet_file(stream).iter_batches(batch_size=_BATCH_ROWS)

    def _text_batches(self, names: list[str], ragged: list[RaggedRow]) -> Iterator[pa.RecordBatch]:
        texts = {str(number): pa.string() for number in range(len(names))}
        convert = pa_csv.ConvertOptions(column_types=texts, null_values=[""], strings_can_be_null=True)
        assert self.form is not None
        return delimited_batches(
            self.uri, self.form, convert, encoding=self.encoding, skipped=lambda row: ragged.append(_ragged_row(row))
        )


def _ragged_row(row: pa_csv.InvalidRow) -> RaggedRow:
    return RaggedRow(
        row=row.number,
        num_expected=row.expected_columns,
        num_found=row.actual_columns,
        num_lines=_num_lines(row),
    )


def _num_lines(row: pa_csv.InvalidRow) -> int:
    return len(row.text.splitlines()) or 1
