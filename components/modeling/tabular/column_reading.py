"""How one column of a table is read: as numbers, as times, as categories, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, Literal

import numpy as np
import pyarrow as pa

from components.modeling.tabular.date_times import TIME_PARTS
from components.modeling.tabular.number_scaling import number_scale_from, NumberScale
from components.shared.tables.column_types import as_type, type_of_stored

Reading = Literal["number", "time", "category", "constant"]

KINDS = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
_NUM_SOURCES: dict[str, int] = {"number": 1, "time": len(TIME_PARTS), "category": 0, "constant": 0}


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnReading:
    """How one column is read; `kind` is its type, one of `KINDS`.

    Attributes
    ----------
    reading
        `number`, `time`, `category`, or `constant` for a column that is left out.
    scales
        Of the numbers it gives: one for `number`, three for `time`.
    values
        The values with codes of their own, for `category`.
    """

    name: str
    kind: str
    reading: Reading
    scales: tuple[NumberScale, ...] = ()
    values: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.reading not in get_args(Reading):
            raise ValueError(
                f"column {self.name!r} must have a known kind and reading, got {self.kind}, {self.reading}"
            )
        if len(self.scales) != _NUM_SOURCES[self.reading]:
            wanted = _NUM_SOURCES[self.reading]
            raise ValueError(f"column {self.name!r} must have {wanted} scales, got {len(self.scales)}")
        if any(value is not None and not isinstance(value, str) for value in self.values):
            raise ValueError(f"the categories of column {self.name!r} must be texts")

    def to_dict(self) -> dict[str, Any]:
        """The reading as JSON values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "reading": self.reading,
            "scales": [scale.to_dict() for scale in self.scales],
            "values": list(self.values),
        }


def column_reading_from(content: Mapping[str, Any]) -> ColumnReading:
    """Read what `to_dict` wrote; ValueError, KeyError or TypeError if it is something else."""
    scales = tuple(number_scale_from(scale) for scale in content["scales"])
    return ColumnReading(**{**content, "scales": scales, "values": tuple(content["values"])})


def kind_of(name: str, stored: pa.DataType) -> str:
    """Kind of a column, one of `KINDS`; ValueError if no feature of a table can have its type."""
    kind = type_of_stored(stored)
    if kind is None:
        raise ValueError(f"column {name!r} must hold numbers, texts, truth values, dates or times, got {stored}")
    return "string" if kind == pa.null() else {known: key for key, known in KINDS.items()}[kind]


def numbers_of(name: str, values: pa.Array) -> np.ndarray:
    """A column of numbers or truth values, shape (B,), as float64, `nan` where missing.

    ValueError names the first row that holds anything else.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = type_of_stored(values.type)
    if kind not in (pa.null(), pa.int64(), pa.float64()) and not pa.types.is_boolean(values.type):
        if values.null_count < len(values):
            row = values.is_valid().index(True).as_py() + 1
            raise ValueError(f"column {name!r} must hold numbers, got {values.type} in row {row}")
        values = pa.nulls(len(values), pa.float64())
    numbers: np.ndarray = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return numbers


def texts_of(values: pa.Array) -> pa.Array:
    """The values of a column of texts: shape (B,), string; numbers and truth values as ingestion writes them."""
    return values if values.type == pa.string() else as_type(values, pa.string())
