"""Labels by people and models, merged into a new version of an example table; the old one stays as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_lineage import ChangeKind, LabelChange
from components.shared.contracts.label_versions.placement import split_fractions
from components.shared.contracts.label_versions.plan import merge_plan, MergePlan
from components.shared.contracts.label_versions.updates import (
    AGREEMENT_COLUMN,
    LabelUpdate,
    MODEL_LABEL_COLUMNS,
    RefusedUpdate,
    updates_fingerprint,
)
from components.shared.contracts.label_versions.writing import (
    copy_table,
    merged_batches,
    table_fingerprint,
    write_version,
)
from components.shared.runtime.errors import ContractError


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedLabels:
    """What a merge did.

    Attributes
    ----------
    num_changed, num_removed, num_confirmed
        Labels of the table that are another class now, or one where there was none; that are none any more; and that
        a person found right.
    num_added, num_unchanged, num_overruled
        Rows that joined from the pool; updates that changed nothing; labels by models of examples that a person labels
        in the same merge.
    changes
        How many labels of the table went from one to another, by both names; the empty text stands for no label.
    added
        How many rows joined each split.
    refused
        Updates that were not merged, and why.
    is_new
        Whether there is a new version; else the table was copied as it is, for all was merged before.
    """

    num_changed: int
    num_removed: int
    num_confirmed: int
    changes: Mapping[tuple[str, str], int]
    num_added: int = 0
    num_unchanged: int = 0
    num_overruled: int = 0
    added: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[RefusedUpdate, ...] = ()
    is_new: bool = True


def merge_updates(
    table: ExampleTable,
    updates: Sequence[LabelUpdate],
    path: str | Path,
    *,
    pool: ExampleTable | None = None,
    kind: ChangeKind = "labels",
    is_strict: bool = False,
    served: Mapping[str, Any] | None = None,
) -> MergedLabels:
    """Write a new version of an example table with labels that were given.

    A person's label comes before a model's, never the reverse. Rows of the pool that get a label join the table: see
    `placement` for their split. What a person gave or confirmed is a person's from then on, by the table's definition
    of the label; all else is copied as it is. What changes nothing, or was merged before, gives a copy.

    Parameters
    ----------
    table
        The example table that the labels are of, of classes; not a pool.
    updates
        See `merge_plan`. Identifiers that scoring hashed, for they hold personal data, are recognised.
    path
        Folder of the new table; see `version_folder` for one that is never half.
    pool
        Where examples come from that the table does not have.
    kind
        `corrections` may replace what a person said before; `labels` may not.
    is_strict
        Whether an update that cannot be merged is an error, rather than left out.
    served
        Where the pool's rows came from a serving log, for the lineage; see `LabelChange`.

    Raises
    ------
    ContractError
        If the label is a number, the table is a pool, the pool does not fit it, or an update cannot be merged where
        that is an error; then nothing is written.
    """
    _check(table)
    if pool is not None and not pool.info.is_pool and pool.info.modality == table.info.modality:
        # The table itself, or a copy that a step hands on: its unlabelled rows are the pool.
        pool = None
    plan = merge_plan(table, updates, pool=pool, corrects=kind == "corrections")
    if plan.refused and is_strict:
        raise ContractError(_all_refused(plan))
    labels = updates_fingerprint(updates)
    is_known = kind == "labels" and any(change.labels == labels for change in table.info.lineage)
    if plan.is_empty or is_known:
        copy_table(table, path)
        return _nothing_new(plan)
    merged = _merged(plan)
    change = LabelChange(
        kind=kind,
        parent=table_fingerprint(table),
        labels=labels,
        counts=_counts(merged),
        round_number=max((update.round_number or 0 for update in updates), default=0) or None,
        fractions=split_fractions(table),
        served=served or {},
    )
    origin = _origin(plan)
    write_version(table, path, merged_batches(table, pool, plan, origin), change, origin=origin)
    return merged


def _check(table: ExampleTable) -> None:
    if table.info.task == "regression":
        raise ContractError(f"labels that are merged must be classes, but those of {table.path} are numbers")
    if table.info.is_pool:
        raise ContractError(f"{table.path} must be a table with splits, but is a pool: give the table beside it")


def _all_refused(plan: MergePlan) -> str:
    first, *others = plan.refused
    return f"{first.reason}; {len(others)} more cannot be merged either" if others else first.reason


def _merged(plan: MergePlan) -> MergedLabels:
    num_removed = sum(times for (_, label), times in plan.changes.items() if not label)
    splits = [split for split, _ in plan.new_rows.values()]
    return MergedLabels(
        num_changed=plan.changes.total() - num_removed,
        num_removed=num_removed,
        num_confirmed=plan.num_confirmed,
        changes=dict(plan.changes),
        num_added=len(splits),
        num_unchanged=plan.num_unchanged,
        num_overruled=plan.num_overruled,
        added={split: splits.count(split) for split in sorted(set(splits))},
        refused=tuple(plan.refused),
    )


def _nothing_new(plan: MergePlan) -> MergedLabels:
    return MergedLabels(
        num_changed=0,
        num_removed=0,
        num_confirmed=plan.num_confirmed,
        changes={},
        num_unchanged=len(plan.updates) - len(plan.refused),
        num_overruled=plan.num_overruled,
        refused=tuple(plan.refused),
        is_new=False,
    )


def _counts(merged: MergedLabels) -> dict[str, int]:
    names = ("num_changed", "num_removed", "num_confirmed", "num_added", "num_unchanged", "num_overruled")
    return {name: getattr(merged, name) for name in names} | {"num_refused": len(merged.refused)}


def _origin(plan: MergePlan) -> tuple[str, ...]:
    """Columns that say where labels come from, as far as the new labels need them."""
    labels = [*plan.labels.values(), *(label for _, label in plan.new_rows.values())]
    by_models = any(label.label_source == "model" for label in labels)
    agreed = any(label.label_agreement is not None for label in labels)
    return (*(MODEL_LABEL_COLUMNS if by_models else ()), *((AGREEMENT_COLUMN,) if agreed else ()))
