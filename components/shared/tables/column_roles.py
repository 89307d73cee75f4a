"""Who takes part as what: a table's columns get their roles here, once; later steps read the answer.

What the problem file declares stands. The rest is recognised from names and from the first rows, and said with its
reason. A column may have several roles: a slice is a feature too, unless the file lists its features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args, Literal

import pyarrow as pa

from components.shared.contracts.problem import LABEL_NAMES, Modality, Problem, TEXT_NAMES
from components.shared.runtime.personal_forms import PersonalKind
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.personal_columns import personal_kind_of_numbers, PLURALS
from components.shared.tables.recognised_columns import recognised

PEEK_ROWS = 20_000
PREDICTION_NAMES = ("predicted", "prediction", "predicted_label", "y_pred")
# Columns that say where labels come from: who gave them, by which definition, which model in which round.
PROVENANCE_NAMES = ("label_source", "label_version", "label_model", "label_round")
SourceRole = Literal[
    "label",
    "feature",
    "text",
    "id",
    "time",
    "group",
    "slice",
    "sensitive",
    "pii",
    "prediction",
    "provenance",
    "metadata",
    "ignored",
]
_LOOKS_LIKE = {"id": "an identifier", "time": "a time", "text": "free text", "prediction": "a model's prediction"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedRoles:
    """The answer for one table.

    Attributes
    ----------
    modality
        `text` where a text is what the model reads, else `tabular`.
    roles
        The roles of every column, in the table's order.
    label
        The label's column, or the expression that computes it; None where there is none.
    text
        The column that a model of texts reads; None where there is none.
    reasons
        Why each column that is ignored, or that was recognised, is no feature.
    inferred
        What was recognised rather than told, one sentence each.
    """

    modality: Modality
    roles: Mapping[str, frozenset[SourceRole]]
    label: str | LabelExpression | None
    text: str | None
    reasons: Mapping[str, str]
    inferred: tuple[str, ...]

    def columns_of(self, *roles: SourceRole) -> tuple[str, ...]:
        """Names of the columns that have one of `roles`, in the table's order."""
        return tuple(name for name, found in self.roles.items() if found & set(roles))

    def first_of(self, role: SourceRole) -> str | None:
        """The first column that has a role, None where none has it."""
        return next(iter(self.columns_of(role)), None)

    @property
    def label_inputs(self) -> tuple[str, ...]:
        """The columns that the label is computed from."""
        return self.label.columns if isinstance(self.label, LabelExpression) else ()

    @property
    def label_definition(self) -> dict[str, str]:
        """Where the label comes from: `{"column": ...}` or `{"expression": ...}`, empty without a label."""
        if isinstance(self.label, LabelExpression):
            return {"expression": self.label.text}
        return {} if self.label is None else {"column": self.label}

    def to_dict(self) -> dict[str, list[str]]:
        """The roles as JSON values, each column's in a fixed order."""
        order = get_args(SourceRole)
        return {name: sorted(found, key=order.index) for name, found in self.roles.items()}


def resolve_roles(first_rows: Mapping[str, pa.Array], problem: Problem, *, where: str) -> ResolvedRoles:
    """Decide who takes part as what.

    Parameters
    ----------
    first_rows
        The columns of the table by name, each with the values of its first rows (up to `PEEK_ROWS`), shape (N,), in the
        types that the table is read with; of a table of text those are whole numbers, numbers or texts.
    problem
        What the problem file declares.
    where
        The table's name, for errors.

    Raises
    ------
    ValueError
        If the problem file names a column that is not there, or gives one roles that exclude each other.
    """
    label = LabelExpression(problem.label.expression) if problem.label.expression is not None else None
    inputs = label.columns if label is not None else ()
    _check_named((*problem.named_columns(), *inputs), list(first_rows), where)
    _check_conflicts(problem, where)
    label_column = None if label is not None else label_name(list(first_rows), problem)
    resolver = _Resolver(problem, first_rows, label_column=label_column, label_inputs=inputs)
    return ResolvedRoles(
        modality=resolver.modality,
        roles={name: resolver.roles_of(name, values) for name, values in first_rows.items()},
        label=label if label is not None else label_column,
        text=resolver.text,
        reasons=resolver.reasons,
        inferred=tuple(resolver.inferred),
    )


def label_name(names: Sequence[str], problem: Problem) -> str | None:
    """The label's column: the declared one, else the first with a usual name that the problem file says nothing of."""
    if problem.label.column is not None or problem.label.expression is not None:
        return problem.label.column
    taken = claimed_names(problem)
    return usual_name(LABEL_NAMES, [name for name in names if name not in taken])


def claimed_names(problem: Problem) -> frozenset[str]:
    """The columns that the problem file says a role of, or ignores; that personal data are kept is none."""
    single = {problem.label.column, problem.text, problem.image}
    return frozenset(
        name
        for name in problem.named_columns()
        if name in single or name in problem.ignore or declared_roles(name, problem)
    )


def usual_name(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    """The column with the first of the usual names that occurs, in any case."""
    return next((name for usual in wanted for name in names if name.casefold() == usual), None)


def personal_numbers(name: str, values: pa.Array, problem: Problem) -> PersonalKind | None:
    """The personal data that a column of numbers holds, by its first values (N,); it is treated as if under `pii`.

    None where the problem file keeps them, hashes them as it is, or says that they are labels or times.
    """
    if name in (problem.label.column, problem.time, *problem.pii, *problem.pii_keep):
        return None
    is_number = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return personal_kind_of_numbers(name, values) if any(holds(values.type) for holds in is_number) else None


def personal_numbers_words(name: str, kind: PersonalKind) -> str:
    """What a person is told of such a column."""
    return (
        f"the column {name!r} is hashed, never shown and no feature, for it seems to hold {PLURALS[kind]}: write "
        f"`pii: {{{name}: keep}}` if it does not"
    )


def declared_roles(name: str, problem: Problem) -> frozenset[SourceRole]:
    """The roles that the problem file itself gives a column, label and text aside."""
    named: dict[SourceRole, bool] = {
        "feature": name in problem.features,
        "id": name == problem.id,
        "time": name == problem.time,
        "group": name == problem.group,
        "slice": name in problem.slices,
        "sensitive": name in problem.sensitive,
        "pii": name in problem.pii,
    }
    return frozenset(role for role, holds in named.items() if holds)


class _Resolver:
    """Gives one column after the other its roles, and keeps what it recognised."""

    def __init__(
        self,
        problem: Problem,
        first_rows: Mapping[str, pa.Array],
        *,
        label_column: str | None,
        label_inputs: Sequence[str],
    ) -> None:
        self.reasons: dict[str, str] = {}
        self.inferred: list[str] = []
        self._problem = problem
        self._label = label_column
        self._label_inputs = label_inputs
        if label_column is not None and problem.label.column is None:
            self.inferred.append(f"the label is the column {label_column!r}")
        self.modality = self._modality()
        self.text = problem.text
        if self.modality == "text" and self.text is None:
            taken = claimed_names(problem)
            others = [name for name in first_rows if name != label_column and name not in taken]
            self.text = usual_name(TEXT_NAMES, others)
            if self.text is not None:
                self.inferred.append(f"the text is the column {self.text!r}")

    def roles_of(self, name: str, values: pa.Array) -> frozenset[SourceRole]:
        """The roles of a column; `values` are those of its first rows."""
        if name in self._problem.ignore:
            return self._left_out(name, "the problem file ignores it")
        if not name:
            self.inferred.append("a column without a name is left out")
            return self._left_out(name, "it has no name")
        declared = self._declared(name)
        if name != self._label and (personal := personal_numbers(name, values, self._problem)) is not None:
            self.reasons[name] = f"it seems to hold {PLURALS[personal]}"
            self.inferred.append(personal_numbers_words(name, personal))
            roles: set[SourceRole] = {*declared, "pii"}
            return frozenset(roles - {"feature"})
        if declared:
            return declared
        if name in self._label_inputs:
            return self._left_out(name, "the label is computed from it")
        if name in PROVENANCE_NAMES:
            self.reasons[name] = "it says where labels come from"
            self.inferred.append(f"the column {name!r} says where labels come from, and is no feature")
            return frozenset({"provenance"})
        if is_nested(values.type):
            self.inferred.append(f"the column {name!r} is left out: its values are neither numbers nor texts")
            return self._left_out(name, f"its type is {values.type}")
        return self._recognised(name, values)

    def _modality(self) -> Modality:
        if self._problem.modality is not None:
            return self._problem.modality
        return "tabular" if self._problem.text is None else "text"

    def _declared(self, name: str) -> frozenset[SourceRole]:
        roles: set[SourceRole] = set(declared_roles(name, self._problem))
        if name == self._label:
            roles.add("label")
        if name == self.text:
            roles.add("text")
        if roles == {"slice"} and self.modality == "tabular" and not self._problem.features:
            roles.add("feature")
        if "pii" in roles:
            # Whatever else it is: no model reads it.
            roles.discard("feature")
        return frozenset(roles)

    def _recognised(self, name: str, values: pa.Array) -> frozenset[SourceRole]:
        role: SourceRole | None = "prediction" if name.casefold() in PREDICTION_NAMES else recognised(name, values)
        if role is None:
            is_feature = self.modality == "tabular" and not self._problem.features
            return frozenset({"feature" if is_feature else "metadata"})
        self.reasons[name] = f"it looks like {_LOOKS_LIKE[role]}"
        if self.modality == "tabular" and not self._problem.features:
            self.inferred.append(f"{name!r} is no feature: {self.reasons[name]}; name it under features if it is none")
        return frozenset({role})

    def _left_out(self, name: str, reason: str) -> frozenset[SourceRole]:
        self.reasons[name] = reason
        return frozenset({"ignored"})


def is_nested(kind: pa.DataType) -> bool:
    """Whether a column of this type holds no single number, text or time a row (lists, structures, raw bytes)."""
    single = (
        pa.types.is_null,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_temporal,
    )
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return not any(holds(kind) for holds in single)


def _check_named(names: Sequence[str], columns: Sequence[str], where: str) -> None:
    for name in names:
        if name not in columns:
            listed = ", ".join(columns) or "no columns"
            raise ValueError(f"the problem file must name columns of {where}, got {name!r}; there are {listed}")


def _check_conflicts(problem: Problem, where: str) -> None:
    """Raise `ValueError` where a column is ignored and has a role, or is label and feature at once."""
    single = {"label.column": problem.label.column, "text": problem.text, "id": problem.id}
    single |= {"time": problem.time, "group": problem.group}
    named: list[tuple[str, Sequence[str]]] = [(key, [name]) for key, name in single.items() if name is not None]
    for key in ("features", "slices", "sensitive", "pii"):
        named.append((key, getattr(problem, key)))
    named.append(("pii", problem.pii_keep))
    for key, names in named:
        for name in names:
            if name in problem.ignore:
                raise ValueError(f"the problem file must not both ignore {name!r} of {where} and name it under {key}")
    for key in ("label.column", "text", "id"):
        if (one := single[key]) is not None and one in problem.features:
            raise ValueError(f"the problem file must not name {one!r} of {where} under {key} and under features")
