"""A split by time: the past is trained on, the newest examples are tested on, validation lies between."""

from collections.abc import Mapping

import numpy as np

from components.shared.contracts.problem import SPLIT_NAMES

LEFT_OUT = -1


def splits_by_time(times: np.ndarray, fractions: Mapping[str, float], *, source: str) -> np.ndarray:
    """Split of every example, shape (N,), int64: an index into `SPLIT_NAMES`.

    The cuts lie between two different times, nearest to the fractions and so that no split is empty: examples of one
    time stay together.

    Parameters
    ----------
    times
        Shape (N,), float64: any unit, larger is later.
    fractions
        From `open_fractions`.
    source
        For the error.

    Raises
    ------
    ValueError
        If there are fewer different times than splits.
    """
    names = [name for name in SPLIT_NAMES if fractions.get(name, 0.0) > 0.0]
    values, counts = np.unique(times, return_counts=True)
    if len(values) < len(names):
        raise ValueError(
            f"split.by: time needs at least {len(names)} different times, one a split, but {source} has {len(values)}"
        )
    num_before = np.cumsum(counts)
    targets = np.cumsum([fractions[name] for name in names])[:-1] * len(times)
    cuts: list[int] = []
    for place, target in enumerate(targets.tolist()):
        first, last = (cuts[-1] + 1 if cuts else 0), len(values) - (len(names) - 1 - place) - 1
        candidates = np.arange(first, last + 1)
        cuts.append(int(candidates[np.abs(num_before[candidates] - target).argmin()]))
    codes = np.array([SPLIT_NAMES.index(name) for name in names], dtype=np.int64)
    return codes[np.searchsorted(values[cuts], times, side="left")]


def keep_units_whole(splits: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The splits with no unit in two of them, shape (N,): `LEFT_OUT` where an example lies apart from most of its unit.

    Of two splits with equally many of a unit's examples the earlier keeps them. `splits` may be `LEFT_OUT` already.
    """
    num_units = int(units.max(initial=-1)) + 1
    counts = np.zeros((num_units, len(SPLIT_NAMES)), dtype=np.int64)
    kept = splits != LEFT_OUT
    np.add.at(counts, (units[kept], splits[kept]), 1)
    return np.where(splits == counts.argmax(axis=1)[units], splits, LEFT_OUT)
