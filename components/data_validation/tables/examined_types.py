"""The types in which columns are examined: whole numbers, numbers, texts and times, whatever a file stores them as."""

from collections.abc import Sequence

import pyarrow as pa

from components.shared.tables.column_types import as_type, type_of_stored

TIME = pa.timestamp("us")
_NUMBERS = (pa.int64(), pa.float64())


def examined_type(kind: pa.DataType) -> pa.DataType | None:
    """null, int64, float64, string (texts and truth values) or timestamp in microseconds.

    None where a row holds no single value of these kinds (lists, structures, raw bytes): such a column is not examined.
    """
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return TIME
    return None if pa.types.is_temporal(kind) else type_of_stored(kind)


def widest_examined(kinds: Sequence[pa.DataType]) -> pa.DataType:
    """Narrowest type that holds a column of several files, each of a type that `examined_type` gives.

    It is the type that they share, columns without any value aside; float64 for whole and other numbers, else string.
    """
    found = {kind for kind in kinds if kind != pa.null()}
    if len(found) <= 1:
        return found.pop() if found else pa.null()
    return pa.float64() if found <= set(_NUMBERS) else pa.string()


def as_examined(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Stored values, shape (N,), in their own examined type or a wider one.

    A NaN stays what it is, except in text, where it is missing.
    """
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    if values.type == kind:
        return values
    if kind == pa.string() and examined_type(values.type) != pa.string():
        return as_type(values, kind)
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    return values.cast(kind, safe=False)
