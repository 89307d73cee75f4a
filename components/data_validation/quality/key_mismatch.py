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
# Numbers that differ by at most this part of the larger one are equal.
_RELATIVE_TOLERANCE = 1e-6


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


def key_mismatches(reference: KeyedRows, current: KeyedRows) -> KeyComparison:
    """Compare two datasets example by example; they must have been collected with the same keys and `max_keys`.

    Numbers are equal within a relative tolerance, all else only where it is the same. A number and its text are
    compared as numbers: that a type changed is for the schema to say.
    """
    if (reference.keys, reference.max_keys) != (current.keys, current.max_keys):
        raise ValueError(
            "both sides must have the same keys and max_keys, "
            f"got {reference.keys}, {reference.max_keys} and {current.keys}, {current.max_keys}"
        )
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
        features=tuple(_feature_mismatch(name, pair, reference.keys) for name in columns),
        num_common_keys=len(common),
        num_repeated_keys=(left.num_repeated_keys, right.num_repeated_keys),
    )


def _feature_mismatch(column: str, pair: tuple[pa.Table, pa.Table], keys: Sequence[str]) -> FeatureMismatch:
    values = [rows.column(column).combine_chunks() for rows in pair]
    different = _different(values[0], values[1])
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


def _different(reference: pa.Array, current: pa.Array) -> np.ndarray:
    """Shape (K,), bool: where the two datasets differ."""
    missing = [_missing(values) for values in (reference, current)]
    if _is_number(reference.type) or _is_number(current.type):
        same = _same_numbers(_as_floats(reference), _as_floats(current))
    else:
        same = np.asarray(pc.fill_null(pc.equal(_as_texts(reference), _as_texts(current)), False))
    return np.where(missing[0] | missing[1], missing[0] != missing[1], ~same)


def _same_numbers(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):  # infinities less infinities
        distance = np.abs(reference - current)
        close = distance <= _RELATIVE_TOLERANCE * np.maximum(np.abs(reference), np.abs(current))
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
