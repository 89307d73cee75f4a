"""What takes part when a table is examined: by the problem file or the table's own roles, else recognised and said.

Identifiers, times, groups and ignored columns take no part. A text is examined through its measures, and a label that
is an expression is computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import re
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.tables.arrow_lists import column_kind, ColumnKind, EXAMINED_ROLES, ExaminedColumn
from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo
from components.shared.contracts.problem import LABEL_NAMES, Problem, TEXT_NAMES
from components.shared.tables.column_types import as_type
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.number_labels import label_kind
from components.shared.tables.text_measures import TEXT_MEASURES

LABEL_COLUMN = "label"
PREDICTION_NAMES = ("predicted", "prediction", "predicted_label", "y_pred")
_IDENTIFIER_NAME = re.compile(r"(?:^|[_\W])(?:id|uuid|guid|key|index|rowid|nr|no)$|^unnamed: 0$|Id$|ID$")
_TIME_NAME = re.compile(r"time|date|timestamp|(?:^|_)at$|(?:^|_)ts$|created|updated", re.IGNORECASE)
_ISO_TIME = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d{2}:?\d{2}|UTC))?)?$"
_EPOCH_S = (3.0e8, 5.0e9)
_MIN_ROWS_TO_RECOGNISE = 30
_DISTINCT_SHARE = 0.98
_MIN_WORDS_OF_TEXT = 3.0


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
    """

    columns: tuple[ExaminedColumn, ...]
    label: str | LabelExpression | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    time: str | None = None
    group: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def label_column(self) -> str | None:
        """Name under which the label is examined."""
        return LABEL_COLUMN if isinstance(self.label, LabelExpression) else self.label

    @property
    def label_is_number(self) -> bool:
        """Whether the label is examined as a number."""
        return any(column.name == self.label_column and column.kind == "float" for column in self.columns)


def roles_of_examples(info: ExampleTableInfo, schema: pa.Schema) -> ColumnRoles:
    """Roles of an example table: its own; the derived columns stand for the payload."""
    columns, left_out = [], {}
    for name in info.column_roles:
        role = info.main_role(name)
        kind = "masked" if role == "pii" else column_kind(schema.field(name).type)
        if role in EXAMINED_ROLES and kind is not None:
            columns.append(ExaminedColumn(name=name, role=role, kind=kind))
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
    )


def recognised_roles(peeks: Sequence[pa.Table], problem: Problem) -> ColumnRoles:
    """Roles of raw tables by their first rows, and by the problem file where it says something.

    A column's role is decided in the table where it occurs first. `ValueError` where the problem file names a column
    that no table has.
    """
    found = {name: peek.column(name) for peek in reversed(peeks) for name in peek.column_names}
    order = list(dict.fromkeys(name for peek in peeks for name in peek.column_names))
    values = {name: found[name].combine_chunks() for name in order}
    label = _label(values, problem)
    expression_columns = label.columns if isinstance(label, LabelExpression) else ()
    _check_named(values, (*problem.named_columns(), *expression_columns))
    recogniser = _Recogniser(problem, label)
    for name, array in values.items():
        recogniser.take(name, array)
    if isinstance(label, LabelExpression) and set(expression_columns) <= values.keys():
        kind: ColumnKind = "float" if label.is_number and problem.task != "classification" else "category"
        recogniser.columns.append(ExaminedColumn(name=LABEL_COLUMN, role="label", kind=kind))
    return recogniser.roles()


class _Recogniser:
    """Decides column by column."""

    def __init__(self, problem: Problem, label: str | LabelExpression | None) -> None:
        self.columns: list[ExaminedColumn] = []
        self._problem = problem
        self._label = label
        # What the label is computed from gives it away: it is watched, but no feature.
        self._label_inputs = label.columns if isinstance(label, LabelExpression) else ()
        self._texts: dict[str, str] = {}
        self._left_out: dict[str, str] = {}
        self._remarks: list[str] = []
        self._time = problem.time
        self._id = problem.id
        if isinstance(label, str) and problem.label.column is None:
            self._remarks.append(f"the label is the column {label!r}")

    def take(self, name: str, values: pa.Array) -> None:
        """Give a column its role."""
        if name in self._problem.ignore:
            self._left_out[name] = "the problem file ignores it"
        elif name in self._problem.pii:
            # Whatever else it is, identifier, label or text: no value of it is shown.
            self.columns.append(ExaminedColumn(name=name, role="pii", kind="masked"))
            if name == self._label:
                self._remarks.append(
                    f"the label {name!r} is personal data: it is counted only, its classes not compared"
                )
        elif name == self._problem.id:
            self._left_out[name] = "it is the identifier"
        elif name == self._label:
            self.columns.append(ExaminedColumn(name=name, role="label", kind=self._label_kind(values)))
        elif self._is_text(name, values):
            self._take_text(name, "")
        else:
            self._take_other(name, values)

    def roles(self) -> ColumnRoles:
        """What came out."""
        return ColumnRoles(
            columns=tuple(self.columns),
            label=self._label,
            texts=self._texts,
            id=self._id,
            time=self._time,
            group=self._problem.group,
            left_out=self._left_out,
            remarks=tuple(self._remarks),
        )

    def _label_kind(self, values: pa.Array) -> ColumnKind:
        """A number or a class, by the rule of ingestion."""
        if self._problem.asked_task is not None or self._problem.label.classes:
            return "float" if self._problem.asked_task == "regression" else "category"
        found = label_kind(values)
        if not found.is_regression:
            return "category"
        self._remarks.append(f"the label is taken for a number: {found.num_values:,} different ones occur")
        return "float"

    def _is_text(self, name: str, values: pa.Array) -> bool:
        if self._problem.text is not None or self._problem.modality != "text":
            return name == self._problem.text
        return name.casefold() in TEXT_NAMES and pa.types.is_string(values.type)

    def _take_text(self, name: str, prefix: str) -> None:
        self._texts[name] = prefix
        for measure, kind in TEXT_MEASURES.items():
            examined = column_kind(kind)
            assert examined is not None
            self.columns.append(ExaminedColumn(name=prefix + measure, role="derived", kind=examined))

    def _take_other(self, name: str, values: pa.Array) -> None:
        role = self._problem.role_of(name)
        if role in ("time", "group"):
            self._left_out[name] = f"it is the {role}"
        elif column_kind(values.type) is None:
            self._left_out[name] = f"its type is {values.type}"
        elif role is not None:
            self._examine(name, values, role)
        elif name in self._label_inputs:
            self._examine(name, values, "derived")
        elif (recognised := _recognised(name, values)) == "text":
            self._remarks.append(f"{name!r} is taken for free text: its length and scripts are examined")
            self._take_text(name, f"{name}.")
        elif recognised is not None:
            self._leave_out(name, recognised)
        else:
            self._examine(name, values, "prediction" if name.casefold() in PREDICTION_NAMES else "feature")

    def _examine(self, name: str, values: pa.Array, role: ColumnRole) -> None:
        kind = (
            "category" if role == "prediction" and not pa.types.is_floating(values.type) else column_kind(values.type)
        )
        assert kind is not None
        self.columns.append(ExaminedColumn(name=name, role=role, kind=kind))

    def _leave_out(self, name: str, recognised: str) -> None:
        self._left_out[name] = f"it looks like {'an identifier' if recognised == 'id' else 'a time'}"
        self._remarks.append(f"{name!r} takes no part: {self._left_out[name]}; name it under features if it is none")
        if recognised == "time" and self._time is None:
            self._time = name
            self._remarks.append(f"rows are ordered by {name!r}")


def _label(values: Mapping[str, pa.Array], problem: Problem) -> str | LabelExpression | None:
    if problem.label.expression is not None:
        return LabelExpression(problem.label.expression)
    if problem.label.column is not None:
        return problem.label.column
    taken = {*problem.features, *problem.pii, *problem.ignore}
    return next(
        (name for wanted in LABEL_NAMES for name in values if name.casefold() == wanted and name not in taken), None
    )


def _check_named(values: Mapping[str, pa.Array], names: Sequence[str]) -> None:
    for name in names:
        if name not in values:
            raise ValueError(
                f"the problem file must name columns of the tables, but neither has {name!r}; they have "
                f"{', '.join(values) or 'no columns'}"
            )


def _recognised(name: str, values: pa.Array) -> Literal["id", "time", "text"] | None:
    """What a column that nobody named looks like, where it looks like something that takes no part as it is."""
    if pa.types.is_temporal(values.type):
        return "time"
    present = values.drop_null()
    if len(present) < _MIN_ROWS_TO_RECOGNISE:
        return None
    if pa.types.is_string(present.type):
        return _recognised_text(present)
    if pa.types.is_integer(present.type) or pa.types.is_floating(present.type):
        return _recognised_number(name, np.asarray(present, dtype=np.float64))
    return None


def _recognised_text(present: pa.Array) -> Literal["id", "time", "text"] | None:
    if pc.all(pc.match_substring_regex(present, pattern=_ISO_TIME)).as_py():
        return "time"
    if pc.count_distinct(present).as_py() / len(present) < _DISTINCT_SHARE:
        return None
    words = pc.mean(pc.count_substring_regex(present, pattern=r"\S+")).as_py()
    return "text" if words >= _MIN_WORDS_OF_TEXT else "id"


def _recognised_number(name: str, present: np.ndarray) -> Literal["id", "time"] | None:
    finite = present[np.isfinite(present)]
    whole = bool(len(finite) == len(present) and (finite == np.floor(finite)).all())
    if not whole:
        return None
    seconds = finite / 1000.0 if np.median(np.abs(finite)) > _EPOCH_S[1] else finite
    if _TIME_NAME.search(name) and _EPOCH_S[0] <= seconds.min() and seconds.max() <= _EPOCH_S[1]:
        return "time"
    distinct = len(np.unique(finite)) / len(finite)
    if distinct < _DISTINCT_SHARE:
        return None
    is_counter = finite.max() - finite.min() + 1 <= 1.05 * len(finite)
    return "id" if is_counter or _IDENTIFIER_NAME.search(name) else None


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
