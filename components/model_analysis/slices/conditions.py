"""Conditions that slices are made of: a value, a range of numbers, a missing value, a cluster.

Shapes: N examples, M conditions, D dimensions of an embedding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import keyword
import re
from typing import Any, Literal
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.runtime.redaction import PLACEHOLDERS

ConditionKind = Literal["is", "below", "from", "missing", "cluster"]
# Columns of such a name hold numbers of clusters as texts.
CLUSTER_PREFIX = "embedding cluster of "
MAX_VALUES = 40
# A column of whole numbers with no more different values may hold codes: each value is a condition, too.
MAX_CODES = 100
_CUTS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceCondition:
    """One condition on a column.

    Attributes
    ----------
    kind
        `is` a value, `below` a number, `from` a number on, `missing`, or in a `cluster`.
    value
        Text, number or truth value; None for `missing`.
    """

    column: str
    kind: ConditionKind
    value: str | float | int | bool | None = None

    def to_json(self) -> dict[str, Any]:
        """The condition as JSON values."""
        return {"column": self.column, "kind": self.kind, "value": self.value}

    def mask(self, values: pa.Array) -> np.ndarray:
        """Which of N values fulfil it, shape (N,), bool; a missing value does so only for `missing`."""
        if self.kind == "missing":
            return np.asarray(_is_missing(values), dtype=bool)
        if self.kind in ("is", "cluster"):
            found = pc.equal(values, pa.scalar(self.value, values.type))
            return np.asarray(pc.fill_null(found, False), dtype=bool)
        numbers = as_numbers(values)
        with np.errstate(invalid="ignore"):
            return numbers < self.value if self.kind == "below" else numbers >= self.value

    @property
    def where(self) -> str | None:
        """The condition in the project's expression language; None where that has no words for it."""
        name = _name_in_expression(self.column)
        if self.kind in ("missing", "cluster") or name is None:
            return None
        if self.kind == "is":
            return f"{name} == {int(self.value) if isinstance(self.value, bool) else self.value!r}"
        return f"{name} {'<' if self.kind == 'below' else '>='} {float(self.value or 0.0)!r}"


def condition_from_json(value: Mapping[str, Any]) -> SliceCondition:
    """The inverse of `SliceCondition.to_json`."""
    return SliceCondition(column=value["column"], kind=value["kind"], value=value["value"])


def slice_mask(conditions: Sequence[SliceCondition], columns: Mapping[str, pa.Array]) -> np.ndarray:
    """Which of N examples fulfil all conditions, shape (N,), bool.

    Raises
    ------
    ValueError
        If a column is not there.
    """
    for condition in conditions:
        if condition.column not in columns:
            raise ValueError(
                f"the slice's column {condition.column!r} must be among the examples' columns and traits, which are "
                f"{', '.join(columns)}"
            )
    masks = [condition.mask(columns[condition.column]) for condition in conditions]
    return np.asarray(np.logical_and.reduce(masks), dtype=bool)


def where_all(conditions: Sequence[SliceCondition]) -> str | None:
    """All conditions as one expression, such as `brightness < 0.18 and camera == 'left'`; None where one has none."""
    parts = [condition.where for condition in conditions]
    return None if any(part is None for part in parts) else " and ".join(str(part) for part in parts)


def conditions_of(
    columns: Mapping[str, pa.Array], *, min_examples: int, max_share: float
) -> tuple[list[SliceCondition], np.ndarray]:
    """The conditions that some columns give, and their masks.

    A text or truth value gives a condition for each of its 40 most frequent values; numbers give ranges that end at
    their quantiles, and whole numbers of at most 100 different values also their most frequent values, for they may be
    codes. Missing values are a condition. Columns of other types give none.

    Parameters
    ----------
    columns
        Arrays of N values by name.
    min_examples, max_share
        Conditions that fewer examples, or a larger share of them, fulfil are left out.

    Returns
    -------
    tuple
        M conditions, and masks of the shape (N, M), bool; no two of the same column are the same.
    """
    found: list[SliceCondition] = []
    masks: list[np.ndarray] = []
    for name, values in columns.items():
        seen: set[bytes] = set()
        for condition in _conditions_of_column(name, values):
            mask = condition.mask(values)
            packed = np.packbits(mask).tobytes()
            if min_examples <= mask.sum() <= max_share * len(mask) and packed not in seen:
                seen.add(packed)
                found.append(condition)
                masks.append(mask)
    num_rows = len(next(iter(columns.values()))) if columns else 0
    return found, np.column_stack(masks) if masks else np.zeros((num_rows, 0), dtype=bool)


def as_numbers(values: pa.Array) -> np.ndarray:
    """Numbers of a column, shape (N,), float64; `nan` where missing."""
    numbers: np.ndarray = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return numbers


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _conditions_of_column(name: str, values: pa.Array) -> list[SliceCondition]:
    if name.startswith(CLUSTER_PREFIX):
        return [replace(found, kind="cluster") for found in _of_values(name, values)]
    missing = [SliceCondition(column=name, kind="missing")]
    if is_number(values.type):
        return [*_of_numbers(name, values), *missing]
    if pa.types.is_string(values.type) or pa.types.is_boolean(values.type):
        return [*_of_values(name, values), *missing]
    return []


def _of_values(name: str, values: pa.Array) -> list[SliceCondition]:
    counts = sorted(pc.value_counts(values.drop_null()).to_pylist(), key=lambda item: -item["counts"])
    named = [item["values"] for item in counts if item["values"] not in PLACEHOLDERS.values()]
    return [SliceCondition(column=name, kind="is", value=value) for value in named[:MAX_VALUES]]


def _of_numbers(name: str, values: pa.Array) -> list[SliceCondition]:
    numbers = as_numbers(values)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return []
    found = []
    if len(np.unique(known)) <= MAX_CODES and (known == np.floor(known)).all():
        found = _of_values(name, values)
    edges = np.unique(np.quantile(known, _CUTS, method="higher"))
    for edge in edges[edges > known.min()].tolist():
        value = int(edge) if pa.types.is_integer(values.type) else edge
        found.append(SliceCondition(column=name, kind="below", value=value))
        found.append(SliceCondition(column=name, kind="from", value=value))
    return found


def _is_missing(values: pa.Array) -> pa.BooleanArray:
    return values.is_null(nan_is_null=True) if pa.types.is_floating(values.type) else values.is_null()


def _name_in_expression(name: str) -> str | None:
    plain = _PLAIN_NAME.fullmatch(name) and not keyword.iskeyword(name) and unicodedata.normalize("NFKC", name) == name
    if plain:
        return name
    return None if "`" in name else f"`{name}`"
