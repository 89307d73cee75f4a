"""Which class is taken for which."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

OTHERS = "(others)"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfusedPair:
    """A label and the class predicted instead; `share` is that of the label's examples, above 0 and at most 1."""

    label: str
    predicted: str
    count: int
    share: float


def most_confused(matrix: np.ndarray, class_names: Sequence[str], *, limit: int) -> list[ConfusedPair]:
    """The most frequent mistakes in a matrix (K, K) of labels by predictions; of equal ones the larger share first."""
    support = matrix.sum(axis=1)
    pairs = [
        ConfusedPair(
            label=class_names[row],
            predicted=class_names[column],
            count=int(matrix[row, column]),
            share=float(matrix[row, column] / support[row]),
        )
        for row, column in zip(*np.nonzero(matrix), strict=True)
        if row != column
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share, pair.label, pair.predicted))[:limit]


def condensed_confusion(
    matrix: np.ndarray, class_names: Sequence[str], *, limit: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """A matrix (K, K) of labels by predictions with at most `limit` (2 or more) classes, and their names.

    With more classes it keeps those with the most mistakes, in the order of `class_names`, and sums the rest as
    `OTHERS`.
    """
    if len(class_names) <= limit:
        return matrix, tuple(class_names)
    mistakes = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diag(matrix)
    kept = np.sort(np.argsort(-mistakes, kind="stable")[: limit - 1])
    group = np.full(len(class_names), limit - 1)
    group[kept] = np.arange(limit - 1)
    condensed = np.zeros((limit, limit), dtype=matrix.dtype)
    np.add.at(condensed, (group[:, None], group[None, :]), matrix)
    return condensed, (*(class_names[index] for index in kept), OTHERS)
