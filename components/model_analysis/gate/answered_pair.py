"""What challenger and champion answered on the same examples, and how any metric of theirs is compared.

Shapes: N examples, K classes of either model.
"""

from dataclasses import dataclass

import numpy as np

from components.drift.paired_shares import paired_shares, PairedDifference
from components.model_analysis.gate.paired_comparison import (
    paired_areas,
    paired_macro,
    paired_numbers,
    paired_precision,
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClassPair:
    """Answers of two classifiers.

    Attributes
    ----------
    labels
        Shape (N,), int: indices into the classes of both models together.
    challenger, champion
        Shape (N, K): probabilities; 0 for a class that the model does not know.
    groups
        Shape (N,), int: which examples belong together, a negative one to none; None where they have no groups.
    positive
        Index of the class that `recall` and `precision` are about.
    thresholds
        Of challenger and champion, from which on the positive class is answered.
    """

    labels: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray
    groups: np.ndarray | None = None
    positive: int | None = None
    thresholds: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def right(self) -> tuple[np.ndarray, np.ndarray]:
        """Whether challenger and champion answer each example right, shape (N,) each, bool."""
        return tuple(side.argmax(axis=1) == self.labels for side in (self.challenger, self.champion))  # type: ignore[return-value]

    def compare(self, metric: str, rows: np.ndarray) -> PairedDifference:
        """Difference of a metric of classes on the examples that the mask `rows`, shape (N,), picks."""
        labels, groups = self.labels[rows], None if self.groups is None else self.groups[rows]
        sides = (self.challenger[rows], self.champion[rows])
        if metric == "accuracy":
            challenger, champion = (side.argmax(axis=1) == labels for side in sides)
            return paired_shares(challenger, champion, groups)
        if metric == "roc_auc":
            return paired_areas(labels, *sides, groups)
        if self.positive is None or self.thresholds is None:
            challenger, champion = (side.argmax(axis=1) for side in sides)
            return paired_macro(labels, challenger, champion, metric, sides[0].shape[1], groups=groups)
        answered = [s[:, self.positive] >= threshold for s, threshold in zip(sides, self.thresholds, strict=True)]
        is_positive = labels == self.positive
        if metric == "precision":
            return paired_precision(is_positive, *answered, groups=groups)
        challenger, champion = (side[is_positive] for side in answered)
        return paired_shares(challenger, champion, None if groups is None else groups[is_positive])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NumberPair:
    """Answers of two models of numbers: labels and both models' numbers, shape (N,) each; groups as in `ClassPair`."""

    labels: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def compare(self, metric: str, rows: np.ndarray) -> PairedDifference:
        """Difference of `rmse`, `mae` or `r2` on the examples that the mask `rows`, shape (N,), picks."""
        groups = None if self.groups is None else self.groups[rows]
        return paired_numbers(self.labels[rows], self.challenger[rows], self.champion[rows], metric, groups=groups)
