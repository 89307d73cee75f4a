"""What becomes of a table's columns: by their roles, as `components.shared.tables.column_roles` decides them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from components.data_ingestion.label_provenance import CARRIED
from components.shared.contracts.example_table import ColumnRole, PROVENANCE_COLUMNS
from components.shared.contracts.problem import LABEL_NAMES, Modality, Problem, TEXT_NAMES
from components.shared.tables.column_roles import ResolvedRoles, SourceRole, usual_name
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.text_measures import TEXT_MEASURES

_BASE_NAMES = ("example_id", "split", "label", *PROVENANCE_COLUMNS)
_KEPT: dict[SourceRole, ColumnRole] = {
    "feature": "feature",
    "slice": "slice",
    "sensitive": "sensitive",
    "pii": "pii",
    "group": "group",
    "time": "time",
    "id": "id",
    "prediction": "prediction",
    "provenance": "provenance",
    "text": "metadata",
    "metadata": "metadata",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputColumn:
    """A column of the example table that is taken from the source: its name there and here, roles and type.

    `is_kept`: its personal data stay as they are. The type of a column with the role `pii` is that of its hashes.
    """

    source: str
    name: str
    roles: tuple[ColumnRole, ...]
    kind: pa.DataType
    is_kept: bool = False


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
    resolved
        The roles that it all follows from.
    provenance
        Columns that say where labels come from; `label_version` is the problem file's.
    time
        The column that decides the split; None where time does not.
    has_personal_ids
        Whether the identifiers are personal data: they are hashed.
    kept
        Columns of the source whose personal data stay as they are.
    is_regression
        Whether the label is a number, and what there is to say of that; see `label_task`.
    """

    modality: Modality
    label: str | LabelExpression
    expression_types: Mapping[str, pa.DataType]
    text: str | None
    id: str | None
    group: str | None
    outputs: tuple[OutputColumn, ...]
    resolved: ResolvedRoles
    provenance: tuple[str, ...] = ()
    label_version: int = 1
    time: str | None = None
    time_kind: pa.DataType | None = None
    has_personal_ids: bool = False
    kept: frozenset[str] = frozenset()
    is_regression: bool = False
    task_sentence: str = ""

    @property
    def features(self) -> tuple[OutputColumn, ...]:
        """Feature columns."""
        return tuple(column for column in self.outputs if "feature" in column.roles)

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that every file must have."""
        label = (self.label,) if isinstance(self.label, str) else self.label.columns
        single = [name for name in (self.text, self.id, self.group, self.time) if name is not None]
        return tuple(dict.fromkeys([*label, *single, *self.provenance, *(column.source for column in self.outputs)]))


def column_plan(
    types: Mapping[str, pa.DataType | None], resolved: ResolvedRoles, problem: Problem, *, source: str
) -> ColumnPlan:
    """Plan what becomes of every column; `types` are int64, float64, string, or None for what cannot be carried over.

    Refuses a table whose label or text is not known or personal data, and a table without a feature.
    """
    if resolved.modality == "image":
        raise ValueError("the problem file says modality image, but the source is a table: name a folder of images")
    _check_shown(resolved, problem)
    if resolved.label is None:
        raise ValueError(
            f"{source} must have a label: name it in the problem file (label.column or label.expression), "
            f"or call it {', '.join(LABEL_NAMES)}; its columns are {_listed(types)}"
        )
    if resolved.modality == "text" and resolved.text is None:
        raise ValueError(
            f"the problem file must name the text's column (text), one of those of {source}: {_listed(types)}"
        )
    text = resolved.text if resolved.modality == "text" else None
    provenance = resolved.columns_of("provenance")
    taken = {resolved.label if isinstance(resolved.label, str) else None, text, problem.id}
    taken |= set(provenance) - set(CARRIED)
    outputs = tuple(
        OutputColumn(
            source=name,
            name=_free_name(name, resolved.modality, types),
            roles=roles,
            kind=pa.string() if "pii" in roles else kind,
            is_kept=name in problem.pii_keep,
        )
        for name, kind in types.items()
        if name not in taken and kind is not None and (roles := _roles_here(resolved.roles[name]))
    )
    plan = ColumnPlan(
        modality=resolved.modality,
        label=resolved.label,
        expression_types={name: types[name] or pa.string() for name in resolved.label_inputs},
        text=text,
        id=problem.id,
        group=resolved.first_of("group"),
        outputs=outputs,
        resolved=resolved,
        provenance=provenance,
        label_version=problem.label.version,
        time=problem.time if problem.split.by == "time" else None,
        time_kind=types.get(problem.time or "") or pa.string(),
        has_personal_ids=problem.id is not None and "pii" in resolved.roles[problem.id],
        kept=frozenset(problem.pii_keep),
    )
    if plan.modality == "tabular" and not plan.features:
        left = "".join(f"; {name!r} is none: {reason}" for name, reason in list(resolved.reasons.items())[:5])
        raise ValueError(f"{source} must have a feature column beside label and id, but has {_listed(types)}{left}")
    return plan


def _roles_here(roles: frozenset[SourceRole]) -> tuple[ColumnRole, ...]:
    """The roles in the example table; none where the column is left out."""
    return tuple(_KEPT[role] for role in sorted(roles) if role in _KEPT)


def _check_shown(resolved: ResolvedRoles, problem: Problem) -> None:
    """Refuse a label or text under `pii`: what it may be called is personal data too, where it has no other name."""
    label = usual_name(LABEL_NAMES, problem.pii) if resolved.label is None else resolved.label
    text = usual_name(TEXT_NAMES, problem.pii) if resolved.text is None else resolved.text
    for name, what in ((label, "label"), (text if resolved.modality == "text" else None, "text")):
        if name in problem.pii:
            raise ValueError(
                f"the {what} {name!r} must not be under `pii` in the problem file, for nothing is learned from hashes: "
                f"choose another {what}, or write `pii: {{{name}: keep}}`"
            )


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
