"""The examples that a person should look at: confident mistakes, and answers that the model was least sure of.

Shapes: B examples, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import heapq
from itertools import count
from typing import Any, Generic, TypeVar

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredExample:
    """One labelled example; `probability` is that of the predicted class.

    `values` is what the model reads of it, by column: an image's encoded bytes, a text, or the features of a row.
    """

    example_id: str
    label: str
    predicted: str
    probability: float
    values: Mapping[str, Any]


Kept = TypeVar("Kept")


class Top(Generic[Kept]):
    """The examples with the largest keys, memory bounded by their number."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, int, Kept]] = []
        self._order = count(0, -1)

    def wanted(self, keys: np.ndarray) -> np.ndarray:
        """Places of the keys, shape (B,), that would be kept: at most `size`."""
        largest = np.argsort(-keys, kind="stable")[: self._size]
        if len(self._heap) < self._size or not self._size:
            return largest
        return largest[keys[largest] > self._heap[0][0]]

    def add(self, key: float, example: Kept) -> None:
        """Keep an example if its key is among the largest so far."""
        entry = (key, next(self._order), example)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        elif self._heap:
            heapq.heappushpop(self._heap, entry)

    def examples(self) -> list[Kept]:
        """The examples, the largest key first; of equal ones the earlier first."""
        return [example for _, _, example in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


class HardestExamples:
    """Keeps the hardest examples of a stream."""

    def __init__(self, *, num_mistakes: int = 24, num_unsure: int = 12) -> None:
        self._mistakes: Top[ScoredExample] = Top(num_mistakes)
        self._unsure: Top[ScoredExample] = Top(num_unsure)

    def wanted(self, label_indices: np.ndarray, probabilities_BK: np.ndarray) -> np.ndarray:
        """Rows (M,), ascending, that would be kept of labels (B,) and probabilities (B, K); M is small, whatever B is.

        Ask before what the model reads of them is fetched.
        """
        mistaken = np.flatnonzero(probabilities_BK.argmax(axis=1) != label_indices)
        mistakes = mistaken[self._mistakes.wanted(probabilities_BK[mistaken].max(axis=1, initial=0.0))]
        return np.union1d(mistakes, self._unsure.wanted(-_margins(probabilities_BK)))

    def offer(self, example: ScoredExample, probabilities_K: np.ndarray) -> None:
        """Keep an example if it is among the hardest so far."""
        if example.label != example.predicted:
            self._mistakes.add(example.probability, example)
        self._unsure.add(-float(_margins(probabilities_K[None])[0]), example)

    def mistakes(self) -> list[ScoredExample]:
        """Mistakes, the most confident first; of equal ones the earlier first."""
        return self._mistakes.examples()

    def least_sure(self) -> list[ScoredExample]:
        """Examples, right or wrong, whose two likeliest classes are closest, closest first."""
        return self._unsure.examples()


def _margins(probabilities_BK: np.ndarray) -> np.ndarray:
    """How far the likeliest class is before the second, shape (B,)."""
    largest = np.partition(probabilities_BK, -2, axis=1)[:, -2:]
    margins: np.ndarray = largest[:, 1] - largest[:, 0]
    return margins
