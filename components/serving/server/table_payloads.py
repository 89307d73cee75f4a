"""Rows of a table that clients send: JSON objects, or one tensor a column.

A request names every column of the model and no other, so that no misspelt name passes for a missing value: a value
that is not known is null in JSON, NaN among numbers in binary data, the empty text, and what the model's training data
called missing. White space at the ends of texts counts where it counted in training.
"""

from collections.abc import Collection, Mapping, Sequence
import difflib
from typing import Any
import unicodedata

import pyarrow as pa

from components.modeling.features import Features, features_cleaning, raw_column_types
from components.serving.server.request_rows import BYTES, instances_of, kind_of, ReadRows, row_count, shown, Tensor
from components.serving.server.source_columns import SourceColumns
from components.serving.server.table_values import (
    column_of,
    column_of_tensor,
    texts_of_numbers,
    with_numbers_as_texts,
)
from components.shared.tables.repair_spec import Repair
from components.shared.tables.value_cleaning import KEPT_AS_THEY_ARE, ValueCleaning

MAX_ROWS = 10_000
_SHOWN_COLUMNS = 10


class TablePayloads:
    """Reads requests of a model of rows, as they were before their `repairs`."""

    def __init__(self, features: Features, repairs: Sequence[Repair] = ()) -> None:
        self._features = features
        self._cleaning = features_cleaning(features)
        self._columns = SourceColumns(raw_column_types(features), repairs, self._cleaning)

    @property
    def input_types(self) -> list[dict[str, Any]]:
        """Inputs for the metadata endpoint: `FP64` for numbers, since whole ones may be missing too, and `BYTES`."""
        return [
            {"name": name, "datatype": BYTES if kind == pa.string() else "FP64", "shape": [-1]}
            for name, kind in self._columns.types.items()
        ]

    def from_instances(self, payload: Any) -> ReadRows:
        """Rows of a V1 request; ValueError says what is wrong with it."""
        columns = self._columns
        found = columns_from_instances(payload, columns.types, self._cleaning, of_either=columns.of_either)
        return self._prepared(columns.repaired(found))

    def from_tensors(self, tensors: Sequence[Tensor]) -> ReadRows:
        """Rows of a V2 request; ValueError says what is wrong with it."""
        columns = self._columns
        found = columns_from_tensors(tensors, columns.types, of_either=columns.of_either)
        return self._prepared(columns.repaired(found))

    def _prepared(self, columns: Mapping[str, pa.Array]) -> ReadRows:
        return ReadRows(columns=columns, inputs=self._features.prepare(columns))


def columns_from_instances(
    payload: Any,
    types: Mapping[str, pa.DataType],
    cleaning: ValueCleaning = KEPT_AS_THEY_ARE,
    *,
    of_either: Collection[str] = (),
) -> dict[str, pa.Array]:
    """Columns of a V1 request, 1 to `MAX_ROWS` rows: string or float64, null where a value is missing.

    The request is `{"instances": [{column: value, ...}, ...]}` with a value for each column of `types`: a number, a
    text, a truth value for a number, a text that `cleaning` calls missing, or null. Columns `of_either` may hold
    numbers for texts.
    """
    instances = instances_of(payload, at_most=MAX_ROWS, what="rows")
    rows = [_named_values(instance, number, types) for number, instance in enumerate(instances, start=1)]
    found = {name: [row[name] for row in rows] for name in types}
    for name in of_either:
        found[name] = with_numbers_as_texts(found[name], name)
    return {name: column_of(found[name], name, kind, cleaning) for name, kind in types.items()}


def columns_from_tensors(
    tensors: Sequence[Tensor], types: Mapping[str, pa.DataType], *, of_either: Collection[str] = ()
) -> dict[str, pa.Array]:
    """Columns of a V2 request, 1 to `MAX_ROWS` rows: string or float64, null where a value is missing.

    One input for each column of `types`: `BYTES` where the model has texts, a type of numbers or `BOOL` where it has
    numbers; of those `of_either` where they are texts here. JSON may have null for a missing value of any of them.
    """
    given = {_composed(tensor.name, types): tensor for tensor in tensors}
    _check_names(given, types, where="the request")
    if len(given) != len(tensors):
        raise ValueError(f"the inputs of a request must be one a column, {len(given)}, got {len(tensors)}")
    counts = {name: row_count(tensor, at_most=MAX_ROWS, what="rows") for name, tensor in given.items()}
    first, num_rows = next(iter(counts.items()))
    for name, count in counts.items():
        if count != num_rows:
            raise ValueError(
                f"all inputs of a request must have one N, got {num_rows:,} in {first!r} and {count:,} in {name!r}"
            )
    numbers = {name for name in of_either if given[name].datatype != BYTES}
    return {
        name: texts_of_numbers(given[name], num_rows, name)
        if name in numbers
        else column_of_tensor(given[name], num_rows, name, kind)
        for name, kind in types.items()
    }


def _named_values(instance: Any, number: int, types: Mapping[str, pa.DataType]) -> Mapping[str, Any]:
    if not isinstance(instance, Mapping):
        raise ValueError(f"instance {number} must be an object with a value for each column, got {kind_of(instance)}")
    if instance.keys() == types.keys():
        return instance
    named = {_composed(str(name), types): value for name, value in instance.items()}
    _check_names(named, types, where=f"instance {number}")
    return named


def _composed(name: str, types: Mapping[str, pa.DataType]) -> str:
    """The name as ingestion writes it, where the model does not know it as it stands."""
    return name if name in types else unicodedata.normalize("NFC", name)


def _check_names(given: Collection[str], types: Mapping[str, pa.DataType], *, where: str) -> None:
    for name in given:
        if name not in types:
            raise ValueError(f"{where} must have columns of the model alone, got {shown(name)!r}: {_hint(name, types)}")
    missing = [name for name in types if name not in given]
    if missing:
        others = f" and {len(missing) - 1:,} others" if missing[1:] else ""
        raise ValueError(
            f"{where} must have every column of the model, null where a value is not known, "
            f"but lacks {missing[0]!r}{others}"
        )


def _hint(name: str, types: Mapping[str, pa.DataType]) -> str:
    near = difflib.get_close_matches(shown(name), types, n=1)
    if near:
        return f"is {near[0]!r} meant?"
    return f"they are {', '.join([*types][:_SHOWN_COLUMNS])}{', …' if len(types) > _SHOWN_COLUMNS else ''}"
