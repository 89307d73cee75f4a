"""The same example in both datasets, with other features: mismatch between training and serving by key.

Distributions can agree while single examples do not: a feature computed by other code, from a stale table, or joined
to the wrong row. Where both datasets name their examples, each one is compared with itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.quality.keyed_rows import KeyedRows

_MAX_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyMismatchSettings:
    """From where a mismatch matters.

    Attributes
    ----------
    material_share
        Share of the compared examples whose feature differs, 0 to 1, from which the feature blocks.
    min_rows
        Compared examples below which nothing blocks.
    relative_tolerance
        Numbers that differ by at most this part of the larger one are equal.
    """

    material_share: float = 0.01
    min_rows: int = 100
    relative_tolerance: float = 1e-6

    def __post_init__(self) -> None:
        if not 0.0 < self.material_share < 1.0:
            raise ValueError(f"material_share must lie between 0 and 1, got {self.material_share!r}")
        if self.min_rows < 1 or self.relative_tolerance < 0:
            raise ValueError(
                "min_rows must be at least 1 and relative_tolerance at least 0, "
                f"got {self.min_rows!r} and {self.relative_tolerance!r}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class MismatchExample:
    """One example whose feature differs: its key and the two values, as Python values; None is missing."""

    key: tuple[object, ...]
    reference: object
    current: object


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureMismatch:
    """How one feature agrees in the two datasets; a value that is missing in one only differs."""

    column: str
    num_compared: int  # examples found in both datasets
    num_different: int
    examples: tuple[MismatchExample, ...]  # a few that differ


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyComparison:
    """Two datasets compared example by example, over their common features in the reference's order."""

    keys: tuple[str, ...]
    features: tuple[FeatureMismatch, ...]
    num_common_keys: int  # repeated ones left out
    num_repeated_keys: tuple[int, int]  # left out of either, since they came with several different rows


def key_mismatches(
    reference: KeyedRows, current: KeyedRows, *, settings: KeyMismatchSettings | None = None
) -> KeyComparison:
    """Compare two datasets example by example; they must have been collected with the same keys and `max_keys`.

    Numbers are equal within a relative tolerance, all else only where it is the same. A number and its text are
    compared as numbers: that a type changed is for the schema to say.
    """
    if (reference.keys, reference.max_keys) != (current.keys, current.max_keys):
        raise ValueError(
            "both sides must have the same keys and max_keys, "
            f"got {reference.keys}, {reference.max_keys} and {current.keys}, {current.max_keys}"
        )
    settings = settings or KeyMismatchSettings()
    left, right = reference.kept(), current.kept()
    if left is None or right is None:
        return KeyComparison(keys=reference.keys, features=(), num_common_keys=0, num_repeated_keys=(0, 0))
    common, left_rows, right_rows = np.intersect1d(
        left.key_hashes, right.key_hashes, assume_unique=True, return_indices=True
    )
    pair = left.rows.take(left_rows), right.rows.take(right_rows)
    columns = [name for name in reference.columns if name in current.columns]
    return KeyComparison(
        keys=reference.keys,
        features=tuple(_feature_mismatch(name, pair, reference.keys, settings) for name in columns),
        num_common_keys=len(common),
        num_repeated_keys=(left.num_repeated_keys, right.num_repeated_keys),
    )


def _feature_mismatch(
    column: str, pair: tuple[pa.Table, pa.Table], keys: Sequence[str], settings: KeyMismatchSettings
) -> FeatureMismatch:
    values = [_whole(side.column(column)) for side in pair]
    different = _different(values[0], values[1], settings.relative_tolerance)
    shown = np.flatnonzero(different)[:_MAX_EXAMPLES].tolist()
    examples = tuple(
        MismatchExample(
            key=tuple(pair[0].column(name)[row].as_py() for name in keys),
            reference=values[0][row].as_py(),
            current=values[1][row].as_py(),
        )
        for row in shown
    )
    return FeatureMismatch(
        column=column, num_compared=len(different), num_different=int(different.sum()), examples=examples
    )


def _whole(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _different(reference: pa.Array, current: pa.Array, tolerance: float) -> np.ndarray:
    """Shape (K,), bool: where the two datasets differ."""
    missing = [_missing(side) for side in (reference, current)]
    if any(_is_number(side.type) for side in (reference, current)):
        same = _same_numbers(_as_floats(reference), _as_floats(current), tolerance)
    else:
        texts = [_as_texts(side) for side in (reference, current)]
        same = np.asarray(pc.fill_null(pc.equal(texts[0], texts[1]), False))
    return np.where(missing[0] | missing[1], missing[0] != missing[1], ~same)


def _same_numbers(reference: np.ndarray, current: np.ndarray, tolerance: float) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):  # infinities less infinities
        distance = np.abs(reference - current)
        close = distance <= tolerance * np.maximum(np.abs(reference), np.abs(current))
    return (reference == current) | (close & np.isfinite(distance))


def _missing(values: pa.Array) -> np.ndarray:
    missing = np.asarray(pc.is_null(values))
    return missing | np.isnan(_as_floats(values)) if pa.types.is_floating(values.type) else missing


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _as_floats(values: pa.Array) -> np.ndarray:
    """Shape (K,), float64; NaN for what is missing and for texts that are no number."""
    if _is_number(values.type):
        return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
    texts = pd.Series(_as_texts(values).to_numpy(zero_copy_only=False), dtype=object)
    return pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)


def _as_texts(values: pa.Array) -> pa.Array:
    binary = pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)
    return values.cast(pa.large_binary()) if binary else values.cast(pa.large_string())
