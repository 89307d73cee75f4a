"""Rows that stand for many others, and rows that lie far from what is known: choosing without asking the model.

Shapes: N rows, D numbers an embedding, M rows that are labelled already.
"""

import numpy as np

from components.active_learning.selection.embedding_space import directions, groups_of_rows

_NEIGHBOURS = 20
_MAX_GROUPS = 500
_FEWEST_OF_A_GROUP = 5


def typical_rows(embeddings: np.ndarray, covered: np.ndarray, num_rows: int, *, seed: int) -> np.ndarray:
    """Typical rows of the largest groups that hold no label yet, in their order: TypiClust.

    Parameters
    ----------
    embeddings
        Shape (N, D), D 1 or more.
    covered
        Shape (M, D): of labelled rows; M may be 0.
    num_rows
        How many, at most N.
    seed
        Of the groups.

    Returns
    -------
    np.ndarray
        Places, shape (`num_rows`,).

    References
    ----------
    G. Hacohen, A. Dekel, D. Weinshall, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets",
    ICML 2022, arXiv:2202.02794, section 3.2: as many groups as there will be labels, at most 500; a group's density is
    the inverse mean distance to 20 neighbours within it; groups of fewer than 5 come last.
    """
    vectors = directions(np.concatenate([embeddings, covered]) if len(covered) else embeddings)
    num_own = len(embeddings)
    groups = groups_of_rows(vectors, min(len(covered) + num_rows, _MAX_GROUPS), seed=seed)
    num_groups = int(groups.max()) + 1
    sizes = np.bincount(groups[:num_own], minlength=num_groups)
    labelled = np.bincount(groups[num_own:], minlength=num_groups)
    ranked = [_by_typicality(vectors, np.flatnonzero(groups[:num_own] == group)) for group in range(num_groups)]
    chosen: list[int] = []
    while len(chosen) < min(num_rows, num_own):
        left = sizes > 0
        small = sizes < _FEWEST_OF_A_GROUP
        group = int(np.lexsort((-sizes, labelled, small, ~left))[0])
        chosen.append(int(ranked[group][0]))
        ranked[group] = ranked[group][1:]
        sizes[group] -= 1
        labelled[group] += 1
    return np.array(chosen, dtype=np.int64)


def farthest_rows(embeddings: np.ndarray, covered: np.ndarray, num_rows: int) -> np.ndarray:
    """Rows that are each the farthest from all that is labelled or chosen before, in their order: greedy k-center.

    Parameters
    ----------
    embeddings, covered, num_rows
        As of `typical_rows`. Without a labelled row the first is the one nearest the middle.

    References
    ----------
    O. Sener, S. Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018,
    arXiv:1708.00489, algorithm 1.
    """
    vectors = directions(embeddings)
    nearest = np.full(len(vectors), np.inf)
    for known in directions(covered) if len(covered) else ():
        nearest = np.minimum(nearest, 1.0 - vectors @ known)
    chosen: list[int] = []
    while len(chosen) < min(num_rows, len(vectors)):
        place = int(nearest.argmax()) if np.isfinite(nearest).any() else int((vectors @ vectors.mean(axis=0)).argmax())
        chosen.append(place)
        nearest = np.minimum(nearest, 1.0 - vectors @ vectors[place])
        nearest[chosen] = -np.inf
    return np.array(chosen, dtype=np.int64)


def _by_typicality(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of a group, the most typical first."""
    if len(rows) < 2:
        return rows
    inside = vectors[rows]
    distances = np.sqrt(np.maximum(2.0 - 2.0 * (inside @ inside.T), 0.0))
    num = min(_NEIGHBOURS, len(rows) - 1)
    means = np.partition(distances, num, axis=1)[:, : num + 1].sum(axis=1) / num
    return rows[np.argsort(means, kind="stable")]
