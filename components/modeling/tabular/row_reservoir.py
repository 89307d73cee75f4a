"""A uniform sample of a stream's rows of numbers, in bounded memory."""

import numpy as np

_MAX_ROWS = 65_536
_MAX_VALUES = 1 << 24


class RowReservoir:
    """Keeps the rows with the smallest of random keys.

    Which rows are kept does not depend on where a batch ends.

    Parameters
    ----------
    num_columns
        Numbers a row, S.
    max_rows
        Rows kept at most; None keeps up to 65,536, fewer where rows are wide.
    seed
        The same seed keeps the same rows.
    """

    def __init__(self, num_columns: int, *, max_rows: int | None = None, seed: int = 0) -> None:
        self._max_rows = max_rows or min(_MAX_ROWS, max(_MAX_VALUES // max(num_columns, 1), 1))
        self._generator = np.random.default_rng(seed)
        self._keys = np.empty(0)
        self._values = np.empty((0, num_columns))

    def add(self, values_BS: np.ndarray) -> None:
        """Offer rows of the shape (B, S), float64."""
        keys = np.concatenate([self._keys, self._generator.random(len(values_BS))])
        values = np.concatenate([self._values, values_BS])
        if len(keys) > self._max_rows:
            kept = np.argpartition(keys, self._max_rows - 1)[: self._max_rows]
            keys, values = keys[kept], values[kept]
        self._keys, self._values = keys, values

    @property
    def rows(self) -> np.ndarray:
        """Shape (N, S), float64: the sample, in no order that means anything."""
        return self._values
