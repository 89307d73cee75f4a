"""Stratified placement: every class is cut by the fractions, and what is one unit goes to one split.

A unit of one example is a class's own business: the class's units, in the order of their positions, are cut where its
fractions fall, so that every split has as many as it should, within one. A unit of several examples (a group, near
duplicates, equal rows) goes where its position lies as long as that split has room for all of its classes, else where
it does the least harm; the largest come first, and single examples fill what is left.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from components.data_ingestion.splits.coverage import MIN_UNITS_A_CLASS
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.contracts.split_line import split_position, splits_on_line
from components.shared.runtime.fingerprints import fingerprint_bytes

_TOLERANCE = 1e-9


def class_offsets(class_names: Sequence[str], *, salt: str) -> np.ndarray:
    """Where each class, and last the unlabelled examples, begins to round: shape (K + 1,), 0 or more, below 1.

    Classes that all rounded alike would together give one split too much.
    """
    names = [f"class {name}" for name in class_names] + ["unlabelled"]
    return np.array([split_position(fingerprint_bytes(name.encode()), salt=salt) for name in names])


def place_units(
    unit_splits: np.ndarray,
    *,
    units: np.ndarray,
    strata: np.ndarray,
    positions: np.ndarray,
    offsets: np.ndarray,
    fractions: Mapping[str, float],
) -> None:
    """Give every unit a split that has none, in place, so that fractions hold in each class as near as units allow.

    Parameters
    ----------
    unit_splits
        Shape (U,), int: each unit's split, an index into `SPLIT_NAMES`, where it is fixed; below 0 where it is not.
    units, strata
        Shape (N,), int: unit and class of every example; K stands for unlabelled.
    positions
        Shape (U,), float64 in 0..1.
    offsets
        From `class_offsets`.
    fractions
        From `open_fractions`; units that are fixed in other splits take no part.
    """
    if not len(units):
        return
    shares = np.array([fractions.get(name, 0.0) for name in SPLIT_NAMES])
    counted = np.isin(unit_splits, [-1, *np.flatnonzero(shares)])[units]
    wanted = _wanted(np.bincount(strata[counted], minlength=len(offsets)), shares, offsets)
    placed = np.zeros_like(wanted)
    fixed = unit_splits[units] >= 0
    np.add.at(placed, (strata[fixed], unit_splits[units[fixed]]), 1)
    sizes = np.bincount(units, minlength=len(unit_splits))
    _place_large(unit_splits, placed, wanted, units, strata, positions, sizes, fractions)
    _place_single(unit_splits, placed, wanted, units, strata, positions, sizes)


def _wanted(totals: np.ndarray, shares: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """How many examples of every class each split should have, shape (K + 1, 3), int64: within one of its fraction.

    A class of three examples or more has one at least in every split that has a fraction.
    """
    ends = np.floor(totals[:, None] * np.cumsum(shares) + offsets[:, None] * (1.0 - 1e-6) + _TOLERANCE)
    ends[:, np.flatnonzero(shares)[-1] :] = totals[:, None]
    wanted = np.diff(ends, axis=1, prepend=0.0).astype(np.int64)
    for split in np.flatnonzero(shares)[::-1]:
        lacking = np.flatnonzero((wanted[:, split] == 0) & (totals >= MIN_UNITS_A_CLASS))
        wanted[lacking, wanted[lacking].argmax(axis=1)] -= 1
        wanted[lacking, split] += 1
    return wanted


def _place_large(
    unit_splits: np.ndarray,
    placed: np.ndarray,
    wanted: np.ndarray,
    units: np.ndarray,
    strata: np.ndarray,
    positions: np.ndarray,
    sizes: np.ndarray,
    fractions: Mapping[str, float],
) -> None:
    """Place free units of several examples, the largest first; `placed`, (K + 1, 3), is kept up to date."""
    large = np.flatnonzero((unit_splits < 0) & (sizes > 1))
    order = large[np.lexsort((positions[large], -sizes[large]))]
    preferred = splits_on_line(positions, fractions)
    by_unit = np.argsort(units, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    open_splits = [SPLIT_NAMES.index(name) for name in SPLIT_NAMES if fractions.get(name, 0.0) > 0.0]
    scale = np.maximum(wanted.sum(axis=1), 1)
    for unit in order.tolist():
        classes, counts = np.unique(strata[by_unit[starts[unit] : starts[unit + 1]]], return_counts=True)
        split = int(preferred[unit])
        if np.any(placed[classes, split] + counts > wanted[classes, split]):
            over = placed[classes] - wanted[classes]
            harm = (counts * (2 * over.T + counts) / scale[classes]).sum(axis=1)
            split = min(open_splits, key=lambda index: (harm[index], index))
        unit_splits[unit] = split
        placed[classes, split] += counts


def _place_single(
    unit_splits: np.ndarray,
    placed: np.ndarray,
    wanted: np.ndarray,
    units: np.ndarray,
    strata: np.ndarray,
    positions: np.ndarray,
    sizes: np.ndarray,
) -> None:
    """Cut every class's free units of one example, in the order of their positions, where its counts fall."""
    single = np.flatnonzero((unit_splits[units] < 0) & (sizes[units] == 1))
    single = single[np.lexsort((positions[units[single]], strata[single]))]
    for stratum, start, length in zip(*np.unique(strata[single], return_index=True, return_counts=True), strict=True):
        counts = _filled(np.maximum(wanted[stratum] - placed[stratum], 0), int(length))
        unit_splits[units[single[start : start + length]]] = np.repeat(np.arange(len(SPLIT_NAMES)), counts)


def _filled(lacking: np.ndarray, num: int) -> np.ndarray:
    """`num` examples shared out among the splits by what each lacks, shape (3,): all of it, or in proportion.

    Together the splits lack `num` at least: what some have too much, others lack beyond it.
    """
    exact = lacking * (num / lacking.sum())
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: num - counts.sum()]] += 1
    return counts
