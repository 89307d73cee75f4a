"""Which split an example belongs to: decided by its content, so that no order and no newcomer changes it.

Every example (or group) has a position in 0..1 that its fingerprint gives; the fractions cut that line into train,
validation and test. What must stay together (duplicates, near duplicates, groups) is one unit and goes to one split.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from components.shared.problem import SPLIT_NAMES, SplitSpec

NOT_PINNED = -1
_MIN_UNITS_A_CLASS = 3
_POSITION_BITS = 53


def split_position(fingerprint: str) -> float:
    """Position of a content on the line that the fractions cut.

    Parameters
    ----------
    fingerprint
        32 hexadecimal characters.

    Returns
    -------
    float
        0 or more, below 1, uniform over contents.
    """
    return (int(fingerprint[16:32], 16) >> (64 - _POSITION_BITS)) / 2.0**_POSITION_BITS


def open_fractions(spec: SplitSpec, predefined: Sequence[str]) -> dict[str, float]:
    """Fractions for the examples whose split the data do not give.

    Parameters
    ----------
    spec
        The problem's fractions.
    predefined
        Splits that the data give themselves (a test file, folders named for splits).

    Returns
    -------
    dict
        `{split: fraction}`, adding up to 1, over train and the splits that are not predefined.
    """
    wanted = {name: float(getattr(spec, name)) for name in SPLIT_NAMES if name == "train" or name not in predefined}
    total = sum(wanted.values())
    return {name: share / total for name, share in wanted.items() if share > 0.0}


def assign_splits(
    positions: np.ndarray,
    *,
    classes: np.ndarray,
    clusters: np.ndarray,
    pinned: np.ndarray,
    fractions: Mapping[str, float],
) -> np.ndarray:
    """Split of every example.

    A unit whose members' own splits disagree goes to train where one of them is in train, else to validation: what
    was once trained on is never tested on. A class of three units or more has one at least in every split; where
    the line gives it none, the unit nearest to that split's part of the line moves there.

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

    Returns
    -------
    np.ndarray
        Shape (N,), int64: index into `SPLIT_NAMES`.
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
    _cover_classes(unit_splits, unit_positions, free, _classes_of_units(units, classes), fractions)
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


def _classes_of_units(units: np.ndarray, classes: np.ndarray) -> dict[int, list[int]]:
    """`{class: its units}`, without the unlabelled."""
    labelled = classes >= 0
    pairs = np.unique(np.stack([classes[labelled], units[labelled]], axis=1), axis=0)
    units_of: dict[int, list[int]] = {}
    for name, unit in pairs.tolist():
        units_of.setdefault(name, []).append(unit)
    return units_of


def _cover_classes(
    splits: np.ndarray,
    positions: np.ndarray,
    free: np.ndarray,
    units_of: Mapping[int, Sequence[int]],
    fractions: Mapping[str, float],
) -> None:
    """Move units, in place, until every class of three units or more is in every split."""
    classes_of: dict[int, list[int]] = {}
    for name, units in units_of.items():
        for unit in units:
            classes_of.setdefault(unit, []).append(name)
    num_units = {name: np.bincount(splits[units], minlength=len(SPLIT_NAMES)) for name, units in units_of.items()}
    for name, units in units_of.items():
        if len(units) < _MIN_UNITS_A_CLASS:
            continue
        for split_name, (start, stop) in reversed(_intervals(fractions).items()):
            split = SPLIT_NAMES.index(split_name)
            if num_units[name][split]:
                continue
            donors = [
                (max(start - positions[unit], positions[unit] - stop, 0.0), positions[unit], unit)
                for unit in units
                if free[unit] and all(_can_spare(num_units[other], splits[unit]) for other in classes_of[unit])
            ]
            if donors:
                _, _, moved = min(donors)
                for other in classes_of[moved]:
                    num_units[other][splits[moved]] -= 1
                    num_units[other][split] += 1
                splits[moved] = split


def _can_spare(units_by_split: np.ndarray, split: int) -> bool:
    return bool(units_by_split[split] > 1 or units_by_split.sum() < _MIN_UNITS_A_CLASS)
