"""The example table: one row an example, what ingestion writes and every later step reads.

A folder of Parquet shards. Columns that every table has:

- `example_id` (string, unique), `split` (`train`, `validation`, `test`; null in a pool), `label` (a class name, or a
  number for regression; null where unlabelled);
- `content_id` (the first 8 bytes of the fingerprint of what a model sees; null where it is not known), `label_source`
  (`person`, `model`, `rule`; null where unlabelled), `label_version` (of the label's definition);
- the payload: `image` (encoded bytes), `text` (string), or the feature columns of a tabular problem;
- derived columns that TFDV can watch, and metadata columns for slices, fairness and time.

Modality, task, class names and the roles of every column are in the Parquet metadata.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, Literal

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.label_lineage import LabelChange, lineage_from
from components.shared.contracts.parquet_folder import ShardReader, ShardWriter
from components.shared.contracts.pinned_slices import check_pinned_slices, pinned_from, PinnedSlice
from components.shared.contracts.problem import Modality, SPLIT_NAMES
from components.shared.runtime.errors import ContractError
from components.shared.tables.repair_spec import Repairs, repairs_from

FORMAT_VERSION = 3
CONTRACT = "example_table"

# A column may have several; the first that it has in this order says how it is treated where one must be chosen.
ColumnRole = Literal[
    "pii",
    "split",
    "label",
    "provenance",
    "payload",
    "prediction",
    "feature",
    "derived",
    "sensitive",
    "slice",
    "group",
    "time",
    "id",
    "metadata",
]
Task = Literal["classification", "regression"]
LabelSource = Literal["person", "model", "rule"]
LABEL_SOURCES: tuple[LabelSource, ...] = get_args(LabelSource)
PAYLOAD_COLUMNS: dict[str, tuple[tuple[str, pa.DataType], ...]] = {
    "image": (("image", pa.binary()),),
    "text": (("text", pa.string()),),
    "tabular": (),
}
PROVENANCE_COLUMNS: dict[str, pa.DataType] = {
    "content_id": pa.uint64(),
    "label_source": pa.string(),
    "label_version": pa.int32(),
}
LABEL_TYPES: dict[Task, pa.DataType] = {"classification": pa.string(), "regression": pa.float64()}
_PRECEDENCE: tuple[ColumnRole, ...] = get_args(ColumnRole)
_BASE_ROLES: dict[str, ColumnRole] = {"example_id": "id", "split": "split", "label": "label"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleTableInfo:
    """What a table says of itself, known before a row is read.

    Attributes
    ----------
    modality
        `image`, `text` or `tabular`.
    class_names
        The labels that occur, in the order that class indices follow everywhere; empty for an unlabelled table and for
        regression.
    column_roles
        The roles of every column, one or several; a single one may be given by itself.
    label_version
        Version of the label's definition; a change is a declared concept drift.
    task
        `classification`, or `regression`: the label is a number.
    label
        Where the label comes from in the data: `{"column": ...}` or `{"expression": ...}`; empty where it is not known.
    source_roles
        The roles of every column of the data, left-out ones too, as ingestion decided them; no later step decides anew.
    is_pool
        Whether the table holds what is not labelled yet: no row has a split or a label, and nothing is trained on it.
    repairs
        What was done to the columns of the data before anything else: whoever reads such data does it, too.
    pinned_slices
        Slices that the problem file pins by a condition: gates judge them beside those of columns.
    lineage
        How this version came of the one that was ingested, the oldest change of labels first; empty for that one.
    """

    modality: Modality
    class_names: tuple[str, ...]
    column_roles: Mapping[str, ColumnRole | tuple[ColumnRole, ...]]
    label_version: int = 1
    task: Task = "classification"
    label: Mapping[str, str] = field(default_factory=dict)
    source_roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_pool: bool = False
    repairs: Repairs = ()
    pinned_slices: tuple[PinnedSlice, ...] = ()
    lineage: tuple[LabelChange, ...] = ()

    def __post_init__(self) -> None:
        if self.modality not in get_args(Modality):
            raise ContractError(f"modality must be image, text or tabular, got {self.modality!r}")
        if self.task not in LABEL_TYPES:
            raise ContractError(f"task must be classification or regression, got {self.task!r}")
        if self.task == "regression" and self.class_names:
            raise ContractError(f"a table for regression must have no class names, got {list(self.class_names)}")
        for column in self.column_roles:
            roles = self.roles_of(column)
            if not roles or not set(roles) <= set(_PRECEDENCE):
                raise ContractError(f"the role of column {column!r} must be one of {_PRECEDENCE}, got {roles}")

    def roles_of(self, column: str) -> tuple[ColumnRole, ...]:
        """A column's roles, the weightiest first."""
        roles = self.column_roles[column]
        several = (roles,) if isinstance(roles, str) else tuple(roles)
        return tuple(sorted(several, key=lambda role: _PRECEDENCE.index(role) if role in _PRECEDENCE else 0))

    def main_role(self, column: str) -> ColumnRole:
        """The role that says how a column is treated where one must be chosen: personal data before all."""
        return self.roles_of(column)[0]

    def columns_of(self, *roles: ColumnRole) -> tuple[str, ...]:
        """Names of the columns that have one of `roles`, in the table's order."""
        return tuple(column for column in self.column_roles if set(roles) & set(self.roles_of(column)))

    def class_index(self, label: str) -> int:
        """Index of a label in `class_names`; `ContractError` if it is not a known class."""
        try:
            return self.class_names.index(label)
        except ValueError:
            raise ContractError(f"label must be one of {', '.join(self.class_names)}, got {label!r}") from None


class ExampleTableWriter(ShardWriter):
    """Writes an example table as a stream, with checks.

    Columns of the label's provenance that a batch lacks are filled: labels come from people, by the table's version.

    Parameters
    ----------
    info
        What the table holds. Roles of the base and payload columns are added where they are missing.
    extra_columns
        Names and Arrow types of the columns beyond the base columns, `label` and the payload.

    Raises
    ------
    ContractError
        From `write`, if a split, label or label's source is unknown, an `example_id` is empty, or a row of a pool has a
        split or a label; from the constructor, if an extra column has no role.
    """

    def __init__(self, path: str | Path, info: ExampleTableInfo, *, extra_columns: Mapping[str, pa.DataType]) -> None:
        payload = PAYLOAD_COLUMNS[info.modality]
        roles: dict[str, list[ColumnRole]] = {name: [role] for name, role in _BASE_ROLES.items()}
        roles.update({name: ["provenance"] for name in PROVENANCE_COLUMNS})
        roles.update({name: ["payload"] for name, _ in payload})
        for name in extra_columns:
            if name not in info.column_roles:
                raise ContractError(f"column {name!r} must have a role, got roles for {', '.join(info.column_roles)}")
            roles[name] = list(info.roles_of(name))
        base = {"example_id": pa.string(), "split": pa.string(), "label": LABEL_TYPES[info.task]}
        schema = pa.schema([*base.items(), *PROVENANCE_COLUMNS.items(), *payload, *extra_columns.items()])
        personal = info.columns_of("pii")
        check_pinned_slices(info.pinned_slices, modality=info.modality, columns=schema.names, personal=personal)
        self._info = info
        super().__init__(
            path,
            schema,
            contract=CONTRACT,
            format_version=FORMAT_VERSION,
            info={
                "modality": info.modality,
                "class_names": list(info.class_names),
                "column_roles": roles,
                "label_version": info.label_version,
                "task": info.task,
                "label": dict(info.label),
                "source_roles": {name: list(found) for name, found in info.source_roles.items()},
                "is_pool": info.is_pool,
                "repairs": [repair.to_dict() for repair in info.repairs],
                "pinned_slices": [item.to_dict() for item in info.pinned_slices],
                "lineage": [change.to_dict() for change in info.lineage],
            },
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch; see the class for the checks."""
        columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
        for name, kind in PROVENANCE_COLUMNS.items():
            if name not in columns and "label" in columns:
                columns[name] = _assumed(name, columns["label"], self._info.label_version).cast(kind)
        _check_rows(columns, self._info)
        super().write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


class ExampleTable(ShardReader):
    """Reads an example table as a stream.

    A table of version 1 has no columns of the label's provenance: they are read as `ExampleTableWriter` fills them.

    Raises
    ------
    FileNotFoundError
        If there is no example table at `path`.
    ContractError
        If it is damaged or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(
            path,
            contract=CONTRACT,
            newest_version=FORMAT_VERSION,
            keys=("modality", "class_names", "column_roles", "label_version"),
        )
        content = self.metadata
        self.info = ExampleTableInfo(
            modality=content["modality"],
            class_names=tuple(content["class_names"]),
            column_roles=read_roles(content["column_roles"]),
            label_version=content["label_version"],
            task=content.get("task", "classification"),
            label=content.get("label", {}),
            source_roles=content.get("source_roles", {}),
            is_pool=content.get("is_pool", False),
            repairs=repairs_from(content.get("repairs", [])),
            pinned_slices=pinned_from(content.get("pinned_slices", [])),
            lineage=lineage_from(content.get("lineage", [])),
        )

    def iter_batches(
        self, columns: Sequence[str] | None = None, *, splits: Sequence[str] | None = None, batch_rows: int = 1024
    ) -> Iterator[pa.RecordBatch]:
        """Stream record batches; see `ShardReader.iter_batches`."""
        lacking = [name for name in columns or () if name in PROVENANCE_COLUMNS and name not in self.schema.names]
        if not lacking or columns is None:
            yield from super().iter_batches(columns, splits=splits, batch_rows=batch_rows)
            return
        stored = list(dict.fromkeys([*(name for name in columns if name not in lacking), "label"]))
        for batch in super().iter_batches(stored, splits=splits, batch_rows=batch_rows):
            found = {name: batch.column(number) for number, name in enumerate(stored)}
            for name in lacking:
                assumed = _assumed(name, found["label"], self.info.label_version)
                found[name] = assumed.cast(PROVENANCE_COLUMNS[name])
            yield pa.RecordBatch.from_arrays([found[name] for name in columns], list(columns))

    def read(self, columns: Sequence[str] | None = None, *, splits: Sequence[str] | None = None) -> pa.Table:
        """Read columns whole; see `ShardReader.read`."""
        batches = list(self.iter_batches(columns, splits=splits, batch_rows=65536))
        if batches:
            return pa.Table.from_batches(batches)
        wanted = list(self.schema.names if columns is None else columns)
        kinds = {field.name: field.type for field in self.schema} | PROVENANCE_COLUMNS
        return pa.schema([pa.field(name, kinds[name]) for name in wanted]).empty_table()

    def counts(self) -> dict[str, dict[str, int]]:
        """Examples by split and label, `{"train": {"cat": 350, ...}, ...}`; unlabelled ones under the empty string.

        For regression the labelled ones stand under `labelled`.
        """
        counts: dict[str, dict[str, int]] = {split: {} for split in SPLIT_NAMES}
        for batch in self.iter_batches(["split", "label"], batch_rows=65536):
            for split, label in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                name = "" if label is None else "labelled" if self.info.task == "regression" else label
                split_counts = counts.setdefault(split or "", {})
                split_counts[name] = split_counts.get(name, 0) + 1
        return counts


def read_roles(stored: Mapping[str, Any]) -> dict[str, tuple[ColumnRole, ...]]:
    """Roles as the metadata hold them: lists, in version 1 a word."""
    listed: dict[str, list[Any]] = {
        name: [roles] if isinstance(roles, str) else list(roles) for name, roles in stored.items()
    }
    return {name: tuple(roles) for name, roles in listed.items()}


def _assumed(name: str, labels: pa.Array, label_version: int) -> pa.Array:
    """A column of provenance where nothing is said of it: labels come from people, contents are not known."""
    if name == "label_version":
        return pa.repeat(pa.scalar(label_version, pa.int32()), len(labels))
    if name == "label_source":
        return pc.if_else(pc.is_valid(labels), pa.scalar("person"), pa.scalar(None, pa.string()))
    return pa.nulls(len(labels), PROVENANCE_COLUMNS[name])


def _check_rows(columns: Mapping[str, pa.Array], info: ExampleTableInfo) -> None:
    """Raise `ContractError` where a row is none of an example table."""
    if info.is_pool:
        for name in ("split", "label"):
            if columns[name].null_count < len(columns[name]):
                raise ContractError(f"a pool must hold examples without {name}, got one with {name}")
    else:
        for split in columns["split"].unique().to_pylist():
            if split not in SPLIT_NAMES:
                raise ContractError(f"split must be one of {', '.join(SPLIT_NAMES)}, got {split!r}")
    _check_labels(columns["label"], info)
    for source in columns["label_source"].unique().to_pylist():
        if source is not None and source not in LABEL_SOURCES:
            raise ContractError(f"label_source must be one of {', '.join(LABEL_SOURCES)}, got {source!r}")
    if columns["example_id"].null_count or "" in columns["example_id"].unique().to_pylist():
        raise ContractError("example_id must not be empty")


def _check_labels(labels: pa.Array, info: ExampleTableInfo) -> None:
    if info.task == "regression":
        if not pc.all(pc.is_finite(labels.cast(pa.float64())), skip_nulls=True).as_py():
            raise ContractError("a label for regression must be a finite number, got one that is not")
        return
    for label in labels.unique().to_pylist():
        if label is not None and label not in info.class_names:
            raise ContractError(f"label must be one of {', '.join(sorted(info.class_names))}, got {label!r}")
