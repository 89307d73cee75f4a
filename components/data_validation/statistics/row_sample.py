"""A uniform sample of a stream's rows, in their order, in flat memory.

One row is kept of every `stride` consecutive ones, `stride` being a power of two: of each pair of neighbouring blocks
one winner goes on to the next level, by the toss of a coin that is a hash of seed, level and block. So every row has
the chance `1 / stride`, and which rows are kept depends on the seed and their numbers alone: not on where a batch
ends, nor on how many processes share the work. Whenever more than `max_rows` are held, `stride` doubles.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

Conversion = Callable[[pa.RecordBatch], pa.RecordBatch]

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1


class RowSample:
    """Collects the sample: `max_rows` rows at most, 1 or more; the same seed keeps the same rows."""

    def __init__(self, max_rows: int = 100_000, *, seed: int = 0) -> None:
        if max_rows < 1:
            raise ValueError(f"max_rows must be at least 1, got {max_rows!r}")
        self._max_rows = max_rows
        self._seed = seed
        self._level = 0
        self._batches: list[pa.RecordBatch] = []
        self._numbers: list[np.ndarray] = []
        self._num_held = 0
        self.num_rows_seen = 0

    @property
    def stride(self) -> int:
        """Of how many rows one is kept."""
        return 1 << self._level

    @property
    def row_numbers(self) -> np.ndarray:
        """Shape (K,), int64: numbers of the rows kept, ascending."""
        return np.concatenate([np.empty(0, np.int64), *self._numbers])

    def add(self, batch: pa.RecordBatch, row_numbers: np.ndarray, *, convert: Conversion | None = None) -> None:
        """Offer N rows with their numbers in the table, (N,), int64, ascending; rows of other splits may be left out.

        `convert` turns the rows kept into what is held of them.
        """
        self.num_rows_seen += batch.num_rows
        kept = np.flatnonzero(self._wins(row_numbers, self._level))
        if len(kept):
            rows = batch.take(pa.array(kept))
            self._hold(rows if convert is None else convert(rows), row_numbers[kept])
            self._thin_out()

    def merge(self, others: Iterable["RowSample"]) -> None:
        """Take samples of later runs of the same table's rows, of the same size and seed, in their order."""
        for other in others:
            self._level = max(self._level, other._level)
            for batch, numbers in zip(other._batches, other._numbers, strict=True):
                self._hold(batch, numbers)
            self.num_rows_seen += other.num_rows_seen
        self._keep_winners()
        self._thin_out()

    def table(self, schema: pa.Schema) -> pa.Table:
        """The rows kept, in the order of the table; without rows a table of this schema."""
        return pa.Table.from_batches(self._batches, schema) if self._batches else schema.empty_table()

    def _hold(self, batch: pa.RecordBatch, numbers: np.ndarray) -> None:
        self._batches.append(batch)
        self._numbers.append(numbers)
        self._num_held += len(numbers)

    def _thin_out(self) -> None:
        while self._num_held > self._max_rows:
            self._level += 1
            self._keep_winners()

    def _keep_winners(self) -> None:
        """Leave out what the level of now does not keep; small batches are joined so that they do not pile up."""
        kept = [self._wins(numbers, self._level) for numbers in self._numbers]
        self._numbers = [numbers[mask] for numbers, mask in zip(self._numbers, kept, strict=True)]
        self._batches = [batch.filter(pa.array(mask)) for batch, mask in zip(self._batches, kept, strict=True)]
        self._num_held = sum(map(len, self._numbers))
        if self._batches:
            self._batches = pa.Table.from_batches(self._batches).combine_chunks().to_batches()
            self._numbers = [np.concatenate(self._numbers)] if self._batches else []

    def _wins(self, row_numbers: np.ndarray, level: int) -> np.ndarray:
        """Whether each row is the winner of its block of `2 ** level` rows."""
        wins = np.ones(len(row_numbers), bool)
        blocks = row_numbers.astype(np.uint64)
        for step in range(1, level + 1):
            winner = _coins(blocks[wins] >> np.uint64(step), self._seed, step)
            at_odds = (blocks[wins] >> np.uint64(step - 1)) & np.uint64(1)
            wins[np.flatnonzero(wins)[winner != at_odds]] = False
        return wins


def _coins(blocks: np.ndarray, seed: int, level: int) -> np.ndarray:
    """A fair coin a block, 0 or 1: the top bit of splitmix64 (Steele, Lea and Flood, 2014)."""
    start = np.uint64(((seed * 64 + level) * _GOLDEN) & _MASK)
    mixed = (blocks + start) * np.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(63)
