"""Categories as whole numbers, and the counts that say which categories get one.

Code 0 is every value that has no code of its own: one never seen in training, or too rare to learn anything of. A
missing value is a category like any other.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import pyarrow as pa

from components.shared.tables.few_values import few_values

MAX_CATEGORIES = 4096
MIN_CATEGORY_ROWS = 5
_MAX_COUNTED = 100_000


class ValueCounts:
    """Counts the values of a stream of texts, None for a missing one, in bounded memory.

    Once more than `max_counted` values are held, the rarer half is forgotten, so that frequent values are found among
    any number of identifiers; `num_rows` counts rows of forgotten values too.
    """

    def __init__(self, *, max_counted: int = _MAX_COUNTED) -> None:
        self.counts: dict[str | None, int] = {}
        self.num_rows = 0
        self._max_counted = max_counted

    def add(self, values: pa.Array) -> None:
        """Count N texts."""
        self.num_rows += len(values)
        for value, count in _counted(values):
            self.counts[value] = self.counts.get(value, 0) + count
        if len(self.counts) > self._max_counted:
            self.counts = dict(self._by_frequency()[: self._max_counted // 2])

    def frequent(self, *, min_rows: int = MIN_CATEGORY_ROWS, at_most: int = MAX_CATEGORIES) -> tuple[str | None, ...]:
        """The values of at least `min_rows` rows, the most frequent first; ties in an order that does not change."""
        return tuple(value for value, count in self._by_frequency()[:at_most] if count >= min_rows)

    def _by_frequency(self) -> list[tuple[str | None, int]]:
        # Ties by a hash, not by the alphabet: the rarest of many identifiers are then a fair sample of them.
        return sorted(self.counts.items(), key=lambda item: (-item[1], crc32((item[0] or "").encode()), item[0] or ""))


def _counted(values: pa.Array) -> list[tuple[str | None, int]]:
    counted = values.value_counts()
    return list(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True))


class CategoryCodes:
    """Codes of one column: its `values` have the codes from 1; None is the missing one."""

    def __init__(self, values: Sequence[str | None]) -> None:
        self.values = tuple(values)
        self._codes = {value: code for code, value in enumerate(self.values, start=1)}

    def codes(self, texts: pa.Array) -> np.ndarray:
        """Codes of B texts, shape (B,), int32: 0 for a value without a code of its own."""
        few = few_values(texts)
        if few is not None:
            return np.array([self._codes.get(value, 0) for value in few], np.int32)
        encoded = texts.dictionary_encode(null_encoding="encode")
        known = [self._codes.get(value, 0) for value in encoded.dictionary.to_pylist()]
        return np.array(known, np.int32)[encoded.indices.to_numpy()]
