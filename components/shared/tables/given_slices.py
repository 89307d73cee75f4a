"""Slices of examples by the columns that the problem file names: a mask a value, or a quarter of the numbers.

Shapes: N examples.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MAX_VALUES = 50
_QUARTERS = (0.25, 0.5, 0.75)


def slice_masks(columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
    """Masks of the slices of some columns, shape (N,) each, bool, by the slice's name.

    A column of at most 50 different values gives a slice a value (`region = north`), one of more numbers its quarters
    (`age from 31 up to 44`), one of more texts its 50 most frequent values. Examples without a value are a slice, too.
    """
    found: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        counts = pc.value_counts(values.drop_null())
        if len(counts) > _MAX_VALUES and (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
            found |= _quarters(name, values)
        else:
            common = sorted(counts.to_pylist(), key=lambda item: -item["counts"])[:_MAX_VALUES]
            for item in common:
                found[f"{name} = {item['values']}"] = _mask(pc.equal(values, pa.scalar(item["values"], values.type)))
        if values.null_count:
            found[f"{name} is missing"] = _mask(values.is_null())
    return found


def _quarters(name: str, values: pa.Array) -> dict[str, np.ndarray]:
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    inner = np.unique(np.nanquantile(numbers, _QUARTERS))
    place = np.searchsorted(inner, numbers, side="right")
    edges = [f"below {inner[0]:.4g}", *(f"from {edge:.4g}" for edge in inner)]
    named = [
        edge if number in (0, len(inner)) else f"{edge} up to {inner[number]:.4g}" for number, edge in enumerate(edges)
    ]
    masks = {f"{name} {words}": (place == number) & np.isfinite(numbers) for number, words in enumerate(named)}
    return {words: mask for words, mask in masks.items() if mask.any()}


def _mask(values: pa.BooleanArray) -> np.ndarray:
    mask: np.ndarray = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return mask.astype(bool)
