"""No class is absent from a split: units move until each class is in every split, as far as it can be."""

from collections.abc import Mapping

import numpy as np

from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.contracts.split_line import split_intervals

MIN_UNITS_A_CLASS = 3


def cover_classes(
    splits: np.ndarray,
    positions: np.ndarray,
    *,
    free: np.ndarray,
    classes: np.ndarray,
    units: np.ndarray,
    fractions: Mapping[str, float],
) -> None:
    """Move units, in place, until every class of three units or more is in every split.

    The smallest unit that another split can spare moves; of several that nearest to the split's part of the line.

    Parameters
    ----------
    splits, positions
        Shape (U,): each unit's split, an index into `SPLIT_NAMES`, which is changed, and its place on the line.
    free
        Shape (U,), bool: whether a unit may move.
    classes, units
        Shape (N,), int: class (-1 where unlabelled) and unit of every example.
    fractions
        From `open_fractions`.
    """
    memberships = _memberships(classes, units, len(splits))
    sizes = np.bincount(units, minlength=len(splits))
    num_classes = int(memberships[:, 0].max(initial=-1)) + 1
    counts = np.zeros((num_classes, len(SPLIT_NAMES)), dtype=np.int64)
    np.add.at(counts, (memberships[:, 0], splits[memberships[:, 1]]), 1)
    by_unit = memberships[np.argsort(memberships[:, 1], kind="stable")]
    intervals = {SPLIT_NAMES.index(name): interval for name, interval in split_intervals(fractions).items()}
    absent = (counts[:, list(intervals)] == 0).any(axis=1)
    for name in np.flatnonzero(absent & (counts.sum(axis=1) >= MIN_UNITS_A_CLASS)).tolist():
        start, stop = np.searchsorted(memberships[:, 0], (name, name + 1))
        for split in sorted((split for split in intervals if not counts[name, split]), reverse=True):
            donors = [
                (sizes[unit], _distance(positions[unit], intervals[split]), positions[unit], unit)
                for unit in memberships[start:stop, 1].tolist()
                if free[unit] and np.all(counts[_classes_of(by_unit, unit), splits[unit]] > 1)
            ]
            if donors:
                moved = min(donors)[-1]
                counts[_classes_of(by_unit, moved), splits[moved]] -= 1
                counts[_classes_of(by_unit, moved), split] += 1
                splits[moved] = split


def _memberships(classes: np.ndarray, units: np.ndarray, num_units: int) -> np.ndarray:
    """Pairs of a class and a unit that has an example of it, each once, ordered by class; shape (K, 2)."""
    labelled = classes >= 0
    codes = np.unique(classes[labelled].astype(np.int64) * num_units + units[labelled])
    return np.stack([codes // max(num_units, 1), codes % max(num_units, 1)], axis=1)


def _classes_of(by_unit: np.ndarray, unit: int) -> np.ndarray:
    start, stop = np.searchsorted(by_unit[:, 1], (unit, unit + 1))
    return by_unit[start:stop, 0]


def _distance(position: float, interval: tuple[float, float]) -> float:
    return max(interval[0] - position, position - interval[1], 0.0)
