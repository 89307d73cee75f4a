"""Which columns of a table the model reads, and which are label and identifier: given by the user or recognised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
import logging

from components.modeling.features import Features
from components.shared.contracts.bundle import BundleConfig
from components.shared.contracts.problem import parse_problem, Problem, TEXT_NAMES
from components.shared.contracts.user_files import given_problem
from components.shared.tables.column_roles import label_name, usual_name
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.photo_tables import IMAGE_NAMES
from components.shared.tables.repair_spec import Repairs

logger = logging.getLogger(__name__)

ID_NAMES = ("example_id", "id")
_PAYLOAD_NAMES = {"image": IMAGE_NAMES, "text": TEXT_NAMES}


@dataclass(frozen=True, kw_only=True, slots=True)
class TableHints:
    """What a user says of a table; what is not said is recognised.

    `payload` is the column of images or texts; `problem`, the problem file, says how the table is read and what its
    label, text, identifier and personal columns are. `trained_label` and `trained_roles` are what the model's bundle
    says of the data that it was trained on: where it says something, nothing is recognised anew. `repairs` are what is
    done to such data before anything else.
    """

    payload: str | None = None
    label: str | None = None
    problem: Problem = field(default_factory=Problem)
    trained_label: Mapping[str, str] = field(default_factory=dict)
    trained_roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repairs: Repairs = ()

    def trained_with(self, model: BundleConfig) -> "TableHints":
        """The same, with what a model's bundle says.

        Raises
        ------
        ValueError
            If the problem file has other repairs than the model was trained with.
        """
        if self.problem.repairs and self.problem.repairs != model.repairs:
            trained = "other ones" if model.repairs else "none"
            raise ValueError(
                f"the problem file's repairs must be those that the model was trained with, which had {trained}: "
                "leave them out, for the model brings its own"
            )
        return replace(self, trained_label=model.label, trained_roles=model.column_roles, repairs=model.repairs)

    def is_personal(self, column: str | None) -> bool:
        """Whether a column is personal data: as the problem file says, else as it was in training."""
        if column is None or column in self.problem.pii_keep:
            return False
        return column in self.problem.pii or "pii" in self.trained_roles.get(column, ())

    def trained_as(self, role: str, names: Sequence[str]) -> str | None:
        """The first of `names` that had a role in the training data."""
        return next((name for name in names if role in self.trained_roles.get(name, ())), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableColumns:
    """Which columns of a table hold what; `payload` maps the model's features to columns."""

    payload: Mapping[str, str]
    label: str | LabelExpression | None
    example_id: str | None


def hints_of(problem: str, workspace_claim: str) -> TableHints:
    """What a problem file says of a table, given as its text or its place; errors as those of `given_problem`."""
    return TableHints(problem=parse_problem(given_problem(problem, workspace_claim)))


def choose_columns(names: Sequence[str], features: Features, hints: TableHints, *, where: str) -> TableColumns:
    """Choose a table's columns; those that the user names or the model reads must be there. `where` is the file."""
    payload = _payload(names, features, hints, where)
    others = [name for name in names if name not in payload.values()]
    return TableColumns(
        payload=payload,
        label=_label(names, others, hints, where),
        example_id=_example_id(names, others, hints),
    )


def _payload(names: Sequence[str], features: Features, hints: TableHints, where: str) -> dict[str, str]:
    if features.modality == "tabular":
        if hints.payload is not None:
            raise ValueError(f"the model reads {len(features.columns)} columns by name, not {hints.payload!r} alone")
        for column in features.columns:
            _check_there(column, names, where, why="which the model reads")
        return {column: column for column in features.columns}
    told = hints.payload or (hints.problem.text if features.modality == "text" else hints.problem.image)
    if told is not None:
        _check_there(told, names, where)
    wanted = _PAYLOAD_NAMES[features.modality]
    chosen = told or hints.trained_as(features.modality, names) or usual_name(wanted, names)
    if chosen is None:
        raise ValueError(
            f"{where} must have a column of {features.modality}s called {', '.join(wanted)}, or one that is named with "
            f"--{features.modality}-column; it has {', '.join(names)}"
        )
    return {features.columns[0]: chosen}


def _label(names: Sequence[str], others: Sequence[str], hints: TableHints, where: str) -> str | LabelExpression | None:
    if hints.label is not None:
        _check_there(hints.label, names, where)
        return hints.label
    told = hints.problem.label
    trained = hints.trained_label if told.column is None and told.expression is None else {}
    column, expression = told.column or trained.get("column"), told.expression or trained.get("expression")
    if column is None and expression is None:
        return label_name(others, hints.problem)
    label = column or LabelExpression(expression or "")
    needed = (label,) if isinstance(label, str) else label.columns
    missing = [name for name in needed if name not in names]
    if missing:
        whose = "the model's label" if trained else "the problem file's label"
        logger.warning("no label is known: %s has no column %s, which %s needs", where, missing[0], whose)
        return None
    return label


def _example_id(names: Sequence[str], others: Sequence[str], hints: TableHints) -> str | None:
    if hints.problem.id in names:
        return hints.problem.id
    return hints.trained_as("id", others) or (None if hints.trained_roles else usual_name(ID_NAMES, others))


def _check_there(column: str, names: Sequence[str], where: str, *, why: str = "") -> None:
    if column not in names:
        named = f"{column!r}, {why}" if why else repr(column)
        raise ValueError(f"{where} must have the column {named}; it has {', '.join(names)}")
