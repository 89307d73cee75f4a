"""What looks at every row on the way through a table, beside the statistics: hashes, and notices of personal data."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from components.data_validation.quality.personal_data import PersonalDataCounter
from components.data_validation.quality.row_hashes import row_hashes


class RowHashes:
    """Collects the hash of every row over `columns`, 8 bytes a row; without columns it collects nothing."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._parts: list[np.ndarray] = []

    @property
    def hashes(self) -> np.ndarray | None:
        """Shape (N,), uint64, in the order of the rows; None where no column counts."""
        if not self._columns:
            return None
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.uint64)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows with the columns."""
        if self._columns:
            self._parts.append(row_hashes(batch, self._columns))

    def merge(self, other: "RowHashes") -> None:
        """Take what another one has seen of the rows that follow."""
        self._parts += other._parts


class PersonalDataNotice:
    """Counts what looks like personal data in columns of text that nobody named as such."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self.counter = PersonalDataCounter()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows with the columns."""
        self.counter.add(batch, self._columns)

    def merge(self, other: "PersonalDataNotice") -> None:
        """Take what another one has seen."""
        self.counter.merge(other.counter)
