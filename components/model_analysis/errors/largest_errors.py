"""The examples whose predicted number is farthest from their label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.model_analysis.errors.hardest_examples import Top


@dataclass(frozen=True, kw_only=True, slots=True)
class MissedNumber:
    """One labelled example; `values` is what the model reads of it, by column."""

    example_id: str
    label: float
    predicted: float
    values: Mapping[str, Any]


class LargestErrors:
    """Keeps the largest errors of a stream."""

    def __init__(self, *, num_mistakes: int = 24) -> None:
        self._mistakes: Top[MissedNumber] = Top(num_mistakes)

    def wanted(self, errors: np.ndarray) -> np.ndarray:
        """Rows that would be kept of errors (B,), ascending; few, whatever B is."""
        return np.sort(self._mistakes.wanted(np.abs(errors)))

    def offer(self, example: MissedNumber) -> None:
        """Keep an example if its error is among the largest so far."""
        self._mistakes.add(abs(example.predicted - example.label), example)

    def mistakes(self) -> list[MissedNumber]:
        """The largest errors, largest first; of equal ones the earlier first."""
        return self._mistakes.examples()
