"""The examples that a person should look at: confident mistakes, and answers that the model was least sure of."""

from dataclasses import dataclass
import heapq
from itertools import count

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredExample:
    """One labelled example with its image.

    Attributes
    ----------
    example_id, label, predicted
        What it is, and what the model takes it for.
    probability
        Of the predicted class, 0 to 1.
    image
        Encoded bytes.
    """

    example_id: str
    label: str
    predicted: str
    probability: float
    image: bytes


class _Top:
    """The examples with the largest keys, memory bounded by their number."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, int, ScoredExample]] = []
        self._order = count(0, -1)

    def wants(self, key: float) -> bool:
        return len(self._heap) < self._size or (bool(self._heap) and key > self._heap[0][0])

    def add(self, key: float, example: ScoredExample) -> None:
        entry = (key, next(self._order), example)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def examples(self) -> list[ScoredExample]:
        return [example for _, _, example in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


class HardestExamples:
    """Keeps the hardest examples of a stream.

    Parameters
    ----------
    num_mistakes, num_unsure
        How many to keep, 0 or more.
    """

    def __init__(self, *, num_mistakes: int = 24, num_unsure: int = 12) -> None:
        self._mistakes = _Top(num_mistakes)
        self._unsure = _Top(num_unsure)

    def wants(self, *, mistaken: bool, probabilities: np.ndarray) -> bool:
        """Whether an example would be kept: ask before its image is fetched.

        Parameters
        ----------
        mistaken
            Whether the predicted class is not the label.
        probabilities
            Shape (K,), 0 to 1.
        """
        return (mistaken and self._mistakes.wants(float(probabilities.max()))) or self._unsure.wants(
            -_margin(probabilities)
        )

    def offer(self, example: ScoredExample, probabilities: np.ndarray) -> None:
        """Keep an example if it is among the hardest so far.

        Parameters
        ----------
        example
            With its image.
        probabilities
            Shape (K,), 0 to 1.
        """
        if example.label != example.predicted:
            self._mistakes.add(example.probability, example)
        self._unsure.add(-_margin(probabilities), example)

    def mistakes(self) -> list[ScoredExample]:
        """Mistakes, the most confident first; of equal ones the earlier first."""
        return self._mistakes.examples()

    def least_sure(self) -> list[ScoredExample]:
        """Examples, right or wrong, whose two likeliest classes are closest, closest first."""
        return self._unsure.examples()


def _margin(probabilities: np.ndarray) -> float:
    second, first = np.partition(probabilities, -2)[-2:]
    return float(first - second)
