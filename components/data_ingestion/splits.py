"""Which split an example belongs to: its content decides, so that neither order nor new examples change it.

Every example (or group) has a position in 0..1 that its fingerprint gives; the fractions cut that line into train,
validation and test. What must stay together (duplicates, near duplicates, groups) is one unit and goes to one split.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from components.shared.contracts.problem import SPLIT_NAMES, SplitSpec

NOT_PINNED = -1
_MIN_UNITS_A_CLASS = 3
_POSITION_BITS = 53


def split_position(fingerprint: str) -> float:
    """Position of a content on the line that the fractions cut: 0 or more, below 1, uniform over fingerprints."""
    return (int(fingerprint[16:32], 16) >> (64 - _POSITION_BITS)) / 2.0**_POSITION_BITS


def open_fractions(spec: SplitSpec, predefined: Sequence[str]) -> dict[str, float]:
    """Fractions of train and of the splits that the data do not give themselves, adding up to 1."""
    wanted = {name: float(getattr(spec, name)) for name in SPLIT_NAMES if name == "train" or name not in predefined}
    total = sum(wanted.values())
    return {name: share / total for name, share in wanted.items() if share > 0.0}


def expected_splits(spec: SplitSpec, predefined: Sequence[str]) -> tuple[str, ...]:
    """Splits that must not be empty: those with a fraction, and those that the data give themselves."""
    return tuple(dict.fromkeys([*open_fractions(spec, predefined), *predefined]))


def assign_splits(
    positions: np.ndarray,
    *,
    classes: np.ndarray,
    clusters: np.ndarray,
    pinned: np.ndarray,
    fractions: Mapping[str, float],
) -> np.ndarray:
    """Split of every example: shape (N,), int64, an index into `SPLIT_NAMES`.

    A unit whose members' own splits disagree goes to train where one of them is in train, else to validation: what was
    once trained on is never tested on. A class of three units or more has one at least in every split, and in train at
    least half of what the fraction says; where the line gives it fewer, the units nearest to that split's part of the
    line move there.

    Parameters
    ----------
    positions
        Shape (N,), float64 in 0..1: from the content, or from the group.
    classes
        Shape (N,), int: class index, -1 where unlabelled.
    clusters
        Shape (N,), int: examples with the same number stay together.
    pinned
        Shape (N,), int: index into `SPLIT_NAMES` where the data give the split, else `NOT_PINNED`.
    fractions
        From `open_fractions`.
    """
    own = np.where(pinned == NOT_PINNED, _splits_on_line(positions, fractions), pinned)
    _, units = np.unique(clusters, return_inverse=True)
    num_units = int(units.max(initial=-1)) + 1
    # SPLIT_NAMES runs from train to test, so the smallest index is the one that the rule asks for.
    unit_splits = np.full(num_units, len(SPLIT_NAMES), dtype=np.int64)
    np.minimum.at(unit_splits, units, own)
    unit_positions = np.full(num_units, 1.0)
    np.minimum.at(unit_positions, units, positions)
    free = np.ones(num_units, dtype=bool)
    free[units[pinned != NOT_PINNED]] = False
    _cover_classes(unit_splits, unit_positions, free, _memberships(classes, units, num_units), fractions)
    return unit_splits[units]


def _splits_on_line(positions: np.ndarray, fractions: Mapping[str, float]) -> np.ndarray:
    bounds = [end for _, end in _intervals(fractions).values()]
    codes = np.array([SPLIT_NAMES.index(name) for name in _intervals(fractions)])
    return codes[np.searchsorted(bounds[:-1], positions, side="right")]


def _intervals(fractions: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    intervals, start = {}, 0.0
    for name in SPLIT_NAMES:
        if fractions.get(name, 0.0) > 0.0:
            intervals[name] = (start, start + fractions[name])
            start += fractions[name]
    return intervals


def _cover_classes(
    splits: np.ndarray,
    positions: np.ndarray,
    free: np.ndarray,
    memberships: np.ndarray,
    fractions: Mapping[str, float],
) -> None:
    """Move units, in place, until every class has in every split what `_needed` says.

    `memberships` has the shape (K, 2): class and unit, ordered by class.
    """
    num_classes = int(memberships[:, 0].max(initial=-1)) + 1
    counts = np.zeros((num_classes, len(SPLIT_NAMES)), dtype=np.int64)
    np.add.at(counts, (memberships[:, 0], splits[memberships[:, 1]]), 1)
    needed = _needed(counts.sum(axis=1), fractions)
    by_unit = memberships[np.argsort(memberships[:, 1], kind="stable")]
    for name in np.flatnonzero((counts < needed).any(axis=1)).tolist():
        start, stop = np.searchsorted(memberships[:, 0], (name, name + 1))
        units = memberships[start:stop, 1].tolist()
        for split_name, interval in reversed(_intervals(fractions).items()):
            split = SPLIT_NAMES.index(split_name)
            for _ in range(needed[name, split] - counts[name, split]):
                donors = [
                    (_distance(positions[unit], interval), positions[unit], unit)
                    for unit in units
                    if free[unit] and splits[unit] != split and _can_spare(by_unit, unit, counts, needed, splits[unit])
                ]
                if donors:
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
    needed[totals < _MIN_UNITS_A_CLASS] = 0
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
