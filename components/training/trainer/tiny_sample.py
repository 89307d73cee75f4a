"""A small sample of the examples with every class in it."""

import numpy as np


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
