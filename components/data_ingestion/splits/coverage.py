"""No class is absent from a split: units move until each class has in every split the least that it needs."""

from collections.abc import Mapping

import numpy as np

from components.data_ingestion.splits.line import split_intervals
from components.shared.contracts.problem import SPLIT_NAMES

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

    In train it has at least half of what the fraction says. The units nearest to a split's part of the line move there.

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
    num_classes = int(memberships[:, 0].max(initial=-1)) + 1
    counts = np.zeros((num_classes, len(SPLIT_NAMES)), dtype=np.int64)
    np.add.at(counts, (memberships[:, 0], splits[memberships[:, 1]]), 1)
    needed = _needed(counts.sum(axis=1), fractions)
    by_unit = memberships[np.argsort(memberships[:, 1], kind="stable")]
    for name in np.flatnonzero((counts < needed).any(axis=1)).tolist():
        start, stop = np.searchsorted(memberships[:, 0], (name, name + 1))
        units = memberships[start:stop, 1].tolist()
        for split_name, interval in reversed(split_intervals(fractions).items()):
            split = SPLIT_NAMES.index(split_name)
            for _ in range(needed[name, split] - counts[name, split]):
                donors = [
                    (_distance(positions[unit], interval), positions[unit], unit)
                    for unit in units
                    if free[unit] and splits[unit] != split and _can_spare(by_unit, unit, counts, needed, splits[unit])
                ]
                if not donors:
                    break
                _, _, moved = min(donors)
                counts[_classes_of(by_unit, moved), splits[moved]] -= 1
                counts[_classes_of(by_unit, moved), split] += 1
                splits[moved] = split


def _needed(totals: np.ndarray, fractions: Mapping[str, float]) -> np.ndarray:
    """Units that every class must have in every split, shape (K, 3): one, and in train half of its fraction.

    A class of fewer than three units needs nothing: it cannot be everywhere.
    """
    needed = np.zeros((len(totals), len(SPLIT_NAMES)), dtype=np.int64)
    for split in fractions:
        needed[:, SPLIT_NAMES.index(split)] = 1
    in_train = np.ceil(totals * fractions.get("train", 0.0) / 2).astype(np.int64)
    needed[:, 0] = np.minimum(in_train, np.maximum(totals - (len(fractions) - 1), 1))
    needed[totals < MIN_UNITS_A_CLASS] = 0
    return needed


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


def _can_spare(by_unit: np.ndarray, unit: int, counts: np.ndarray, needed: np.ndarray, split: int) -> bool:
    """Whether every class of a unit still has what it needs in `split` without that unit."""
    rows = _classes_of(by_unit, unit)
    return bool(np.all(counts[rows, split] > needed[rows, split]))
