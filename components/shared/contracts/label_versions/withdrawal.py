"""The labels of one model version, taken back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ExampleTable, PROVENANCE_COLUMNS
from components.shared.contracts.label_lineage import LabelChange, withdrawn_models
from components.shared.contracts.label_versions.placement import split_fractions
from components.shared.contracts.label_versions.updates import StoredLabel
from components.shared.contracts.label_versions.writing import (
    columns_of_version,
    copy_table,
    table_fingerprint,
    with_labels,
    write_version,
)
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_json

_MODEL = "label_model"


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawnLabels:
    """What a withdrawal did.

    Attributes
    ----------
    num_removed, num_unlabelled
        Rows of the pool that left the table, and rows of the table that have no label any more.
    is_new
        Whether there is a new version; else the labels had been withdrawn before, and the table was copied.
    """

    num_removed: int
    num_unlabelled: int
    is_new: bool = True


def withdraw_labels(
    table: ExampleTable, model_version: str, path: str | Path, *, pool: ExampleTable | None = None
) -> WithdrawnLabels:
    """Write a new version without the labels that a model version gave; a person's labels stay.

    Parameters
    ----------
    table
        The example table; it stays as it is.
    model_version
        As `label_model` names it.
    path
        Folder of the new table; see `version_folder`.
    pool
        Rows with such a label that are examples of the pool leave the table, for they joined it with that label. The
        others, and all without a pool, stay unlabelled.

    Raises
    ------
    ContractError
        If no label of the table is by that model version, and none was withdrawn.
    """
    ids = _labelled_by(table, model_version)
    if not ids:
        if model_version in withdrawn_models(table.info.lineage):
            copy_table(table, path)
            return WithdrawnLabels(num_removed=0, num_unlabelled=0, is_new=False)
        raise ContractError(
            f"the model version must be one that labelled examples of {table.path}, {_known(table)}, "
            f"got {model_version!r}"
        )
    removed = _among(pool, ids) if pool is not None and pool.info.is_pool else frozenset()
    counts = {"num_removed": len(removed), "num_unlabelled": len(ids) - len(removed)}
    change = LabelChange(
        kind="withdrawal",
        parent=table_fingerprint(table),
        labels=fingerprint_json(["withdrawal", model_version]),
        counts=counts,
        model_version=model_version,
        fractions=split_fractions(table),
    )
    write_version(table, path, _batches(table, frozenset(ids), removed), change)
    return WithdrawnLabels(num_removed=counts["num_removed"], num_unlabelled=counts["num_unlabelled"])


def _labelled_by(table: ExampleTable, model_version: str) -> list[str]:
    """Identifiers of the rows whose label the model version gave."""
    if _MODEL not in table.schema.names:
        return []
    ids: list[str] = []
    for batch in table.iter_batches(["example_id", "label_source", _MODEL]):
        is_its = pc.and_(pc.equal(batch.column(1), "model"), pc.equal(batch.column(2), model_version))
        ids += batch.column(0).filter(pc.fill_null(is_its, False)).to_pylist()
    return ids


def _known(table: ExampleTable) -> str:
    models: set[str] = set()
    if _MODEL in table.schema.names:
        rows = table.read([_MODEL, "label_source"])
        models = set(rows.column(0).filter(pc.fill_null(pc.equal(rows.column(1), "model"), False)).to_pylist())
    names = sorted(str(name) for name in models if name is not None)
    return f"one of {', '.join(names)}" if names else "but no model did"


def _among(pool: ExampleTable, ids: list[str]) -> frozenset[str]:
    wanted, found = pa.array(ids, pa.string()), set()
    for batch in pool.iter_batches(["example_id"], batch_rows=65536):
        found.update(batch.column(0).filter(pc.is_in(batch.column(0), value_set=wanted)).to_pylist())
    return frozenset(found)


def _batches(table: ExampleTable, ids: frozenset[str], removed: frozenset[str]) -> Iterator[pa.RecordBatch]:
    columns: Mapping[str, pa.DataType] = columns_of_version(table, ())
    none = StoredLabel(label=None, label_source=None, label_version=table.info.label_version)
    for batch in table.iter_batches(list(dict.fromkeys([*table.schema.names, *PROVENANCE_COLUMNS]))):
        names = batch.column(batch.schema.get_field_index("example_id")).to_pylist()
        changed = with_labels(batch, {row: none for row, name in enumerate(names) if name in ids}, columns)
        yield changed.filter(pa.array(np.array([name not in removed for name in names], dtype=bool)))
