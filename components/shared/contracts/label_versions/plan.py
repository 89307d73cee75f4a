"""What a merge will do, decided before a row is written: which rows change, which join, what is refused and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_lineage import withdrawn_models
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.label_origin import is_person
from components.shared.contracts.label_versions.matching import ExampleMatcher, matched_rows, NO_MATCH
from components.shared.contracts.label_versions.placement import (
    content_of_rows,
    new_row_splits,
    NewRow,
    split_fractions,
)
from components.shared.contracts.label_versions.updates import (
    label_columns_of,
    LabelUpdate,
    RefusalKind,
    RefusedUpdate,
    StoredLabel,
    updated_label,
)
from components.shared.contracts.split_record import splits_of_table
from components.shared.runtime.errors import ContractError


@dataclass(kw_only=True, slots=True)
class MergePlan:
    """What is decided, by the place of an update among N of them.

    Attributes
    ----------
    labels
        What rows of the table become.
    new_rows
        Split and label of rows of the pool that join.
    refused
        Updates that are not merged.
    changes
        How many labels of the table go from one to another, by both names; the empty text stands for no label.
    num_confirmed, num_unchanged, num_overruled
        Labels that a person found right; updates that change nothing at all; labels by models that a person's of the
        same merge comes before.
    """

    updates: tuple[LabelUpdate, ...]
    labels: dict[int, StoredLabel] = field(default_factory=dict)
    new_rows: dict[int, tuple[str, StoredLabel]] = field(default_factory=dict)
    refused: list[RefusedUpdate] = field(default_factory=list)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    num_confirmed: int = 0
    num_unchanged: int = 0
    num_overruled: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether the new version would be the old one."""
        return not self.labels and not self.new_rows

    def refuse(self, place: int, kind: RefusalKind, reason: str) -> None:
        """Leave an update out."""
        self.refused.append(RefusedUpdate(update=self.updates[place], kind=kind, reason=reason))


def merge_plan(
    table: ExampleTable, updates: Sequence[LabelUpdate], *, pool: ExampleTable | None = None, corrects: bool = True
) -> MergePlan:
    """Decide what becomes of every update.

    Parameters
    ----------
    table
        The version that the updates are merged into, of classes.
    updates
        At most one a person and one a model of each example; of two labels by models the later counts.
    pool
        Where examples come from that the table does not have; its rows join the table.
    corrects
        Whether a person's label may replace another person's.

    Raises
    ------
    ContractError
        If people say two things of one example, or the pool does not fit the table.
    """
    if pool is not None:
        _check_pool(table, pool)
    kept, num_overruled = _one_an_example(updates)
    plan = MergePlan(updates=tuple(kept), num_overruled=num_overruled)
    names = _spelled(plan, table)
    places = sorted(names)
    absent = set(places) - _plan_table(plan, table, places, names, corrects=corrects)
    if pool is not None and absent:
        absent -= _plan_pool(plan, table, pool, sorted(absent), names)
    where = f"{table.path}" if pool is None else f"{table.path} or the pool {pool.path}"
    for place in sorted(absent):
        plan.refuse(place, "unknown_example", f"an example of {where} must be named, got {_id(plan, place)!r}")
    return plan


def _one_an_example(updates: Sequence[LabelUpdate]) -> tuple[list[LabelUpdate], int]:
    """One update an example: a person's before a model's, the later of two models'; and how many were overruled."""
    by_people = [update for update in updates if update.source == "person"]
    repeated = [name for name, times in Counter(update.example_id for update in by_people).items() if times > 1]
    if repeated:
        raise ContractError(f"people must say one thing of each example, got two of {repeated[0]!r}")
    by_id = {update.example_id: update for update in updates if update.source == "model"}
    num_overruled = sum(update.example_id in by_id for update in by_people)
    by_id |= {update.example_id: update for update in by_people}
    return list(by_id.values()), num_overruled


def _spelled(plan: MergePlan, table: ExampleTable) -> dict[int, str | None]:
    """Label of each update as the table spells it, by place; those that cannot be merged anyhow are refused."""
    matcher, withdrawn = LabelMatcher(table.info.class_names), withdrawn_models(table.info.lineage)
    names: dict[int, str | None] = {}
    for place, update in enumerate(plan.updates):
        name = matcher.name(update.label)
        if update.label is not None and name is None and not update.is_confirmed:
            classes = ", ".join(table.info.class_names)
            plan.refuse(place, "unknown_class", f"the label must be one of {classes}, got {update.label!r}")
        elif update.source == "model" and update.model_version in withdrawn:
            reason = f"labels by {update.model_version} were withdrawn: give those of another model version"
            plan.refuse(place, "withdrawn", reason)
        else:
            names[place] = name
    return names


def _plan_table(
    plan: MergePlan,
    table: ExampleTable,
    places: Sequence[int],
    names: Mapping[int, str | None],
    *,
    corrects: bool,
) -> set[int]:
    """Decide what becomes of the table's rows; returns the places of the updates that are of one."""
    matcher = ExampleMatcher(table, [_id(plan, place) for place in places])
    columns = label_columns_of(table)
    found: set[int] = set()
    for batch in table.iter_batches(["example_id", "split", *columns]):
        hits = matcher.places(batch.column(0))
        rows = np.flatnonzero(hits != NO_MATCH)
        if not len(rows):
            continue
        for row, told in zip(rows.tolist(), batch.take(pa.array(rows)).to_pylist(), strict=True):
            place = places[hits[row]]
            found.add(place)
            stored = StoredLabel(**{name: told[name] for name in columns})
            _decide(plan, place, stored, told["split"], names[place], table.info.label_version, corrects=corrects)
    return found


def _decide(
    plan: MergePlan,
    place: int,
    stored: StoredLabel,
    split: str | None,
    label: str | None,
    version: int,
    *,
    corrects: bool,
) -> None:
    """What becomes of one row of the table."""
    update = plan.updates[place]
    by_a_person = stored.label is not None and is_person(stored.label_source) and stored.label_version == version
    if update.source == "model" and stored.label is not None and stored.label_source != "model":
        reason = f"{_id(plan, place)!r} must be unlabelled or labelled by a model, but a person or a rule labelled it"
        plan.refuse(place, "labelled_by_a_person", reason)
        return
    if update.source == "model" and split != "train":
        reason = f"a label by a model must be of a row to train on, but {_id(plan, place)!r} is in {split}"
        plan.refuse(place, "held_out", reason)
        return
    new = updated_label(stored, update, label, version=version)
    if not corrects and by_a_person and new.label != stored.label:
        reason = (
            f"a person labelled {_id(plan, place)!r} {stored.label!r} before, got {new.label!r}: correct it with "
            "merge-labels if the new label is right"
        )
        plan.refuse(place, "labelled_otherwise", reason)
        return
    if update.source == "person" and stored.label is not None and new.label == stored.label:
        plan.num_confirmed += 1
    if new == stored:
        plan.num_unchanged += 1
        return
    plan.labels[place] = new
    if new.label != stored.label:
        plan.changes[stored.label or "", new.label or ""] += 1


def _plan_pool(
    plan: MergePlan, table: ExampleTable, pool: ExampleTable, places: Sequence[int], names: Mapping[int, str | None]
) -> set[int]:
    """Decide what becomes of rows of the pool; returns the places of the updates that are of one."""
    found: list[int] = []
    rows: list[NewRow] = []
    for batch, hits in matched_rows(pool, [_id(plan, place) for place in places]):
        found += [places[hit] for hit in hits.tolist()]
        for content, group, position in zip(*content_of_rows(batch, pool.info), strict=True):
            update = plan.updates[found[len(rows)]]
            rows.append(
                NewRow(
                    content=content,
                    group=group,
                    position=position,
                    is_random=update.is_random and update.source == "person",
                    is_by_model=update.source == "model",
                )
            )
    _place(plan, table, found, rows, names)
    return set(found)


def _place(
    plan: MergePlan,
    table: ExampleTable,
    found: Sequence[int],
    rows: Sequence[NewRow],
    names: Mapping[int, str | None],
) -> None:
    """Give rows of the pool their split; those without a label do not join."""
    unlabelled = StoredLabel(label=None, label_source=None, label_version=None)
    splits = new_row_splits(rows, splits_of_table(table), split_fractions(table)) if rows else []
    for place, split in zip(found, splits, strict=True):
        update = plan.updates[place]
        label = updated_label(unlabelled, update, names[place], version=table.info.label_version)
        if label.label is None:
            plan.num_unchanged += 1
        elif split is None:
            reason = (
                f"a label by a model must be of a row to train on, but {_id(plan, place)!r} belongs with held-out rows"
            )
            plan.refuse(place, "held_out", reason)
        else:
            plan.new_rows[place] = (split, label)


def _check_pool(table: ExampleTable, pool: ExampleTable) -> None:
    if pool.info.modality != table.info.modality:
        raise ContractError(
            f"the pool {pool.path} must hold what {table.path} holds, {table.info.modality}, got {pool.info.modality}"
        )
    lacking = [name for name in table.info.columns_of("feature", "payload") if name not in pool.schema.names]
    if lacking:
        raise ContractError(
            f"the pool {pool.path} must have the columns that a model reads in {table.path}, but lacks {lacking[0]!r}: "
            "ingest both by the same problem file"
        )


def _id(plan: MergePlan, place: int) -> str:
    return plan.updates[place].example_id
