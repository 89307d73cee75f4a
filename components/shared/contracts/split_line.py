"""The line from 0 to 1 on which content gives every example its place, and which the fractions cut."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.runtime.fingerprints import fingerprint_bytes

_POSITION_BITS = 53
_SEPARATOR = "\x1f"
_MISSING = "\x00"


def content_fingerprints(columns: Sequence[pa.Array]) -> list[str]:
    """Fingerprints of N rows of at least one column of texts or numbers, in the columns' order."""
    texts = [column.cast(pa.string()) for column in columns]
    joined = pc.binary_join_element_wise(*texts, _SEPARATOR, null_handling="replace", null_replacement=_MISSING)
    return [fingerprint_bytes(value.encode()) for value in joined.to_pylist()]


def split_position(fingerprint: str, *, salt: str = "") -> float:
    """Position of a content on the line: 0 or more, below 1, uniform over fingerprints; another `salt`, another one."""
    if salt:
        fingerprint = fingerprint_bytes(f"{salt}\n{fingerprint}".encode())
    return (int(fingerprint[16:32], 16) >> (64 - _POSITION_BITS)) / 2.0**_POSITION_BITS


def split_intervals(fractions: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Each split's part of the line; splits without a fraction have none."""
    intervals, start = {}, 0.0
    for name in SPLIT_NAMES:
        if fractions.get(name, 0.0) > 0.0:
            intervals[name] = (start, start + fractions[name])
            start += fractions[name]
    return intervals


def splits_on_line(positions: np.ndarray, fractions: Mapping[str, float]) -> np.ndarray:
    """Split in whose part of the line each position lies, shape (N,), int64: an index into `SPLIT_NAMES`."""
    intervals = split_intervals(fractions)
    bounds = [end for _, end in intervals.values()]
    codes = np.array([SPLIT_NAMES.index(name) for name in intervals], dtype=np.int64)
    return codes[np.searchsorted(bounds[:-1], positions, side="right")]
