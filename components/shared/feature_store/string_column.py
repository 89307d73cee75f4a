"""Strings of an Arrow file that are read only when they are asked for."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import pyarrow as pa

_PIECE_ROWS = 65536


class StringColumn:
    """A column of strings, mapped or not, that is read like a one-dimensional numpy array and stays out of memory."""

    def __init__(self, chunks: Sequence[pa.Array]) -> None:
        self._chunks = list(chunks)
        self._starts = np.cumsum([0, *map(len, self._chunks)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, rows: int | np.integer) -> str: ...

    @overload
    def __getitem__(self, rows: slice | np.ndarray | Sequence[int]) -> np.ndarray: ...

    def __getitem__(self, rows: int | np.integer | slice | np.ndarray | Sequence[int]) -> str | np.ndarray:
        """One string for a row number; for a slice, row numbers or a mask, an array of the shape (M,), object."""
        if isinstance(rows, int | np.integer):
            [value] = self._strings(np.array([range(len(self))[rows]]))
            return str(value)
        if isinstance(rows, slice):
            return self._strings(np.arange(len(self))[rows])
        numbers = np.asarray(rows)
        if numbers.dtype == bool:
            return self._strings(np.flatnonzero(numbers))
        return self._strings(numbers.astype(np.int64))

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            for start in range(0, len(chunk), _PIECE_ROWS):
                yield from chunk.slice(start, _PIECE_ROWS).to_pylist()

    def tolist(self) -> list[str]:
        """All strings."""
        return list(self)

    def _strings(self, rows: np.ndarray) -> np.ndarray:
        rows = np.where(rows < 0, rows + len(self), rows)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"rows must be 0 to {len(self) - 1}, got {int(rows.min())} to {int(rows.max())}")
        strings = np.empty(len(rows), object)
        number = np.searchsorted(self._starts, rows, side="right") - 1
        for chunk in np.unique(number):
            where = np.flatnonzero(number == chunk)
            taken = self._chunks[chunk].take(pa.array(rows[where] - self._starts[chunk]))
            strings[where] = np.array(taken.to_pylist(), object)
        return strings
