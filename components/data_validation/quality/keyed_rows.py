"""Rows collected by key from a stream, in bounded memory: the same keys are kept of both datasets of a comparison.

The keys with the smallest hashes are kept. Two tables that are collected apart thus keep the same part of the keys
that they share, however many rows each has and in whatever order they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.data_validation.quality.row_hashes import row_hashes

_LARGEST_HASH = np.uint64(2**64 - 1)
# What one missing value hashes to, whatever its type.
_MISSING_ROW = row_hashes(pa.table({"missing": pa.nulls(1, pa.string())}), ["missing"])[0]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KeptRows:
    """One row a key, also of a key that repeats with equal rows; keys with several different rows are left out."""

    key_hashes: np.ndarray  # shape (K,), uint64, ascending, without repeats
    rows: pa.Table  # K rows: the key columns and the collected ones
    num_repeated_keys: int


class KeyedRows:
    """Collects rows by key; rows where a key column is missing are passed over.

    Of at most `max_keys` keys it keeps the key columns and `columns`; memory holds about three times as many rows.
    """

    def __init__(self, keys: Sequence[str], columns: Sequence[str], *, max_keys: int = 100_000) -> None:
        if not keys or not columns:
            raise ValueError(f"keys and columns must each name at least one, got {list(keys)} and {list(columns)}")
        if max_keys < 1:
            raise ValueError(f"max_keys must be at least 1, got {max_keys!r}")
        self.keys = tuple(keys)
        self.columns = tuple(name for name in columns if name not in keys)
        self.max_keys = max_keys
        self._limit = _LARGEST_HASH
        self._tables: list[pa.Table] = []
        self._hashes: list[np.ndarray] = []
        self._num_rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of one batch, whose columns have the types of the batches before."""
        keys = row_hashes(batch, self.keys)
        wanted = (keys <= self._limit) & self._has_keys(batch)
        if wanted.any():
            table = pa.Table.from_batches([batch]).select([*self.keys, *self.columns]).filter(pa.array(wanted))
            rows = row_hashes(table, self.columns or self.keys)
            self._append(_decoded(table), np.column_stack([keys[wanted], rows]))

    def merge(self, other: "KeyedRows") -> None:
        """Add what another collector of the same columns and `max_keys` kept of the same table."""
        mine, theirs = (self.keys, self.columns, self.max_keys), (other.keys, other.columns, other.max_keys)
        if mine != theirs:
            raise ValueError(
                f"collectors must agree in keys, columns and max_keys to be merged, got {mine} and {theirs}"
            )
        for table, hashes in zip(other._tables, other._hashes, strict=True):
            self._append(table, hashes)

    def kept(self) -> KeptRows | None:
        """One row a key; None where no row had a key."""
        if not self._tables:
            return None
        self._prune()
        table, keys = self._tables[0], self._hashes[0][:, 0]
        alone = (keys != np.roll(keys, 1)) & (keys != np.roll(keys, -1)) if len(keys) > 1 else np.ones(len(keys), bool)
        num_repeated = len(np.unique(keys)) - int(alone.sum())
        return KeptRows(key_hashes=keys[alone], rows=table.filter(pa.array(alone)), num_repeated_keys=num_repeated)

    def _has_keys(self, batch: pa.RecordBatch) -> np.ndarray:
        present = [row_hashes(batch, [name]) for name in self.keys]
        return np.all([hashes != _MISSING_ROW for hashes in present], axis=0)

    def _append(self, table: pa.Table, hashes: np.ndarray) -> None:
        self._tables.append(table)
        self._hashes.append(hashes)
        self._num_rows += len(hashes)
        if self._num_rows > 3 * self.max_keys:
            self._prune()

    def _prune(self) -> None:
        """Keep the smallest keys, at most two different rows of each (two show that it repeats), sorted by hash."""
        hashes = np.concatenate(self._hashes)
        order = np.lexsort((hashes[:, 1], hashes[:, 0]))
        keys, rows = hashes[order].T
        new_key = np.append(True, keys[1:] != keys[:-1])
        different = new_key | np.append(True, rows[1:] != rows[:-1])
        order, keys, new_key = order[different], keys[different], new_key[different]
        first = np.maximum.accumulate(np.where(new_key, np.arange(len(keys)), 0))
        chosen = np.arange(len(keys)) - first < 2
        if new_key.sum() > self.max_keys:
            self._limit = keys[new_key][self.max_keys - 1]
            chosen &= keys <= self._limit
        order = order[chosen]
        self._tables = [pa.concat_tables(self._tables).combine_chunks().take(order)]
        self._hashes = [hashes[order]]
        self._num_rows = len(order)


def _decoded(table: pa.Table) -> pa.Table:
    """Without dictionaries, which differ from batch to batch."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
