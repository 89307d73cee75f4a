"""What takes part when a table is examined: by the problem file or the table's own roles, else recognised and said.

Identifiers, times, groups and ignored columns take no part. A text is examined through its measures, and a label that
is an expression is computed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from components.data_validation.tables.arrow_lists import column_kind, ColumnKind, EXAMINED_ROLES, ExaminedColumn
from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo
from components.shared.contracts.pinned_slices import PinnedSlice
from components.shared.contracts.problem import Problem
from components.shared.tables.column_roles import resolve_roles, ResolvedRoles
from components.shared.tables.column_types import as_type
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.number_labels import label_kind
from components.shared.tables.text_measures import TEXT_MEASURES

LABEL_COLUMN = "label"
_EXAMINED: tuple[ColumnRole, ...] = ("feature", "sensitive", "slice", "metadata")
_LEFT_OUT = {"id": "it is the identifier", "time": "it is the time", "group": "it is the group"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnRoles:
    """What takes part, and as what.

    Attributes
    ----------
    columns
        The examined columns, those that are computed among them.
    label
        The label's column, or the expression that computes it as `label`; None where there is none.
    texts
        For each column of text the prefix of its measures' names.
    id, time, group
        Columns that take no part themselves but say which rows belong together and what comes first.
    left_out
        Why each column that takes no part does not.
    remarks
        What was recognised rather than told, one sentence each.
    pinned_slices
        Slices whose shares are watched.
    """

    columns: tuple[ExaminedColumn, ...]
    label: str | LabelExpression | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    time: str | None = None
    group: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    pinned_slices: tuple[PinnedSlice, ...] = ()

    @property
    def label_column(self) -> str | None:
        """Name under which the label is examined."""
        return LABEL_COLUMN if isinstance(self.label, LabelExpression) else self.label

    @property
    def label_is_number(self) -> bool:
        """Whether the label is examined as a number."""
        return any(column.name == self.label_column and column.kind == "float" for column in self.columns)


def roles_of_examples(info: ExampleTableInfo, schema: pa.Schema, *, kept: Collection[str] = ()) -> ColumnRoles:
    """Roles of an example table: its own; the derived columns stand for the payload.

    Personal data in `kept` columns are examined as they are.
    """
    columns, left_out = [], {}
    for name in info.column_roles:
        role, *also = info.roles_of(name)
        kind = "masked" if role == "pii" else column_kind(schema.field(name).type)
        if role in EXAMINED_ROLES and kind is not None:
            columns.append(ExaminedColumn(name=name, role=role, kind=kind, also=tuple(also), is_kept=name in kept))
        elif role in EXAMINED_ROLES:
            left_out[name] = f"its type is {schema.field(name).type}"
        elif role not in ("split", "payload", "provenance"):
            left_out[name] = f"its role is {role}"
    return ColumnRoles(
        columns=tuple(columns),
        label=LABEL_COLUMN,
        left_out=left_out,
        id=next(iter(info.columns_of("id")), None),
        time=next(iter(info.columns_of("time")), None),
        group=next(iter(info.columns_of("group")), None),
        pinned_slices=info.pinned_slices,
    )


def recognised_roles(peeks: Sequence[pa.Table], problem: Problem) -> ColumnRoles:
    """Roles of raw tables by `resolve_roles`: by their first rows, and by the problem file where it says something.

    A column's roles are decided in the table where it occurs first. `ValueError` where the problem file names a column
    that no table has.
    """
    found = {name: peek.column(name) for peek in reversed(peeks) for name in peek.column_names}
    order = list(dict.fromkeys(name for peek in peeks for name in peek.column_names))
    values = {name: found[name].combine_chunks() for name in order}
    resolved = resolve_roles(values, problem, where="the table" if len(peeks) == 1 else "the tables")
    columns: list[ExaminedColumn] = []
    left_out: dict[str, str] = {}
    texts = _measured_texts(resolved)
    for name, array in values.items():
        if name in texts:
            columns += _measures_of(texts[name])
        elif (examined := _examined(name, array, resolved, problem)) is not None:
            columns.append(replace(examined, is_kept=name in problem.pii_keep))
        else:
            left_out[name] = _why_left_out(name, array, resolved)
    if isinstance(resolved.label, LabelExpression) and set(resolved.label.columns) <= values.keys():
        kind: ColumnKind = "float" if resolved.label.is_number and problem.task != "classification" else "category"
        columns.append(ExaminedColumn(name=LABEL_COLUMN, role="label", kind=kind))
    return ColumnRoles(
        columns=tuple(columns),
        label=resolved.label,
        texts=texts,
        id=problem.id,
        time=resolved.first_of("time"),
        group=problem.group,
        left_out=left_out,
        remarks=(*resolved.inferred, *_remarks(resolved, values, problem)),
        pinned_slices=problem.slices.pinned,
    )


def _measured_texts(resolved: ResolvedRoles) -> dict[str, str]:
    """For each column of text the prefix of its measures' names: none for the text that a model reads."""
    names = [name for name in resolved.columns_of("text") if "pii" not in resolved.roles[name]]
    return {name: "" if name == resolved.text else f"{name}." for name in names}


def _measures_of(prefix: str) -> list[ExaminedColumn]:
    kinds = {measure: column_kind(kind) for measure, kind in TEXT_MEASURES.items()}
    return [ExaminedColumn(name=prefix + name, role="derived", kind=kind) for name, kind in kinds.items() if kind]


def _examined(name: str, values: pa.Array, resolved: ResolvedRoles, problem: Problem) -> ExaminedColumn | None:
    """How a column takes part; None where it does not."""
    roles, kind = resolved.roles[name], column_kind(values.type)
    if "pii" in roles:
        # Whatever else it is, identifier, label or text: no value of it is shown.
        return ExaminedColumn(name=name, role="pii", kind="masked")
    if "label" in roles:
        return ExaminedColumn(name=name, role="label", kind=_label_kind(values, problem))
    if kind is None:
        return None
    if name in resolved.label_inputs and roles == {"ignored"}:
        # What the label is computed from gives it away: it is watched, but no feature.
        return ExaminedColumn(name=name, role="derived", kind=kind)
    if "prediction" in roles:
        is_number = pa.types.is_floating(values.type)
        return ExaminedColumn(name=name, role="prediction", kind=kind if is_number else "category")
    found = [role for role in _EXAMINED if role in roles]
    return ExaminedColumn(name=name, role=found[0], kind=kind, also=tuple(found[1:])) if found else None


def _label_kind(values: pa.Array, problem: Problem) -> ColumnKind:
    """A number or a class, by the rule of ingestion."""
    if problem.asked_task is not None or problem.label.classes:
        return "float" if problem.asked_task == "regression" else "category"
    return "float" if label_kind(values).is_regression else "category"


def _why_left_out(name: str, values: pa.Array, resolved: ResolvedRoles) -> str:
    if name in resolved.reasons:
        return resolved.reasons[name]
    if column_kind(values.type) is None:
        return f"its type is {values.type}"
    return next((words for role, words in _LEFT_OUT.items() if role in resolved.roles[name]), "it has no role")


def _remarks(resolved: ResolvedRoles, values: Mapping[str, pa.Array], problem: Problem) -> Iterator[str]:
    """What only an examination of tables has to say."""
    for name in _measured_texts(resolved):
        if name != resolved.text:
            yield f"{name!r} is taken for free text: its length and scripts are examined"
    if (time := resolved.first_of("time")) is not None and problem.time is None:
        yield f"rows are ordered by {time!r}"
    if not isinstance(resolved.label, str) or resolved.label not in values:
        return
    if "pii" in resolved.roles[resolved.label]:
        yield f"the label {resolved.label!r} is personal data: it is counted only, its classes not compared"
    elif problem.asked_task is None and _label_kind(values[resolved.label], problem) == "float":
        num_values = label_kind(values[resolved.label]).num_values
        yield f"the label is taken for a number: {num_values:,} different ones occur"


def sort_key(values: pa.Array) -> np.ndarray:
    """Timestamps, dates, numbers or ISO texts as numbers in their order, shape (N,), float64; `nan` where missing."""
    if pa.types.is_temporal(values.type):
        microseconds = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return np.asarray(microseconds.cast(pa.float64()).fill_null(float("nan")))
    if pa.types.is_string(values.type):
        # ISO texts of one form sort as texts; ranks serve as numbers.
        dictionary = values.dictionary_encode()
        ranks = np.argsort(np.argsort(np.asarray(dictionary.dictionary.fill_null(""), dtype=object).astype(str)))
        codes = np.asarray(dictionary.indices.fill_null(-1))
        return (
            np.where(codes < 0, np.nan, ranks[codes].astype(np.float64)) if len(ranks) else np.full(len(values), np.nan)
        )
    return np.asarray(as_type(values, pa.float64()).fill_null(float("nan")))
