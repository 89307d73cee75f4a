"""Pairs to clusters: what must stay together because a chain of pairs joins it."""

from collections.abc import Iterable

import numpy as np


def connected_clusters(num_items: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """Cluster of every item, by union-find.

    Parameters
    ----------
    num_items
        Number of items N.
    pairs
        Items that belong together, by index.

    Returns
    -------
    np.ndarray
        Shape (N,), int64: the smallest index of the item's cluster; an item without a pair has its own.
    """
    parent = list(range(num_items))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for left, right in pairs:
        first, second = root(left), root(right)
        parent[max(first, second)] = min(first, second)
    return np.fromiter((root(item) for item in range(num_items)), dtype=np.int64, count=num_items)


def equal_pairs(values: np.ndarray) -> np.ndarray:
    """Pairs that chain equal values together.

    Parameters
    ----------
    values
        Shape (N,), of any type that sorts.

    Returns
    -------
    np.ndarray
        Shape (P, 2), int64: for every value that occurs k times k - 1 pairs of indices.
    """
    order = np.argsort(values, kind="stable")
    same = values[order[1:]] == values[order[:-1]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)
