"""A small sample of the examples with every class, or numbers of every size, in it."""

import numpy as np


def tiny_sample(rows: np.ndarray, labels: np.ndarray, *, max_examples: int | None) -> np.ndarray:
    """Rows, ascending: of all candidates the first of every class, then the second, until there are `max_examples`.

    Where labels are numbers (float), rows evenly spaced in their order, so that a sorted table gives no lopsided
    sample. `labels` are those of the whole store; None takes all rows.
    """
    if max_examples is None or len(rows) <= max_examples:
        return rows
    if np.issubdtype(labels.dtype, np.floating):
        order = np.argsort(labels[rows], kind="stable")
        return np.sort(rows[order[np.linspace(0, len(rows) - 1, max_examples).round().astype(np.int64)]])
    rank = np.empty(len(rows), np.int64)
    for label in np.unique(labels[rows]):
        members = np.flatnonzero(labels[rows] == label)
        rank[members] = np.arange(len(members))
    order = np.lexsort((rows, rank))
    return np.sort(rows[order[:max_examples]])
