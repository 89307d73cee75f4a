"""A uniform sample of a stream's rows, in bounded memory."""

from typing import Any

import numpy as np


class RowReservoir:
    """Keeps the rows with the smallest of random keys, in their order.

    Which rows are kept depends on the seed and on the rows' order alone, not on where a batch ends.

    Parameters
    ----------
    max_rows
        Rows kept at most, 1 or more.
    row_shape
        Shape of one row: `()` for single values, `(S,)` for rows of S numbers.
    dtype
        Type of the values: float64 for numbers, object for texts.
    seed
        The same seed keeps the same rows.

    Raises
    ------
    ValueError
        If `max_rows` is below 1.

    References
    ----------
    Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006), with equal weights.
    """

    def __init__(
        self, max_rows: int, *, row_shape: tuple[int, ...] = (), dtype: Any = np.float64, seed: int = 0
    ) -> None:
        if max_rows < 1:
            raise ValueError(f"max_rows must be at least 1, got {max_rows!r}")
        self._max_rows = max_rows
        self._generator = np.random.default_rng(seed)
        self._keys = np.empty(0)
        self._rows = np.empty((0, *row_shape), dtype)
        self._limit = np.inf  # a row with a larger key is certainly not kept

    def add(self, rows: np.ndarray) -> None:
        """Offer rows of the shape (B, *row_shape)."""
        drawn = self._generator.random(len(rows))
        offered = np.flatnonzero(drawn < self._limit)
        self._keys = np.concatenate([self._keys, drawn[offered]])
        self._rows = np.concatenate([self._rows, rows[offered]])
        if len(self._keys) >= self._max_rows:
            kept = np.sort(np.argpartition(self._keys, self._max_rows - 1)[: self._max_rows])
            self._keys, self._rows = self._keys[kept], self._rows[kept]
            self._limit = self._keys.max()

    @property
    def rows(self) -> np.ndarray:
        """Shape (N, *row_shape): the sample, in the order of the stream."""
        return self._rows
