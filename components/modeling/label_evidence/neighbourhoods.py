"""Near duplicates with different labels, and examples that are like no other: what embeddings say beside the labels.

Shapes: N examples, D numbers an embedding, k neighbours.
"""

from dataclasses import dataclass

import numpy as np

from components.modeling.label_evidence.neighbour_votes import nearest_neighbours

NO_ROW = -1
_NUM_NEIGHBOURS = 10
# Of the usual distance to the nearest example; photos saved again and texts with one more mark lie well below.
_NEAR = 0.2
# Of the spread (median absolute deviation) of log distances above their median.
_FAR = 6.0
# One of two near duplicates with different labels is wrong: it may as well be this one.
_EITHER = 0.5


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Neighbourhoods:
    """What surrounds N examples.

    Attributes
    ----------
    contradicted_by
        Shape (N,), int: row of the nearest near duplicate with another label; `NO_ROW` where there is none.
    is_outlier
        Shape (N,), bool: much farther from its neighbours than examples usually are.
    """

    contradicted_by: np.ndarray
    is_outlier: np.ndarray


def neighbourhoods(embeddings: np.ndarray, labels: np.ndarray, content_ids: np.ndarray | None = None) -> Neighbourhoods:
    """Near duplicates with different labels, and outliers.

    Parameters
    ----------
    embeddings
        Shape (N, D), finite; D may be 0, then only equal contents are near duplicates.
    labels
        Shape (N,), int.
    content_ids
        Shape (N,), uint64, 0 where not known; None where none is.
    """
    contradicted_by = _by_equal_contents(labels, content_ids)
    is_outlier = np.zeros(len(labels), bool)
    if embeddings.shape[1] and len(labels) > _NUM_NEIGHBOURS:
        rows, similarities = nearest_neighbours(embeddings, _NUM_NEIGHBOURS)
        distances = np.sqrt(np.maximum(2.0 - 2.0 * similarities.astype(np.float64), 1e-7))
        near = (distances <= _NEAR * np.median(distances[:, 0])) & (labels[rows] != labels[:, None])
        place = near.argmax(axis=1)
        is_new = near.any(axis=1) & (contradicted_by == NO_ROW)
        contradicted_by[is_new] = rows[is_new, place[is_new]]
        logs = np.log(distances.mean(axis=1))
        above = logs - np.median(logs)
        is_outlier = above > _FAR * max(float(np.median(np.abs(above))), 1e-3)
    return Neighbourhoods(contradicted_by=contradicted_by, is_outlier=is_outlier)


def with_contradictions(scores: np.ndarray, contradicted_by: np.ndarray) -> np.ndarray:
    """Suspicion of N labels, 0 to 1, where of two that contradict each other the worse is as suspicious as a coin.

    Parameters
    ----------
    scores
        Shape (N,), 0 to 1.
    contradicted_by
        Shape (N,), int, as in `Neighbourhoods`.
    """
    rows = np.flatnonzero(contradicted_by != NO_ROW)
    worse = rows[scores[rows] >= scores[contradicted_by[rows]]]
    raised = scores.copy()
    raised[worse] = np.maximum(scores[worse], _EITHER)
    return raised


def _by_equal_contents(labels: np.ndarray, content_ids: np.ndarray | None) -> np.ndarray:
    contradicted_by = np.full(len(labels), NO_ROW)
    if content_ids is None:
        return contradicted_by
    order = np.lexsort((labels, content_ids))
    ends = np.flatnonzero(np.diff(content_ids[order], append=content_ids[order[-1:]] + 1)) if len(order) else order
    start = 0
    for end in ends.tolist():
        same = order[start : end + 1]
        start = end + 1
        first, last = same[0], same[-1]
        if content_ids[first] and labels[first] != labels[last]:
            contradicted_by[same] = np.where(labels[same] == labels[first], last, first)
    return contradicted_by
