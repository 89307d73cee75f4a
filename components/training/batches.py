"""Batches from the feature store: the same for a seed whatever the number of workers and processes, resumed or not.

One step of the optimiser sees a batch of the recipe's size. Its rows are divided into parts, one a process and pass of
gradient accumulation; the weighted losses of the parts add up to the loss of the whole batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from components.modeling.augmentation import Augmenter, example_seed
from components.shared.feature_store import FeatureStore

_SMALLEST_PART = 2  # batch norm needs two


class Batch(TypedDict):
    """What a training or validation step gets.

    Inputs are those of the feature store, B rows each; labels are of the shape (B,), int64; shares, of the shape (B,),
    float32, are what the losses are multiplied with before they are added up; weights, of the shape (B,), float32, are
    what an epoch's mean loss weighs the examples with.
    """

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor
    shares: torch.Tensor
    weights: torch.Tensor


@dataclass(frozen=True, slots=True)
class Place:
    """One example of one epoch: its row in the store, its share of the step's loss, and its weight in the epoch's."""

    epoch: int
    row: int
    share: float
    weight: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Division:
    """How a step's batch is divided.

    Attributes
    ----------
    num_processes, rank
        How many processes there are, and which one this is, from 0.
    num_passes
        Forward and backward passes a process and step: gradient accumulation.
    """

    num_processes: int = 1
    rank: int = 0
    num_passes: int = 1

    @property
    def num_parts(self) -> int:
        """Parts that a step's batch is divided into."""
        return self.num_processes * self.num_passes


class EpochBatches(Sampler[list[Place]]):
    """Every row once an epoch, in an order that follows from (seed, epoch); yields this process's parts.

    Parameters
    ----------
    rows
        Shape (N,), int: rows of the feature store.
    weights
        Shape (N,), float: weight of every row's loss, above 0.
    seed
        The run's seed.
    epoch
        The epoch, from 0.
    batch_size
        Rows a step, over all parts. A last step of a single row is left out.
    division
        How a step is divided. A part that would be empty or of one row is filled up with rows of weight 0.
    first
        How many of this process's parts to leave out, for they have been learnt from before an interruption.
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
    """Rows in the store's order, divided among the processes; every row is weighed once.

    Parameters
    ----------
    rows
        Shape (N,), int.
    batch_size
        Rows a batch.
    division
        Which process this is.
    """

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


class StoredExamples(Dataset[Batch]):
    """Reads whole batches of prepared examples and their labels.

    Parameters
    ----------
    store
        The feature store.
    augmenter
        Applied to every image with a seed of (seed, epoch, row); None leaves examples as stored.
    seed
        The run's seed.
    """

    def __init__(self, store: FeatureStore, *, augmenter: Augmenter | None, seed: int) -> None:
        self._store = store
        self._augmenter = augmenter
        self._seed = seed

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, place: Place) -> Batch:
        return self.__getitems__([place])

    def __getitems__(self, places: Sequence[Place]) -> Batch:
        """Inputs, labels, shares and weights of some places."""
        rows = np.array([place.row for place in places])
        inputs = self._store.gather(rows)
        if self._augmenter is not None:
            images_BHWC = inputs["image"]
            for number, place in enumerate(places):
                seed = example_seed(seed=self._seed, epoch=place.epoch, row=place.row)
                images_BHWC[number] = self._augmenter(images_BHWC[number], seed=seed)
        return {
            "inputs": {name: torch.from_numpy(value) for name, value in inputs.items()},
            "labels": torch.from_numpy(self._store.labels[rows]),
            "shares": torch.tensor([place.share for place in places], dtype=torch.float32),
            "weights": torch.tensor([place.weight for place in places], dtype=torch.float32),
        }


def batch_loader(
    dataset: StoredExamples, batches: Sampler[list[Place]], *, num_workers: int, pinned: bool
) -> "DataLoader[Batch]":
    """A loader of batches.

    Parameters
    ----------
    dataset
        Where examples come from.
    batches
        Which ones, in which order.
    num_workers
        Processes; 0 prepares batches in this one.
    pinned
        Whether batches lie in pinned memory, for a GPU.
    """
    return DataLoader(dataset, batch_sampler=batches, collate_fn=_as_is, num_workers=num_workers, pin_memory=pinned)


def _as_is(batch: Any) -> Any:
    return batch
