"""Batches from the feature store, the same for a seed whatever the number of workers, resumed or not."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from components.modeling.augmentation import Augmenter, example_seed
from components.shared.feature_store import ImageStore

Batch = dict[str, torch.Tensor]
Place = tuple[int, int]


class EpochSampler(Sampler[Place]):
    """Every row once an epoch, in an order that follows from (seed, epoch); yields (epoch, row).

    The trainer tells it the epoch through `set_epoch`.

    Parameters
    ----------
    rows
        Shape (N,), int: rows of the feature store.
    seed
        The run's seed.
    shuffled
        Whether the order changes from epoch to epoch; evaluation keeps the store's.
    """

    def __init__(self, rows: np.ndarray, *, seed: int, shuffled: bool) -> None:
        self._rows = rows
        self._seed = seed
        self._shuffled = shuffled
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Place]:
        rows = self._rows
        if self._shuffled:
            rows = np.random.default_rng((self._seed, self._epoch)).permutation(rows)
        return iter([(self._epoch, int(row)) for row in rows])


class StoredImages(Dataset[Batch]):
    """Reads whole batches of uint8 images and labels.

    Parameters
    ----------
    store
        The feature store.
    augmenter
        Applied to every image with a seed of (seed, epoch, row); None leaves images as stored.
    seed
        The run's seed.
    """

    def __init__(self, store: ImageStore, *, augmenter: Augmenter | None, seed: int) -> None:
        self._store = store
        self._augmenter = augmenter
        self._seed = seed

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, place: Place) -> Batch:
        return self.__getitems__([place])

    def __getitems__(self, places: Sequence[Place]) -> Batch:
        """Images of shape (B, H, W, C), uint8, and labels of shape (B,), int64."""
        rows = np.array([row for _, row in places])
        images_BHWC = self._store.gather(rows)
        if self._augmenter is not None:
            for number, (epoch, row) in enumerate(places):
                seed = example_seed(seed=self._seed, epoch=epoch, row=row)
                images_BHWC[number] = self._augmenter(images_BHWC[number], seed=seed)
        return {"images": torch.from_numpy(images_BHWC), "labels": torch.from_numpy(self._store.labels[rows])}


def batch_loader(
    dataset: StoredImages,
    rows: np.ndarray,
    *,
    seed: int,
    batch_size: int,
    shuffled: bool,
    num_workers: int,
    pinned: bool,
) -> "DataLoader[Batch]":
    """Batches of a set of rows.

    Parameters
    ----------
    dataset
        Where images come from.
    rows
        Shape (N,), int.
    seed
        The run's seed.
    batch_size
        Examples a batch; a last training batch of one example is dropped, for batch norm needs two.
    shuffled
        Whether this is training.
    num_workers
        Processes; 0 prepares batches in this one.
    pinned
        Whether batches lie in pinned memory, for a GPU.
    """
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=EpochSampler(rows, seed=seed, shuffled=shuffled),
        collate_fn=_as_is,
        num_workers=num_workers,
        pin_memory=pinned,
        drop_last=shuffled and len(rows) > batch_size and len(rows) % batch_size == 1,
    )


def tiny_sample(rows: np.ndarray, labels: np.ndarray, *, max_examples: int | None) -> np.ndarray:
    """A sample with every class in it, as even as the classes allow.

    Parameters
    ----------
    rows
        Shape (N,), int: candidates, in the store's order.
    labels
        Shape (M,), int: labels of the whole store.
    max_examples
        Size of the sample; None takes all.

    Returns
    -------
    np.ndarray
        Shape (min(N, max_examples),), int, ascending: the first of every class, then the second, and so on.
    """
    if max_examples is None or len(rows) <= max_examples:
        return rows
    rank = np.empty(len(rows), np.int64)
    for label in np.unique(labels[rows]):
        members = np.flatnonzero(labels[rows] == label)
        rank[members] = np.arange(len(members))
    order = np.lexsort((rows, rank))
    return np.sort(rows[order[:max_examples]])


def _as_is(batch: Any) -> Any:
    return batch
