"""Which class is taken for which."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

OTHERS = "(others)"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfusedPair:
    """A label and the class that is predicted instead.

    Attributes
    ----------
    label, predicted
        Class names.
    count
        Examples, 1 or more.
    share
        Of the label's examples, above 0 and at most 1.
    """

    label: str
    predicted: str
    count: int
    share: float


def most_confused(matrix: np.ndarray, class_names: Sequence[str], *, limit: int) -> list[ConfusedPair]:
    """The most frequent mistakes.

    Parameters
    ----------
    matrix
        Shape (K, K): examples by label (row) and predicted class (column).
    class_names
        K names.
    limit
        Pairs at most.

    Returns
    -------
    list of ConfusedPair
        Most examples first; of equal ones the larger share first.
    """
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
    """A confusion matrix of a size that can be shown.

    Parameters
    ----------
    matrix
        Shape (K, K): examples by label (row) and predicted class (column).
    class_names
        K names.
    limit
        Rows and columns at most, 2 or more.

    Returns
    -------
    tuple of np.ndarray and tuple of str
        The matrix and its names. With more than `limit` classes, those with the most mistakes, in the order of
        `class_names`, and the sum of the rest as `OTHERS`.
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
