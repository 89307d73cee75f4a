"""Batches from the feature store: read, augmented and handed over by threads, the same for any number of them.

Which rows a batch holds is decided by `epoch_batches`; how an image is augmented follows from (seed, epoch, row).
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
import copy
import threading
from typing import Any, TypedDict

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.example_seeds import example_seeds
from components.modeling.task import stored_task
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.freed_memory import keep_freed_memory
from components.training.trainer.epoch_batches import Place

_BATCHES_AHEAD = 2  # a worker


class Batch(TypedDict):
    """What a training or validation step gets: B rows."""

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor  # (B,), int64, or float32 for a scaled number
    shares: torch.Tensor  # (B,), float32: losses are multiplied with them before they are added up
    weights: torch.Tensor  # (B,), float32: weights of the examples in an epoch's mean loss
    seeds: np.ndarray  # (B,), uint32: decide how each is augmented; they stay on the CPU


class StoredExamples(Dataset[Batch]):
    """Reads whole batches of prepared examples and their labels; several threads may do so at once.

    The augmenter is applied to every image with a seed of (seed, epoch, row); None leaves examples as stored.
    """

    def __init__(self, store: FeatureStore, *, augmenter: Augmenter | None, seed: int) -> None:
        self._store = store
        self._task = stored_task(store)
        self._augmenter = augmenter
        self._seed = seed
        self._of_thread = threading.local()
        keep_freed_memory()
        if augmenter is not None:
            # OpenCV would divide every small image among all cores, which takes twice the processor's time.
            cv2.setNumThreads(1)

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, place: Place) -> Batch:
        return self.__getitems__([place])

    def __getitems__(self, places: Sequence[Place]) -> Batch:
        """Inputs, labels, shares and weights of some places."""
        rows = np.array([place.row for place in places])
        inputs = self._store.gather(rows)
        seeds = self._seeds(places, rows)
        if self._augmenter is not None:
            self._thread_augmenter(self._augmenter).augment_batch(inputs["image"], seeds)
        return {
            "inputs": {name: torch.from_numpy(value) for name, value in inputs.items()},
            "labels": torch.from_numpy(self._task.targets(self._store.labels[rows])),
            "shares": torch.tensor([place.share for place in places], dtype=torch.float32),
            "weights": torch.tensor([place.weight for place in places], dtype=torch.float32),
            "seeds": seeds,
        }

    def _seeds(self, places: Sequence[Place], rows: np.ndarray) -> np.ndarray:
        epochs = np.array([place.epoch for place in places])
        seeds = np.empty(len(rows), np.uint32)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            seeds[chosen] = example_seeds(seed=self._seed, epoch=int(epoch), rows=rows[chosen])
        return seeds

    def _thread_augmenter(self, augmenter: Augmenter) -> Augmenter:
        """A copy for this thread alone: an augmenter's random state is not to be shared."""
        if not hasattr(self._of_thread, "augmenter"):
            self._of_thread.augmenter = copy.copy(augmenter)
        own: Augmenter = self._of_thread.augmenter
        return own


class ThreadedLoader(DataLoader[Batch]):
    """A loader whose workers are threads: batches are handed over where they are, without a copy.

    Reading, OpenCV and copies let other threads run. Worker processes would send every batch through shared memory,
    which costs more than reading it, and of which a container has 64 MB. With 0 threads, batches are prepared in the
    caller's; they are the same. From pinned memory a GPU copies while it computes.
    """

    def __init__(
        self, dataset: StoredExamples, batches: Sampler[list[Place]], *, num_threads: int, pinned: bool
    ) -> None:
        super().__init__(dataset, batch_sampler=batches, collate_fn=_as_is)
        self._examples = dataset
        self._places = batches
        self._num_threads = num_threads
        self._pinned = pinned

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        if not self._num_threads:
            yield from map(self._batch, self._places)
            return
        pool = ThreadPoolExecutor(self._num_threads, thread_name_prefix="batches")
        ahead: deque[Future[Batch]] = deque()
        try:
            for places in self._places:
                ahead.append(pool.submit(self._batch, places))
                if len(ahead) >= _BATCHES_AHEAD * self._num_threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _batch(self, places: list[Place]) -> Batch:
        batch = self._examples.__getitems__(places)
        if not self._pinned:
            return batch
        return {
            "inputs": {name: value.pin_memory() for name, value in batch["inputs"].items()},
            "labels": batch["labels"].pin_memory(),
            "shares": batch["shares"].pin_memory(),
            "weights": batch["weights"].pin_memory(),
            "seeds": batch["seeds"],
        }


def batch_loader(
    dataset: StoredExamples, batches: Sampler[list[Place]], *, num_workers: int, pinned: bool
) -> "DataLoader[Batch]":
    """A loader of batches, prepared by threads."""
    return ThreadedLoader(dataset, batches, num_threads=num_workers, pinned=pinned)


def _as_is(batch: Any) -> Any:
    return batch
