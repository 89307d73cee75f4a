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


def unsure_rows_apart(
    scores: np.ndarray, probabilities: np.ndarray, embeddings: np.ndarray, num_rows: int, *, seed: int
) -> np.ndarray:
    """Rows that would each change the model much, and in other ways than the others, in their order: BADGE.

    Parameters
    ----------
    scores
        Shape (N,), 0 or more, descending: how unsure the model is.
    probabilities
        Shape (N, K), of the same rows.
    embeddings
        Shape (N, D), D 1 or more.
    num_rows
        How many, at most N.
    seed
        Of the draws.

    Returns
    -------
    np.ndarray
        Places, shape (`num_rows`,); the first is the most uncertain row.

    References
    ----------
    J. T. Ash et al., "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds", ICLR 2020,
    arXiv:1906.03671: k-means++ on the gradients that the last layer would get if the model's answer were true. Here
    embeddings have length 1, so that long texts do not weigh more, and a gradient is as long as its row's score, which
    is the same for two classes and the margin.
    """
    answers = np.asarray(probabilities, np.float32)
    gaps = directions(answers - np.eye(answers.shape[1], dtype=np.float32)[answers.argmax(axis=1)])
    gaps *= np.asarray(scores, np.float32)[:, None]
    vectors = directions(embeddings)
    sizes = (gaps**2).sum(axis=1) * (vectors**2).sum(axis=1)
    rng = np.random.default_rng(seed)
    chosen, nearest = [0], np.full(len(vectors), np.inf)
    while len(chosen) < min(num_rows, len(vectors)):
        last = chosen[-1]
        inner = (gaps @ gaps[last]) * (vectors @ vectors[last])
        nearest = np.minimum(nearest, np.maximum(sizes + sizes[last] - 2.0 * inner, 0.0))
        nearest[chosen] = 0.0
        total = float(nearest.sum())
        if total <= 0.0:  # all others are the same as one that is chosen
            left = np.setdiff1d(np.arange(len(vectors)), chosen)
            return np.array([*chosen, *left.tolist()][:num_rows], dtype=np.int64)
        place = int(np.searchsorted(np.cumsum(nearest), rng.random() * total))
        chosen.append(min(place, int(np.flatnonzero(nearest)[-1])))
    return np.array(chosen[:num_rows], dtype=np.int64)
