"""Values of a table's column in a request: what JSON or a tensor holds, checked, as an Arrow column.

A value is text, a number, or missing. A truth value is the number 1 or 0, but no text: one table writes `true`, another
`True`, and the wrong one would pass for a category that training never saw.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from components.serving.server.request_rows import (
    byte_values,
    BYTES,
    check_filled,
    flat_values,
    kind_of,
    shown,
    Tensor,
    utf8_text,
)
from components.shared.tables.column_types import as_type
from components.shared.tables.value_cleaning import KEPT_AS_THEY_ARE, MAX_VALUE_BYTES, ValueCleaning

BOOL = "BOOL"
FLOAT_BITS = {"FP32": 32, "FP64": 64}
INTEGER_BITS = {f"{sign}INT{bits}": bits for sign in ("", "U") for bits in (8, 16, 32, 64)}


def column_of(
    values: Sequence[Any], name: str, kind: pa.DataType, cleaning: ValueCleaning = KEPT_AS_THEY_ARE
) -> pa.Array:
    """N JSON values as a column of the model's type: string, composed (NFC), or float64.

    Null where a value is None, the empty text, NaN, or what `cleaning` calls missing. Errors name the column `name`.
    """
    if kind == pa.string():
        texts = [_text(value, name, number) for number, value in enumerate(values, start=1)]
        return cleaning.column(pa.array(texts, pa.string()), pa.string())
    known = [None if isinstance(value, str) and cleaning.is_missing(value) else value for value in values]
    numbers = [_number(value, name, number) for number, value in enumerate(known, start=1)]
    return cleaning.column(pa.array(numbers, pa.float64()), pa.float64())


def column_of_tensor(tensor: Tensor, count: int, name: str, kind: pa.DataType) -> pa.Array:
    """The N values of a V2 input as a column, as `column_of` returns it; `count` is N, as its shape says."""
    datatypes = [BYTES] if kind == pa.string() else [BOOL, *INTEGER_BITS, *FLOAT_BITS]
    if tensor.datatype not in datatypes:
        raise ValueError(
            f"the datatype of input {name!r} must be one of {', '.join(datatypes)}, got {shown(tensor.datatype)!r}"
        )
    if tensor.datatype == BYTES:
        return column_of(byte_values(tensor, count, what="values"), name, kind)
    if tensor.raw is not None:
        return column_of(numbers_from_bytes(tensor, count), name, kind)
    values = flat_values(tensor)
    check_filled(tensor, len(values), count, what="values")
    _check_datatype(values, tensor.datatype, name)
    return column_of(values, name, kind)


def with_numbers_as_texts(values: Sequence[Any], name: str) -> list[Any]:
    """JSON values with numbers as the texts that a table has, whole ones without a point; errors name `name`."""
    numbers = [value if type(value) in (int, float) else None for value in values]
    written = as_type(column_of(numbers, name, pa.float64()), pa.string()).to_pylist()
    return [value if number is None else text for value, number, text in zip(values, numbers, written, strict=True)]


def texts_of_numbers(tensor: Tensor, count: int, name: str) -> pa.Array:
    """The N numbers of a V2 input as texts, as `with_numbers_as_texts` writes them."""
    return as_type(column_of_tensor(tensor, count, name, pa.float64()), pa.string())


def _text(value: Any, name: str, number: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | bytes):
        raise ValueError(f"column {name!r} of instance {number} must be text or null, got {kind_of(value)}")
    where = f"column {name!r} of instance {number}"
    text = utf8_text(value, where=where)
    if len(value) > MAX_VALUE_BYTES or (not text.isascii() and len(text.encode()) > MAX_VALUE_BYTES):
        raise ValueError(f"{where} must be at most {MAX_VALUE_BYTES >> 20} MB long, got {len(text.encode()):,} bytes")
    return text


def _number(value: Any, name: str, number: int) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float):  # a truth value is a whole number to Python
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(f"column {name!r} of instance {number} must fit into 64 bits: {error}") from error
    raise ValueError(f"column {name!r} of instance {number} must be a number or null, got {kind_of(value)}")


def numbers_from_bytes(tensor: Tensor, count: int) -> list[Any]:
    """The `count` numbers or truth values of an input's binary data."""
    raw = tensor.raw or b""
    kind = _numpy_type(tensor.datatype)
    if len(raw) != count * kind.itemsize:
        raise ValueError(
            f"the binary data of {tensor.datatype} input {shown(tensor.name)!r} must be as long as its shape says, "
            f"{count * kind.itemsize:,} bytes, got {len(raw):,}"
        )
    return np.frombuffer(raw, kind).tolist()


def _numpy_type(datatype: str) -> np.dtype:
    """Little-endian, as the protocol has it."""
    if datatype == BOOL:
        return np.dtype(bool)
    if datatype in FLOAT_BITS:
        return np.dtype(f"<f{FLOAT_BITS[datatype] // 8}")
    return np.dtype(f"<{'u' if datatype.startswith('U') else 'i'}{INTEGER_BITS[datatype] // 8}")


def _check_datatype(values: Sequence[Any], datatype: str, name: str) -> None:
    kinds: tuple[type, ...] = (int, float)
    what = "a number"
    if datatype == BOOL:
        kinds, what = (bool,), "a truth value"
    elif datatype in INTEGER_BITS:
        kinds, what = (int,), "a whole number"
    for number, value in enumerate(values, start=1):
        if value is not None and type(value) not in kinds:
            raise ValueError(
                f"column {name!r} of instance {number} must be {what} for {datatype}, got {kind_of(value)}"
            )
