"""Which fractions the splits have, and where units of several examples lie on the line that the fractions cut."""

from collections.abc import Sequence

import numpy as np

from components.shared.contracts.problem import SPLIT_NAMES, SplitSpec

NOT_PINNED = -1


def open_fractions(spec: SplitSpec, predefined: Sequence[str]) -> dict[str, float]:
    """Fractions of train and of the splits that the data do not give themselves, adding up to 1."""
    wanted = {name: float(getattr(spec, name)) for name in SPLIT_NAMES if name == "train" or name not in predefined}
    total = sum(wanted.values())
    return {name: share / total for name, share in wanted.items() if share > 0.0}


def expected_splits(spec: SplitSpec, predefined: Sequence[str]) -> tuple[str, ...]:
    """Splits that must not be empty: those with a fraction, and those that the data give themselves."""
    return tuple(dict.fromkeys([*open_fractions(spec, predefined), *predefined]))


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
