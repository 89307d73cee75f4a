"""The example table: one row an example, what ingestion writes and every later step reads.

A folder of Parquet shards. Columns that every table has:

- `example_id` (string, unique), `split` (`train`, `validation`, `test`), `label` (a class name; null where unlabelled);
- the payload: `image` (encoded bytes), `text` (string), or the feature columns of a tabular problem;
- derived columns that TFDV can watch, and metadata columns for slices, fairness and time.

Modality, class names and the role of every column are in the Parquet metadata.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args, Literal

import pyarrow as pa

from components.shared.contracts.parquet_folder import ShardReader, ShardWriter
from components.shared.contracts.problem import Modality, SPLIT_NAMES
from components.shared.runtime.errors import ContractError

FORMAT_VERSION = 1
CONTRACT = "example_table"

ColumnRole = Literal[
    "id",
    "split",
    "label",
    "payload",
    "feature",
    "derived",
    "metadata",
    "time",
    "group",
    "slice",
    "sensitive",
    "pii",
    "prediction",
]
PAYLOAD_COLUMNS: dict[str, tuple[tuple[str, pa.DataType], ...]] = {
    "image": (("image", pa.binary()),),
    "text": (("text", pa.string()),),
    "tabular": (),
}
_BASE_COLUMNS = (("example_id", pa.string(), "id"), ("split", pa.string(), "split"), ("label", pa.string(), "label"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleTableInfo:
    """What a table says of itself, known before a row is read.

    Attributes
    ----------
    modality
        `image`, `text` or `tabular`.
    class_names
        The labels that occur, in the order that class indices follow everywhere; empty for an unlabelled table.
    column_roles
        The role of every column.
    label_version
        Version of the label's definition; a change is a declared concept drift.
    """

    modality: Modality
    class_names: tuple[str, ...]
    column_roles: Mapping[str, ColumnRole]
    label_version: int = 1

    def __post_init__(self) -> None:
        if self.modality not in get_args(Modality):
            raise ContractError(f"modality must be image, text or tabular, got {self.modality!r}")
        for column, role in self.column_roles.items():
            if role not in get_args(ColumnRole):
                raise ContractError(
                    f"the role of column {column!r} must be one of {get_args(ColumnRole)}, got {role!r}"
                )

    def columns_of(self, *roles: ColumnRole) -> tuple[str, ...]:
        """Names of the columns that have one of `roles`, in the table's order."""
        return tuple(column for column, role in self.column_roles.items() if role in roles)

    def class_index(self, label: str) -> int:
        """Index of a label in `class_names`; `ContractError` if it is not a known class."""
        try:
            return self.class_names.index(label)
        except ValueError:
            raise ContractError(f"label must be one of {', '.join(self.class_names)}, got {label!r}") from None


class ExampleTableWriter(ShardWriter):
    """Writes an example table as a stream, with checks.

    Parameters
    ----------
    info
        What the table holds. Roles of the base and payload columns are added where they are missing.
    extra_columns
        Names and Arrow types of the columns beyond `example_id`, `split`, `label` and the payload.

    Raises
    ------
    ContractError
        From `write`, if a split or label is unknown or an `example_id` is empty; from the constructor, if an
        extra column has no role.
    """

    def __init__(self, path: str | Path, info: ExampleTableInfo, *, extra_columns: Mapping[str, pa.DataType]) -> None:
        payload = PAYLOAD_COLUMNS[info.modality]
        roles: dict[str, ColumnRole] = {name: role for name, _, role in _BASE_COLUMNS}  # type: ignore[misc]
        roles.update({name: "payload" for name, _ in payload})
        for name in extra_columns:
            if name not in info.column_roles:
                raise ContractError(f"column {name!r} must have a role, got roles for {', '.join(info.column_roles)}")
            roles[name] = info.column_roles[name]
        schema = pa.schema(
            [(name, kind) for name, kind, _ in _BASE_COLUMNS] + list(payload) + list(extra_columns.items())
        )
        self._class_names = frozenset(info.class_names)
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
            },
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch; see the class for the checks."""
        columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
        for split in columns["split"].unique().to_pylist():
            if split not in SPLIT_NAMES:
                raise ContractError(f"split must be one of {', '.join(SPLIT_NAMES)}, got {split!r}")
        for label in columns["label"].unique().to_pylist():
            if label is not None and label not in self._class_names:
                raise ContractError(f"label must be one of {', '.join(sorted(self._class_names))}, got {label!r}")
        if columns["example_id"].null_count or "" in columns["example_id"].unique().to_pylist():
            raise ContractError("example_id must not be empty")
        super().write(batch)


class ExampleTable(ShardReader):
    """Reads an example table as a stream.

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
            column_roles=content["column_roles"],
            label_version=content["label_version"],
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """Examples by split and label, `{"train": {"cat": 350, ...}, ...}`; unlabelled ones under the empty string."""
        counts: dict[str, dict[str, int]] = {split: {} for split in SPLIT_NAMES}
        for batch in self.iter_batches(["split", "label"], batch_rows=65536):
            for split, label in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                counts[split][label or ""] = counts[split].get(label or "", 0) + 1
        return counts
