"""From pairs to clusters: items that a chain of pairs joins stay together."""

from collections.abc import Iterable

import numpy as np


def connected_clusters(num_items: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """The smallest index of every item's cluster, by union-find: shape (N,), int64."""
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
    """Pairs of indices that chain equal values together: shape (P, 2), int64, k - 1 pairs for k equal values."""
    order = np.argsort(values, kind="stable")
    same = values[order[1:]] == values[order[:-1]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)
