"""Which columns of an example table are examined, and their form for TFDV: Arrow lists of zero or one value.

Payloads, identifiers, times, groups and metadata take no part. Columns with the role `pii` are counted only: each
of their values becomes one placeholder before any statistic is computed, so that no value can leak further. In other
columns of texts the values that are recognised as personal become placeholders too, unless the problem file keeps them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.tables.examined_types import examined_type, TIME
from components.shared.contracts.example_table import ColumnRole
from components.shared.tables.personal_columns import masked_texts

MASKED = "<masked>"
EXAMINED_ROLES: tuple[ColumnRole, ...] = ("label", "prediction", "feature", "derived", "slice", "sensitive", "pii")

_BALANCED_ROLES: tuple[ColumnRole, ...] = ("label", "slice", "sensitive")
ColumnKind = Literal["integer", "float", "time", "category", "masked"]
_KINDS: Mapping[pa.DataType, ColumnKind] = {
    pa.null(): "category",
    pa.string(): "category",
    pa.int64(): "integer",
    pa.float64(): "float",
    TIME: "time",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ExaminedColumn:
    """A column that takes part; `kind` is how it is read: `time` as seconds since 1970, `masked` as a placeholder.

    `role` says how it is judged; `also` are its other roles: a feature may be a slice, too. `is_kept`: its personal
    data stay as they are, as the problem file says.
    """

    name: str
    role: ColumnRole
    kind: ColumnKind
    also: tuple[ColumnRole, ...] = ()
    is_kept: bool = False

    @property
    def is_balanced(self) -> bool:
        """Whether the shares of its values are watched for themselves: classes, slices, sensitive groups.

        A label that is a number has no classes whose shares count.
        """
        if self.role == "label" and self.kind == "float":
            return False
        return bool({self.role, *self.also} & set(_BALANCED_ROLES))


def as_value_lists(batch: pa.RecordBatch, columns: Sequence[ExaminedColumn]) -> pa.RecordBatch:
    """One `large_list` column for each of `columns`: a list of one value, or null where it is missing or NaN."""
    arrays = [
        _list_of_one(examined_values(batch.column(column.name), column.kind, is_kept=column.is_kept))
        for column in columns
    ]
    return pa.RecordBatch.from_arrays(arrays, [column.name for column in columns])


def column_kind(kind: pa.DataType) -> ColumnKind | None:
    """How values of an Arrow type are read; None where it holds no single number, category or time a row."""
    examined = examined_type(kind)
    return None if examined is None else _KINDS[examined]


def masked_names(columns: Iterable[ExaminedColumn]) -> list[str]:
    """The columns that may hold personal data."""
    return [column.name for column in columns if column.kind == "masked"]


def examined_values(array: pa.Array, kind: ColumnKind, *, is_kept: bool = False) -> pa.Array:
    """Shape (N,), null or NaN made null: int64, float64 (times in seconds since 1970), or text.

    Every value of `masked` is a placeholder; so is, unless `is_kept`, a text that is recognised as personal.
    """
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    if kind == "masked":
        return _masked(array)
    if kind == "category":
        texts = array if pa.types.is_large_string(array.type) else array.cast(pa.string())
        return texts if is_kept else masked_texts(texts)
    if kind == "integer":
        return array.cast(pa.int64())
    if kind == "time":
        microseconds = array.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return pc.divide(microseconds.cast(pa.float64(), safe=False), 1e6)
    return _without_nan(array.cast(pa.float32()) if pa.types.is_float16(array.type) else array)


def _without_nan(array: pa.Array) -> pa.Array:
    floats = array.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(floats), pa.scalar(None, pa.float64()), floats)


def _masked(array: pa.Array) -> pa.Array:
    missing = np.asarray(pc.is_null(array))
    if pa.types.is_floating(array.type):
        missing = missing | np.asarray(pc.is_null(examined_values(array, "float")))
    return pa.array([MASKED] * len(array), pa.string(), mask=missing)


def _list_of_one(values: pa.Array) -> pa.Array:
    valid = np.asarray(pc.is_valid(values))
    offsets = np.concatenate([[0], np.cumsum(valid)]).astype(np.int64)
    bitmap = pa.array(valid).buffers()[1]
    return pa.Array.from_buffers(
        pa.large_list(values.type), len(values), [bitmap, pa.py_buffer(offsets)], children=[values.drop_null()]
    )
