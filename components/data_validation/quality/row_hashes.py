"""Rows as 64-bit hashes, so that equal rows can be counted without keeping them.

A hash depends on the row's values alone: not on the batch it came in, its encoding or its width. The whole number 3
and the float 3.0 hash alike, NaN is missing, and a missing value has a hash of its own.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# The constants of splitmix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_MISSING = np.uint64(0x6D697373696E6721)
# Beyond this a float no longer holds every whole number.
_LARGEST_EXACT = 2**53
# Of a word of eight bytes, the first 0 to 8.
_WORD_MASKS = np.array([2 ** (8 * num_bytes) - 1 for num_bytes in range(9)], np.uint64)


def row_hashes(rows: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> np.ndarray:
    """Hash of every row over `columns`, shape (N,), uint64; datasets to be compared need the same order of columns.

    Different rows collide with a chance of about 5e-20 a pair. Columns of lists or structures raise ValueError.
    """
    if not columns:
        raise ValueError("columns must name at least one column to hash, got none")
    hashes = np.zeros(rows.num_rows, np.uint64)
    for name in columns:
        hashes = _mixed(hashes * _GOLDEN + column_hashes(_whole_column(rows, name), name))
    return hashes


def column_hashes(values: pa.Array, name: str = "") -> np.ndarray:
    """Hash of every value of one column, shape (N,), uint64; `name` is for the error about nested values."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if pa.types.is_nested(kind) or pa.types.is_interval(kind):
        raise ValueError(f"column {name!r} must hold one value a row to be hashed, got {kind}; leave it out")
    if pa.types.is_integer(kind):
        return _integer_hashes(_decoded(values))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _float_hashes(_decoded(values))
    if pa.types.is_temporal(kind):
        return _integer_hashes(_decoded(values).cast(_in_microseconds(kind), safe=False).cast(pa.int64()))
    return _object_hashes(values)


def _whole_column(rows: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    index = rows.schema.get_field_index(name)
    if index < 0:
        raise ValueError(f"column {name!r} must be in the table once, which has {', '.join(rows.schema.names)}")
    column = rows.column(index)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _decoded(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values


def _in_microseconds(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_duration(kind):
        return pa.duration("us")
    return pa.time64("us") if pa.types.is_time(kind) else pa.timestamp("us")


def _integer_hashes(values: pa.Array) -> np.ndarray:
    missing = np.asarray(pc.is_null(values))
    integers = np.asarray(pc.fill_null(values, 0)) if values.null_count else np.asarray(values)
    hashes = _mixed((integers.astype(np.float64) + 0.0).view(np.uint64))
    large = (integers > _LARGEST_EXACT) | (integers < -_LARGEST_EXACT)
    if large.any():
        hashes[large] = _mixed(integers[large].astype(np.uint64) ^ _MIX_1)
    hashes[missing] = _MISSING
    return hashes


def _float_hashes(values: pa.Array) -> np.ndarray:
    half = pa.types.is_float16(values.type)
    floats = np.asarray(values.to_numpy(zero_copy_only=False) if half else values.cast(pa.float64(), safe=False))
    floats = floats.astype(np.float64) + 0.0  # -0.0 becomes 0.0
    hashes = _mixed(floats.view(np.uint64))
    hashes[np.isnan(floats)] = _MISSING
    return hashes


def _object_hashes(values: pa.Array) -> np.ndarray:
    """Hashes of texts, bytes and what is written as text; of a dictionary each entry is hashed once."""
    if isinstance(values, pa.DictionaryArray):
        by_index = np.append(_object_hashes(values.dictionary), _MISSING)
        return by_index[np.asarray(pc.fill_null(values.indices.cast(pa.int64()), len(values.dictionary)))]
    texts = _as_bytes(values)
    hashes = _byte_hashes(texts)
    hashes[np.asarray(pc.is_null(texts))] = _MISSING
    return hashes


def _as_bytes(values: pa.Array) -> pa.Array:
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    if not any(holds(values.type) for holds in binary):
        values = values.cast(pa.large_string())
    if pa.types.is_fixed_size_binary(values.type):
        values = values.cast(pa.binary())
    return values.cast(pa.large_binary())


def _byte_hashes(texts: pa.Array) -> np.ndarray:
    """Hashes of a large_binary array, eight bytes of every row at a time: a text costs no Python object."""
    if not len(texts):
        return np.zeros(0, np.uint64)
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]] if data is not None else np.zeros(0, np.uint8)
    padded = np.append(content, np.zeros(8, np.uint8))
    words = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))
    starts, lengths = ends[:-1] - ends[0], np.diff(ends)
    hashes, rows = _mixed(lengths.astype(np.uint64)), np.flatnonzero(lengths)
    for position in range(0, int(lengths.max()), 8):
        rows = rows[lengths[rows] > position]
        masks = _WORD_MASKS[np.minimum(lengths[rows] - position, 8)]
        hashes[rows] = _mixed(hashes[rows] * _GOLDEN ^ words[starts[rows] + position] & masks)
    return hashes


def _mixed(bits: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: every bit of the input moves every bit of the output."""
    bits = bits + _GOLDEN
    bits ^= bits >> np.uint64(30)
    bits *= _MIX_1
    bits ^= bits >> np.uint64(27)
    bits *= _MIX_2
    bits ^= bits >> np.uint64(31)
    return bits
