"""Whole counts that follow exact ones and add up to a total."""

import numpy as np


def apportioned(
    exact: np.ndarray, counts: np.ndarray, *, total: int, least: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """Counts moved one by one, shape (K,), int, until they add up to `total`, where they are farthest from `exact`.

    `counts` begin within `least` and `most`, shape (K,), and stay there; the bounds must allow `total`.
    """
    counts = counts.copy()
    while counts.sum() != total:
        step = 1 if counts.sum() < total else -1
        can_move = counts < most if step == 1 else counts > least
        counts[np.where(can_move, (exact - counts) * step, -np.inf).argmax()] += step
    return counts
