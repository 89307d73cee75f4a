"""Which rows a batch holds: the same for a seed whatever the number of workers and processes, resumed or not.

One step of the optimiser sees a batch of the recipe's size. Its rows are divided into parts, one a process and pass of
gradient accumulation; the weighted losses of the parts add up to the loss of the whole batch.

The order of an epoch is one permutation of all row numbers: 24 bytes a row, and no example is read for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler

_SMALLEST_PART = 2  # batch norm needs two


@dataclass(frozen=True, slots=True)
class Place:
    """One example of one epoch: its row in the store, its share of the step's loss, and its weight in the epoch's."""

    epoch: int
    row: int
    share: float
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Division:
    """How a step's batch is divided: among processes, and passes of gradient accumulation a process."""

    num_processes: int = 1
    rank: int = 0
    num_passes: int = 1

    @property
    def num_parts(self) -> int:
        """Parts that a step's batch is divided into."""
        return self.num_processes * self.num_passes


class EpochBatches(Sampler[list[Place]]):
    """Every row once an epoch, in an order that follows from (seed, epoch); yields this process's parts.

    `rows` and `weights` (above 0) have the shape (N,). A last step of a single row is left out; a part that would be
    empty or of one row is filled up with rows of weight 0. The `first` parts were learnt from before an interruption.
    """

    def __init__(
        self,
        rows: np.ndarray,
        weights: np.ndarray,
        *,
        seed: int,
        epoch: int,
        batch_size: int,
        division: Division,
        first: int = 0,
    ) -> None:
        order = np.random.default_rng((seed, epoch)).permutation(len(rows))
        self._rows = rows[order]
        self._weights = weights[order]
        self._epoch = epoch
        self._division = division
        starts = list(range(0, len(rows), batch_size))
        if len(starts) > 1 and len(rows) - starts[-1] == 1:
            starts.pop()
        self._steps = [slice(start, start + batch_size) for start in starts]
        self._first = first

    def __len__(self) -> int:
        """Parts of this process in the whole epoch, those left out included."""
        return len(self._steps) * self._division.num_passes

    def __iter__(self) -> Iterator[list[Place]]:
        for number in range(self._first, len(self)):
            step, number_of_pass = divmod(number, self._division.num_passes)
            yield self._part(self._steps[step], number_of_pass * self._division.num_processes + self._division.rank)

    def _part(self, step: slice, number: int) -> list[Place]:
        rows, weights = self._rows[step], self._weights[step]
        parts = np.array_split(np.arange(len(rows)), self._division.num_parts)
        # The mean over parts, which the trainer takes, must be the weighted mean over the step's rows.
        scale = self._division.num_parts / weights.sum()
        places = [
            Place(self._epoch, int(rows[at]), float(weights[at] * scale), float(weights[at])) for at in parts[number]
        ]
        missing = _SMALLEST_PART - len(places) if self._division.num_parts > 1 else 0
        filling = [Place(self._epoch, int(row), 0.0, 0.0) for row in np.resize(rows, max(missing, 0))]
        return places + filling


class HeldOutBatches(Sampler[list[Place]]):
    """Rows, shape (N,), in the store's order, divided among the processes; every row is weighed once."""

    def __init__(self, rows: np.ndarray, *, batch_size: int, division: Division) -> None:
        own = rows[division.rank :: division.num_processes]
        self._batches = [own[start : start + batch_size] for start in range(0, len(own), batch_size)]
        # Every process must come to the same number of batches, and to one at least.
        longest = -(-len(rows[:: division.num_processes]) // batch_size)
        self._num_empty = longest - len(self._batches)
        self._any_row = int(rows[0])

    def __len__(self) -> int:
        return len(self._batches) + self._num_empty

    def __iter__(self) -> Iterator[list[Place]]:
        for batch in self._batches:
            yield [Place(0, int(row), 1.0, 1.0) for row in batch]
        for _ in range(self._num_empty):
            yield [Place(0, self._any_row, 0.0, 0.0)]
