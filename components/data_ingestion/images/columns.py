"""The columns that an image example has beside the image, and what the problem file makes of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from components.data_ingestion.images.measures import ImageRecord
from components.data_ingestion.label_provenance import CARRIED
from components.modeling.images.photo_measures import IMAGE_MEASURES
from components.shared.contracts.example_table import ColumnRole, PROVENANCE_COLUMNS
from components.shared.contracts.problem import Problem
from components.shared.runtime.redaction import masked_personal
from components.shared.tables.column_roles import claimed_names, declared_roles, label_name, PROVENANCE_NAMES
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.personal_key import keyed_hash

SOURCE_NAME = "source_name"
_DECLARED: tuple[ColumnRole, ...] = ("pii", "sensitive", "slice", "group", "time", "id")
IMAGE_COLUMNS: dict[str, pa.DataType] = {SOURCE_NAME: pa.string(), **IMAGE_MEASURES}
_LABEL_IN_PII = (
    "the label {label!r} must not be under `pii` in the problem file, for nothing is learned from hashes: choose "
    "another label, or write `pii: {{{label}: keep}}`"
)
_TAKEN = ("example_id", "split", "label", "image", *PROVENANCE_COLUMNS, *IMAGE_COLUMNS)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoTableColumns:
    """What a table's columns are to its photos, by their names in the table.

    Attributes
    ----------
    image
        The column of paths, URIs or encoded images.
    label
        The label's column or expression; None where the photos' places give it.
    id, group, time
        None where they play no part.
    provenance
        Columns that say where labels come from; `label_version` is the problem file's.
    carried
        `{name in the example table: name in the table}` of the columns that are carried over.
    types
        int64, float64 or string of every column.
    """

    image: str
    label: str | LabelExpression | None
    id: str | None
    group: str | None
    time: str | None = None
    provenance: tuple[str, ...] = ()
    label_version: int = 1
    carried: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    inferred: tuple[str, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that are read, beside the images."""
        label = self.label.columns if isinstance(self.label, LabelExpression) else (self.label,)
        names = (*label, self.id, self.group, self.time, *self.provenance, *self.carried.values())
        return tuple(dict.fromkeys(name for name in names if name is not None))


def photo_table_columns(
    types: Mapping[str, pa.DataType | None], image: str, problem: Problem, *, source: str
) -> PhotoTableColumns:
    """What becomes of a table's columns; `types` are int64, float64, string, or None for what cannot be carried over.

    The problem file says which column is label, identifier and group; a label that it does not name is the column with
    the first of the usual names. Refuses a problem file that names an absent column or asks for what photos lack.
    """
    _check_fits_photos(problem, types, source)
    inferred = []
    label = _told_label(problem) or label_name([name for name in types if name != image], problem)
    if label is None:
        inferred.append("labels come from the photos' folders and names, since no column is a label")
    elif isinstance(label, str) and problem.label.column is None:
        inferred.append(f"the label is the column {label!r}")
    expression = label.columns if isinstance(label, LabelExpression) else (str(label),)
    named = {*claimed_names(problem), image, *expression}
    provenance = tuple(name for name in PROVENANCE_NAMES if name in types and name not in named)
    carried = {}
    for name, kind in types.items():
        if (name in (image, label, problem.id, *provenance) and name not in CARRIED) or name in problem.ignore:
            continue
        if kind is None or not name:
            inferred.append(f"the column {name!r} is left out: it has no name, or neither numbers nor texts")
        else:
            carried[_free_name(name, types)] = name
    return PhotoTableColumns(
        image=image,
        label=label,
        id=problem.id,
        group=problem.group if problem.group in types else None,
        time=problem.time if problem.split.by == "time" and problem.time in types else None,
        provenance=provenance,
        label_version=problem.label.version,
        carried=carried,
        types={name: kind or pa.string() for name, kind in types.items()},
        inferred=tuple(inferred),
    )


def image_column_roles(
    problem: Problem,
    carried: Mapping[str, str] | None = None,
    image_column: str | None = None,
    personal: Collection[str] = (),
) -> dict[str, tuple[ColumnRole, ...]]:
    """`{column: roles}` of the example table, without the columns that the problem file ignores.

    `carried` are the columns of a table beside the images (see `PhotoTableColumns`), and `image_column` the one that
    names the images; None where there is no table: a problem file that asks for what only a table has is then refused.
    `personal` are columns of numbers that hold personal data, by their names in the table.
    """
    if carried is None:
        _check_needs_no_table(problem)
        carried = {}
    has_personal_names = {SOURCE_NAME, image_column} & set(problem.pii)
    roles = {SOURCE_NAME: ("pii",) if has_personal_names else _roles(SOURCE_NAME, problem, "metadata")}
    for name, source in carried.items():
        roles[name] = _roles(source, problem, _usual_role(source), is_personal=source in personal)
    for name in IMAGE_MEASURES:
        roles[name] = ("derived",) if name in carried.values() else _roles(name, problem, "derived")
    return {name: found for name, found in roles.items() if name in carried or name not in problem.ignore}


def _roles(name: str, problem: Problem, otherwise: ColumnRole, *, is_personal: bool = False) -> tuple[ColumnRole, ...]:
    declared = declared_roles(name, problem)
    found = (role for role in _DECLARED if role in declared or (role == "pii" and is_personal))
    return tuple(found) or (otherwise,)


def _usual_role(name: str) -> ColumnRole:
    return "provenance" if name in CARRIED else "metadata"


def image_values(name: str, record: ImageRecord) -> Mapping[str, str | int | float]:
    """Values of an image's columns; `name` is what is kept of its path, relative to the source."""
    return {SOURCE_NAME: name, **dict(zip(IMAGE_MEASURES, record.values, strict=True))}


def shown_name(name: str, problem: Problem, image_column: str | None = None) -> str:
    """What is kept of an image's path: as it is, hashed, or without what is recognised as personal.

    `image_column` is the table's column of paths; None where there is no table.
    """
    names = {SOURCE_NAME, image_column}
    if names & set(problem.pii_keep):
        return name
    return keyed_hash(name) if names & set(problem.pii) else masked_personal(name)


def photo_source_roles(
    roles: Mapping[str, tuple[ColumnRole, ...]],
    carried: Mapping[str, str],
    image: str,
    label: str | None,
    problem: Problem,
) -> dict[str, list[str]]:
    """The roles of a table's own columns, as later steps read them in the example table and the bundle.

    `roles` and `carried` are those of the example table's columns, `image` and `label` columns of the table.
    """
    found: dict[str, list[str]] = {source: list(roles[name]) for name, source in carried.items()}
    single = {image: "image", label: "label", problem.id: "id"}
    return found | {name: [role] for name, role in single.items() if name is not None}


def kept_image_columns(problem: Problem, carried: Mapping[str, str] | None, label: str | None) -> list[str]:
    """Columns of the example table whose personal data the problem file keeps; `label` is the label's name for it."""
    sources = {name: name for name in IMAGE_COLUMNS} | dict(carried or {})
    kept = [name for name, source in sources.items() if source in problem.pii_keep]
    return [*kept, "label"] if label in problem.pii_keep else kept


def _check_fits_photos(problem: Problem, types: Mapping[str, object], source: str) -> None:
    told = {"text": problem.text, "features": problem.features, "split.test_file": problem.split.test_file}
    for key, value in told.items():
        if value:
            raise ValueError(f"the problem file's {key} needs a table of texts or numbers, but {source} holds photos")
    label = _told_label(problem)
    if label in problem.pii:
        raise ValueError(_LABEL_IN_PII.format(label=label))
    for name in (*problem.named_columns(), *(label.columns if isinstance(label, LabelExpression) else ())):
        if name not in types and name not in IMAGE_COLUMNS:
            raise ValueError(f"the problem file names the column {name!r}, but {source} has {', '.join(types)}")


def _told_label(problem: Problem) -> str | LabelExpression | None:
    told = problem.label.expression
    return problem.label.column if told is None else LabelExpression(told)


def _check_needs_no_table(problem: Problem) -> None:
    told = {
        "label.expression": problem.label.expression,
        "text": problem.text,
        "image": problem.image,
        "id": problem.id,
        "time": problem.time,
        "repairs": problem.repairs,
    }
    for key, value in {**told, "features": problem.features, "split.test_file": problem.split.test_file}.items():
        if value:
            raise ValueError(f"the problem file's {key} needs a table, but the source holds images")
    if problem.label.column is not None and problem.label.column in problem.pii:
        raise ValueError(_LABEL_IN_PII.format(label=problem.label.column))
    for name in problem.named_columns():
        if name not in IMAGE_COLUMNS and not (name == "label" and "label" in (problem.label.column, *problem.pii_keep)):
            raise ValueError(
                f"the problem file names the column {name!r}, but images have only label, {', '.join(IMAGE_COLUMNS)}"
            )


def _free_name(name: str, types: Mapping[str, object]) -> str:
    """Name in the example table: another one where the table itself needs this one."""
    while name in _TAKEN:
        name = f"source_{name}"
        while name in types:
            name = f"{name}_"
    return name
