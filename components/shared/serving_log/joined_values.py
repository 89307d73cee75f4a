"""Columns of several requests as one Arrow array each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def joined_values(given: Sequence[Any], counts: np.ndarray) -> pa.Array:
    """Values of some requests, one after another, shape (N,).

    Parameters
    ----------
    given
        Of each request an Arrow array, a NumPy array or a list; None where it has none.
    counts
        Rows of each request, N together.

    Returns
    -------
    pa.Array
        Numbers as float64 unless all have one other type, texts as string where any is one; null where there is none.

    Raises
    ------
    ValueError
        If a request has other than its count of values.
    TypeError
        If values are of no type of a column.
    """
    for values, count in zip(given, counts.tolist(), strict=True):
        if values is not None and len(values) != count:
            raise ValueError(f"a column of a request must have one value a row, {count}, got {len(values)}")
    if all(isinstance(values, list | tuple) for values in given):
        return _of_python([value for values in given for value in values])
    arrays = [
        pa.nulls(count) if values is None else _array(values)
        for values, count in zip(given, counts.tolist(), strict=True)
    ]
    return _concatenated(arrays)


def joined_lists(given: Sequence[np.ndarray | None], counts: np.ndarray, kind: pa.DataType) -> pa.Array | None:
    """Rows of matrices, shape (N,), lists of `kind`; null where a request has none, None where no request has any."""
    if all(matrix is None for matrix in given):
        return None
    matrices = [None if matrix is None else _rows(matrix, count) for matrix, count in zip(given, counts, strict=True)]
    present = [matrix for matrix in matrices if matrix is not None]
    if len(present) == len(matrices) and len({matrix.shape[1] for matrix in present}) == 1:
        return _lists(np.concatenate(present), kind)
    arrays = [
        pa.nulls(count, pa.list_(kind)) if matrix is None else _lists(matrix, kind)
        for matrix, count in zip(matrices, counts.tolist(), strict=True)
    ]
    return pa.concat_arrays(arrays)


def _rows(matrix: np.ndarray, count: int) -> np.ndarray:
    rows = np.asarray(matrix)
    if rows.ndim != 2 or len(rows) != count:
        raise ValueError(f"a matrix of a request must have one row a row, {count}, got the shape {rows.shape}")
    return rows


def _lists(rows: np.ndarray, kind: pa.DataType) -> pa.Array:
    offsets = (np.arange(len(rows) + 1) * rows.shape[1]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(rows.ravel()).cast(kind))


def _array(values: Any) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.DictionaryArray):
        return values.dictionary_decode()
    if isinstance(values, pa.Array):
        return values
    return pa.array(values) if isinstance(values, np.ndarray) and values.dtype != object else _of_python(list(values))


def _of_python(values: list[Any]) -> pa.Array:
    """Values as Python has them: whole numbers become float64 beside others, and all become texts beside a text."""
    try:
        found = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        found = pa.array([value if value is None or isinstance(value, str) else _text(value) for value in values])
    return found.cast(pa.float64()) if pa.types.is_integer(found.type) else found


def _text(value: Any) -> str:
    if not isinstance(value, bool | int | float):
        raise TypeError(f"a value of a request must be a text, a number or missing, got {type(value).__name__}")
    return str(value)


def _concatenated(arrays: list[pa.Array]) -> pa.Array:
    kinds = {array.type for array in arrays if not pa.types.is_null(array.type)}
    if len(kinds) > 1:
        is_numeric = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds)
        kinds = {pa.float64() if is_numeric else pa.string()}
    kind = kinds.pop() if kinds else pa.null()
    return pa.concat_arrays([array if array.type == kind else array.cast(kind) for array in arrays])
