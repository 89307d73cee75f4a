"""A table to be examined, wherever it lies: columns in the types in which they are examined, read in a stream."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.tables.value_cleaning import MAX_VALUE_BYTES, too_long


class TypesWidened(ValueError):  # noqa: N818  it asks to begin again, and nothing is wrong
    """Reading found values that do not fit the types decided on the first rows.

    The source has looked through the whole file since and knows its types: begin again with `source.schema`. A caller
    that would rather not be interrupted calls `source.settle()` first. `profile_table` begins again by itself, and no
    later reading of that source is interrupted.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Row groups of one of a table's Parquet files, by their numbers."""

    file: int
    row_groups: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePart:
    """A run of a table's rows that can be read by itself; without `pieces` it is the whole of a text file.

    `start_row` counts from 0; `num_rows` is None where only reading tells.
    """

    start_row: int = 0
    num_rows: int | None = None
    pieces: tuple[Piece, ...] = ()


class TableSource(ABC):
    """One table at a local path or an fsspec URI; `info` is what an example table says of itself, else None.

    `kept` are the columns of an example table whose personal data stay as they are.
    """

    def __init__(self, uri: str, *, info: ExampleTableInfo | None = None, kept: frozenset[str] = frozenset()) -> None:
        self.uri = uri
        self.info = info
        self.kept = kept

    @property
    def name(self) -> str:
        """The file's or folder's name, for messages."""
        return PurePosixPath(self.uri).name or self.uri

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """Columns under their names, in the types in which they are examined.

        int64, float64, string, timestamp in microseconds, or null for a column without any value; a column of lists,
        structures or bytes keeps its own type and is not examined.
        """

    @property
    @abstractmethod
    def num_rows(self) -> int | None:
        """Number of rows; None where only reading tells."""

    @property
    @abstractmethod
    def remarks(self) -> tuple[str, ...]:
        """What was recognised or left out, one sentence each; more of it after reading."""

    @abstractmethod
    def parts(self, num_parts: int) -> list[TablePart]:
        """Up to `num_parts` runs of about equal length that together are the table, in its order."""

    @abstractmethod
    def _batches(self, columns: Sequence[str], part: TablePart | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Rows in the order of the table, with exactly these columns."""

    def settle(self) -> None:  # noqa: B027  nothing to do is the rule: only text has types to look for
        """Look through the whole table where that is what it takes to know its types."""

    def first_rows(self, num_rows: int) -> pa.RecordBatch | None:
        """The first rows, in the types of `schema`; None of a table without rows. It is never interrupted."""
        try:
            return next(self.iter_batches(batch_rows=num_rows), None)
        except TypesWidened:
            return next(self.iter_batches(batch_rows=num_rows), None)

    def iter_batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        part: TablePart | None = None,
        batch_rows: int = 65536,
        splits: Sequence[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Rows in the order of the table, in the types of `schema`, at least one a batch; all columns where None.

        Rows of `splits` only, where they are given. `ValueError` where a named column is not there or the table cannot
        be read; `TypesWidened` where a text file holds values that do not fit the types of its first rows.
        """
        wanted = list(self.schema.names if columns is None else columns)
        read = wanted if splits is None or "split" in wanted else [*wanted, "split"]
        known = set(self.schema.names)
        absent = next((name for name in read if name not in known), None)
        if absent is not None:
            raise ValueError(f"{self.uri} must have the column {absent!r}; it has {shortened(self.schema.names)}")
        for batch in regrouped(self._batches(read, part, batch_rows), batch_rows):
            kept = batch if splits is None else rows_of_splits(batch, splits)
            if kept.num_rows:
                yield pa.RecordBatch.from_arrays(kept.columns[: len(wanted)], wanted)


def check_value_lengths(
    names: Sequence[str], columns: Sequence[pa.Array], *, uri: str, first_row: int, has_ragged: bool = False
) -> None:
    """Refuse texts that are too long, with file, row and column; `first_row` is the number of the columns' first row.

    `has_ragged` says that rows were left out before, which are not among those counted.
    """
    for name, values in zip(names, columns, strict=True):
        if (is_long := too_long(values)) is None:
            continue
        row = first_row + pc.indices_nonzero(is_long)[0].as_py()
        counted = ", counted without rows of too few or too many values," if has_ragged else ""
        raise ValueError(
            f"values of {uri} must be at most {MAX_VALUE_BYTES >> 20} MB long, but row {row:,}{counted} holds a longer "
            f"one in {name!r}: mend or remove it, or leave the column out (ignore: [{name}])"
        )


def rows_of_splits(batch: pa.RecordBatch, splits: Sequence[str]) -> pa.RecordBatch:
    """Rows of a batch whose column `split` names one of these."""
    return batch.filter(split_mask(batch, splits))


def split_mask(batch: pa.RecordBatch, splits: Sequence[str]) -> pa.BooleanArray:
    """Which rows of a batch belong to these splits; a row without a split belongs to none."""
    return pc.is_in(batch.column("split"), value_set=pa.array(list(splits), pa.string()))


def regrouped(batches: Iterable[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Batches of at most `batch_rows` rows, small ones joined: statistics cost as much a batch as they cost a row."""
    held: list[pa.RecordBatch] = []
    num_held = 0
    for batch in batches:
        for start in range(0, batch.num_rows, batch_rows):
            piece = batch.slice(start, batch_rows)
            if held and num_held + piece.num_rows > batch_rows:
                yield _joined(held)
                held, num_held = [], 0
            held.append(piece)
            num_held += piece.num_rows
    if held:
        yield _joined(held)


def shortened(names: Sequence[str], limit: int = 20) -> str:
    """Names in one line: the first of them where they are many."""
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
