"""A small sample of the examples with every class in it."""

import numpy as np


def tiny_sample(rows: np.ndarray, labels: np.ndarray, *, max_examples: int | None) -> np.ndarray:
    """Rows, ascending: of all candidates the first of every class, then the second, until there are `max_examples`.

    `labels` are those of the whole store; None takes all rows.
    """
    if max_examples is None or len(rows) <= max_examples:
        return rows
    rank = np.empty(len(rows), np.int64)
    for label in np.unique(labels[rows]):
        members = np.flatnonzero(labels[rows] == label)
        rank[members] = np.arange(len(members))
    order = np.lexsort((rows, rank))
    return np.sort(rows[order[:max_examples]])
