"""The line from 0 to 1 on which content gives every example its place, and which the fractions cut."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.shared.contracts.problem import SPLIT_NAMES, SplitSpec
from components.shared.runtime.fingerprints import fingerprint_bytes

NOT_PINNED = -1
_POSITION_BITS = 53


def split_position(fingerprint: str, *, salt: str = "") -> float:
    """Position of a content on the line: 0 or more, below 1, uniform over fingerprints; another `salt`, another one."""
    if salt:
        fingerprint = fingerprint_bytes(f"{salt}\n{fingerprint}".encode())
    return (int(fingerprint[16:32], 16) >> (64 - _POSITION_BITS)) / 2.0**_POSITION_BITS


def open_fractions(spec: SplitSpec, predefined: Sequence[str]) -> dict[str, float]:
    """Fractions of train and of the splits that the data do not give themselves, adding up to 1."""
    wanted = {name: float(getattr(spec, name)) for name in SPLIT_NAMES if name == "train" or name not in predefined}
    total = sum(wanted.values())
    return {name: share / total for name, share in wanted.items() if share > 0.0}


def expected_splits(spec: SplitSpec, predefined: Sequence[str]) -> tuple[str, ...]:
    """Splits that must not be empty: those with a fraction, and those that the data give themselves."""
    return tuple(dict.fromkeys([*open_fractions(spec, predefined), *predefined]))


def split_intervals(fractions: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Each split's part of the line; splits without a fraction have none."""
    intervals, start = {}, 0.0
    for name in SPLIT_NAMES:
        if fractions.get(name, 0.0) > 0.0:
            intervals[name] = (start, start + fractions[name])
            start += fractions[name]
    return intervals


def unit_positions(positions: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Position of every unit, shape (U,), from those of its examples, (N,): uniform too, however many they are.

    The least of d uniform positions is below x with the chance 1 - (1 - x)^d: without that, large units would gather in
    train. Members that share a position (of a group, or of equal content) count once.
    """
    found = np.unique(np.stack([units.astype(np.float64), positions], axis=1), axis=0)
    codes, first, counts = np.unique(found[:, 0], return_index=True, return_counts=True)
    placed = np.full(int(units.max(initial=-1)) + 1, 1.0)
    placed[codes.astype(np.int64)] = 1.0 - (1.0 - found[first, 1]) ** counts
    return placed


def splits_on_line(positions: np.ndarray, fractions: Mapping[str, float]) -> np.ndarray:
    """Split in whose part of the line each position lies, shape (N,), int64: an index into `SPLIT_NAMES`."""
    intervals = split_intervals(fractions)
    bounds = [end for _, end in intervals.values()]
    codes = np.array([SPLIT_NAMES.index(name) for name in intervals], dtype=np.int64)
    return codes[np.searchsorted(bounds[:-1], positions, side="right")]
