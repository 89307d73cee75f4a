"""The types of a table's columns: whole numbers, numbers, or texts, decided over the whole file."""

from collections.abc import Mapping, Sequence
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.tables.few_values import few_texts, few_values

# What spreadsheets and data frames write for a missing number.
MISSING_NUMBERS = ("NA", "N/A", "#N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None", "none", "-", "?")
# A code such as 00501 is not a number: its leading zeros matter.
_WHOLE = r"^-?(?:0|[1-9][0-9]{0,17})$"
_NUMBER = (
    r"^[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|^[-+]?(?:inf|Inf|INF|infinity|Infinity)$"
)
# Old releases of Arrow, such as 10, which TFDV 1.16.1 pins, decompose Hangul instead of composing it.
_ARROW_COMPOSES = pc.utf8_normalize(pa.scalar("e\u0301"), form="NFC").as_py() == "\u00e9"
_RANK = {pa.null(): 0, pa.int64(): 1, pa.float64(): 2, pa.string(): 3}


def type_of_texts(values: pa.Array) -> pa.DataType:
    """Narrowest type that holds all values of a column of delimited text, (N,) string.

    Returns
    -------
    pa.DataType
        null where there is no value, else int64, float64 or string.
    """
    numbers = _trimmed_numbers(values).drop_null()
    if not len(numbers):
        return pa.null()
    for pattern, kind in ((_WHOLE, pa.int64()), (_NUMBER, pa.float64())):
        if pc.all(pc.match_substring_regex(numbers, pattern=pattern)).as_py():
            return kind
    return pa.string()


def type_of_stored(kind: pa.DataType) -> pa.DataType | None:
    """Type to which a column of a typed file is converted.

    Returns
    -------
    pa.DataType
        null, int64, float64 or string (texts, truth values, dates and times); None where a table column cannot hold it
        (lists, structures, raw bytes).
    """
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_null(kind):
        return pa.null()
    if pa.types.is_integer(kind):
        return pa.float64() if kind == pa.uint64() else pa.int64()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.float64()
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean, pa.types.is_temporal)
    return pa.string() if any(holds(kind) for holds in texts) else None


def widest_types(tables: Sequence[Mapping[str, pa.DataType | None]]) -> dict[str, pa.DataType | None]:
    """Types that hold the columns of several files, or of several parts of one.

    Parameters
    ----------
    tables
        `{column: null, int64, float64, string, or None where it cannot be converted}` of each.

    Returns
    -------
    dict
        For every column the widest of its types; string for a column without any value.
    """
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: _widest([table[name] for table in tables if name in table]) for name in names}


def _widest(types: Sequence[pa.DataType | None]) -> pa.DataType | None:
    if None in types:
        return None
    widest = max(types, key=lambda kind: _RANK[kind])
    return pa.string() if widest == pa.null() else widest


def as_type(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Values of a column as one of the three types.

    Parameters
    ----------
    values
        Shape (N,), of any type that `type_of_stored` knows.
    kind
        int64, float64 or string.

    Returns
    -------
    pa.Array
        Shape (N,): texts composed (NFC) and null where empty, numbers null where missing or not a number.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        values = _known(values)
        if values.type == kind:
            return values
    if kind == pa.string():
        return _as_texts(values)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = _trimmed_numbers(values)
    return values.cast(pa.float64() if pa.types.is_decimal(values.type) else kind).cast(kind)


def composed_texts(texts: pa.Array) -> pa.Array:
    """Texts (N,) in composed form (NFC), so that equal texts are equal bytes; null where empty."""
    few = few_texts(texts)
    if few is not None:
        return texts if "" not in few else pa.array([text or None for text in few], pa.string())
    if pc.all(pc.string_is_ascii(texts)).as_py() is False:
        texts = pc.utf8_normalize(texts, form="NFC") if _ARROW_COMPOSES else _composed(texts)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _known(numbers: pa.Array) -> pa.Array:
    """Floating numbers (N,), null where NaN."""
    few = few_values(numbers)
    if few is not None and all(number is None or number == number for number in few):
        return numbers
    return pc.if_else(pc.is_nan(numbers), pa.scalar(None, numbers.type), numbers)


def _composed(texts: pa.Array) -> pa.Array:
    coded = texts.dictionary_encode()
    composed = [unicodedata.normalize("NFC", text) for text in coded.dictionary.to_pylist()]
    return pa.array(composed, pa.string()).take(coded.indices)


def _trimmed_numbers(values: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values.cast(pa.string()))
    missing = pc.is_in(trimmed, value_set=pa.array(["", *MISSING_NUMBERS]))
    return pc.replace_substring_regex(
        pc.if_else(missing, pa.scalar(None, pa.string()), trimmed), pattern=r"^\+", replacement=""
    )


def _as_texts(values: pa.Array) -> pa.Array:
    texts = values.cast(pa.string())
    if pa.types.is_floating(values.type):
        # Data frames store whole numbers as floats where some are missing: 1.0 is the class 1.
        whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 1e15))
        texts = pc.if_else(whole, values.cast(pa.int64(), safe=False).cast(pa.string()), texts)
    return composed_texts(texts)
