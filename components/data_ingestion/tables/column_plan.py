"""What becomes of a table's columns: the problem file says or inference finds label, payload, features, metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from components.shared.contracts.example_table import ColumnRole
from components.shared.contracts.problem import LABEL_NAMES, Modality, Problem, TEXT_NAMES
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.text_measures import TEXT_MEASURES

_BASE_NAMES = ("example_id", "split", "label")


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputColumn:
    """A column of the example table that is taken from the source: its name there and here, role and type."""

    source: str
    name: str
    role: ColumnRole
    kind: pa.DataType


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnPlan:
    """What becomes of every column.

    Attributes
    ----------
    label
        Name of the label's column, or the expression.
    text, id, group
        Names of columns in the source; None where they play no part.
    outputs
        Columns that are carried over.
    is_regression
        Whether the label is a number; see `label_task`.
    """

    modality: Modality
    label: str | LabelExpression
    expression_types: Mapping[str, pa.DataType]
    text: str | None
    id: str | None
    group: str | None
    outputs: tuple[OutputColumn, ...]
    inferred: tuple[str, ...]
    is_regression: bool = False

    @property
    def features(self) -> tuple[OutputColumn, ...]:
        """Feature columns."""
        return tuple(column for column in self.outputs if column.role == "feature")

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that every file must have."""
        label = (self.label,) if isinstance(self.label, str) else self.label.columns
        single = [name for name in (self.text, self.id, self.group) if name is not None]
        return tuple(dict.fromkeys([*label, *single, *(column.source for column in self.outputs)]))


def column_plan(types: Mapping[str, pa.DataType | None], problem: Problem, *, source: str) -> ColumnPlan:
    """Plan what becomes of every column; `types` are int64, float64, string, or None for what cannot be carried over.

    Every column has one role: personal data first, then named features, sensitive, slice, group, time. Refuses a
    problem file that names an absent column, a label or text that cannot be inferred, and a table without a feature.
    """
    inferred: list[str] = []
    label = _label(types, problem, source, inferred)
    expression_columns = label.columns if isinstance(label, LabelExpression) else ()
    _check_names((*problem.named_columns(), *expression_columns), types, source)
    modality = _modality(problem, inferred)
    text = _text(types, problem, source, inferred) if modality == "text" else None
    special = {label if isinstance(label, str) else None, text, problem.id}
    outputs = []
    for name, kind in types.items():
        role = _role(name, problem, modality, expression_columns)
        if name in special or role is None:
            continue
        if role == "feature" and name.casefold() == "id" and name not in problem.features:
            role = "metadata"
            inferred.append(f"the column {name!r} is taken for an identifier, not for a feature")
        if kind is None:
            inferred.append(f"the column {name!r} is left out: its values are neither numbers nor texts")
        elif not name:
            inferred.append("a column without a name is left out")
        else:
            outputs.append(OutputColumn(source=name, name=_free_name(name, modality, types), role=role, kind=kind))
    plan = ColumnPlan(
        modality=modality,
        label=label,
        expression_types={name: types[name] or pa.string() for name in expression_columns},
        text=text,
        id=problem.id,
        group=problem.group,
        outputs=tuple(outputs),
        inferred=tuple(inferred),
    )
    if modality == "tabular" and not plan.features:
        raise ValueError(f"{source} must have a feature column beside label and id, but has {_listed(types)}")
    return plan


def _label(
    types: Mapping[str, pa.DataType | None], problem: Problem, source: str, inferred: list[str]
) -> str | LabelExpression:
    if problem.label.expression is not None:
        return LabelExpression(problem.label.expression)
    if problem.label.column is not None:
        return problem.label.column
    found = _usual(LABEL_NAMES, types)
    if found is None:
        raise ValueError(
            f"{source} must have a label: name it in the problem file (label.column or label.expression), "
            f"or call it {', '.join(LABEL_NAMES)}; its columns are {_listed(types)}"
        )
    inferred.append(f"the label is the column {found!r}")
    return found


def _modality(problem: Problem, inferred: list[str]) -> Modality:
    if problem.modality == "image":
        raise ValueError("the problem file says modality image, but the source is a table: name a folder of images")
    if problem.modality is not None:
        return problem.modality
    modality: Modality = "tabular" if problem.text is None else "text"
    inferred.append(f"the modality is {modality}")
    return modality


def _text(types: Mapping[str, pa.DataType | None], problem: Problem, source: str, inferred: list[str]) -> str:
    if problem.text is not None:
        return problem.text
    found = _usual(TEXT_NAMES, types)
    if found is None:
        raise ValueError(
            f"the problem file must name the text's column (text), one of those of {source}: {_listed(types)}"
        )
    inferred.append(f"the text is the column {found!r}")
    return found


def _usual(wanted: Sequence[str], types: Mapping[str, object]) -> str | None:
    """The column with the first of the usual names that occurs, in any case."""
    return next((name for usual in wanted for name in types if name.casefold() == usual), None)


def _check_names(names: Sequence[str], types: Mapping[str, object], source: str) -> None:
    for name in names:
        if name not in types:
            raise ValueError(f"the problem file names the column {name!r}, but {source} has {_listed(types)}")


def _role(name: str, problem: Problem, modality: Modality, expression_columns: Sequence[str]) -> ColumnRole | None:
    """Role of a column, None where it is left out."""
    if name in problem.ignore:
        return None
    named = problem.role_of(name)
    if named is not None:
        return named
    if name in expression_columns:
        return None
    return "feature" if modality == "tabular" and not problem.features else "metadata"


def _free_name(name: str, modality: Modality, types: Mapping[str, object]) -> str:
    """Name in the example table: another one where the table itself needs this one."""
    taken = (*_BASE_NAMES, "text", *TEXT_MEASURES) if modality == "text" else _BASE_NAMES
    while name in taken:
        name = f"source_{name}"
        while name in types:
            name = f"{name}_"
    return name


def _listed(types: Mapping[str, object]) -> str:
    return ", ".join(types) or "no columns"
