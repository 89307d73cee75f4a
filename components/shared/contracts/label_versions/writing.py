"""Writing a version of an example table: rows as they were, with other labels, or fewer, or more."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
import shutil

import numpy as np
import pyarrow as pa

from components.shared.contracts.example_table import (
    ColumnRole,
    ExampleTable,
    ExampleTableWriter,
    PAYLOAD_COLUMNS,
    PROVENANCE_COLUMNS,
)
from components.shared.contracts.label_lineage import LabelChange
from components.shared.contracts.label_versions.matching import ExampleMatcher, matched_rows, NO_MATCH
from components.shared.contracts.label_versions.placement import content_of_rows
from components.shared.contracts.label_versions.plan import MergePlan
from components.shared.contracts.label_versions.updates import ORIGIN_COLUMNS, StoredLabel
from components.shared.runtime.fingerprints import fingerprint_files
from components.shared.tables.personal_columns import kept_columns

_BASE_TYPES: Mapping[str, pa.DataType] = {"example_id": pa.string(), "split": pa.string(), "label": pa.string()}


def table_fingerprint(table: ExampleTable) -> str:
    """Fingerprint of a version: of the bytes of its shards."""
    return fingerprint_files([(shard.name, shard) for shard in table.shards])


def copy_table(table: ExampleTable, path: str | Path) -> None:
    """Copy a version byte for byte: what has nothing new keeps its fingerprint."""
    Path(path).mkdir(parents=True, exist_ok=True)
    for shard in table.shards:
        shutil.copyfile(shard, Path(path) / shard.name)


def write_version(
    table: ExampleTable,
    path: str | Path,
    batches: Iterable[pa.RecordBatch],
    change: LabelChange,
    *,
    origin: Sequence[str] = (),
) -> None:
    """Write batches of `columns_of_version` as the version that `change` makes of `table`.

    `origin` are those of `ORIGIN_COLUMNS` that the version needs beside what the table has.
    """
    columns = columns_of_version(table, origin)
    own = {*_BASE_TYPES, *PROVENANCE_COLUMNS, *(name for name, _ in PAYLOAD_COLUMNS[table.info.modality])}
    of_origin: dict[str, tuple[ColumnRole, ...]] = dict.fromkeys(origin, ("provenance",))
    roles = {**table.info.column_roles, **of_origin}
    info = replace(table.info, column_roles=roles, lineage=(*table.info.lineage, change))
    extra = {name: kind for name, kind in columns.items() if name not in own}
    with ExampleTableWriter(path, info, extra_columns=extra) as writer:
        writer.keep_personal(kept_columns(table.schema))
        for batch in batches:
            writer.write(batch)


def columns_of_version(table: ExampleTable, origin: Sequence[str]) -> dict[str, pa.DataType]:
    """Names and types of the columns of a version."""
    stored = {field.name: field.type for field in table.schema}
    added = {name: ORIGIN_COLUMNS[name] for name in origin if name not in stored}
    return {**stored, **{name: kind for name, kind in PROVENANCE_COLUMNS.items() if name not in stored}, **added}


def merged_batches(
    table: ExampleTable, pool: ExampleTable | None, plan: MergePlan, origin: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Rows of the table with their new labels, then those of the pool that join, in its order."""
    columns = columns_of_version(table, origin)
    yield from _changed_rows(table, plan, columns)
    if pool is not None and plan.new_rows:
        yield from _joining_rows(pool, plan, columns)


def with_labels(
    batch: pa.RecordBatch, labels: Mapping[int, StoredLabel], columns: Mapping[str, pa.DataType]
) -> pa.RecordBatch:
    """A batch in the columns of a version, null where it lacks one, with other labels in some rows."""
    found = {name: batch.column(place) for place, name in enumerate(batch.schema.names)}
    arrays = {
        name: found[name].cast(kind) if name in found else pa.nulls(batch.num_rows, kind)
        for name, kind in columns.items()
    }
    for name in StoredLabel.__dataclass_fields__ if labels else ():
        if name in columns:
            values = arrays[name].to_pylist()
            for row, label in labels.items():
                values[row] = getattr(label, name)
            arrays[name] = _typed(values, columns[name])
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))


def _typed(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """Values in the type of a column that ingestion may have read as another: a round as text, say."""
    if pa.types.is_string(kind):
        return pa.array([None if value is None else str(value) for value in values], kind)
    return pa.array(values).cast(kind)


def _changed_rows(table: ExampleTable, plan: MergePlan, columns: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    places = sorted(plan.labels)
    matcher = ExampleMatcher(table, [plan.updates[place].example_id for place in places])
    for batch in table.iter_batches(list(dict.fromkeys([*table.schema.names, *PROVENANCE_COLUMNS]))):
        hits = matcher.places(batch.column(batch.schema.get_field_index("example_id")))
        rows = np.flatnonzero(hits != NO_MATCH).tolist()
        yield with_labels(batch, {row: plan.labels[places[hits[row]]] for row in rows}, columns)


def _joining_rows(pool: ExampleTable, plan: MergePlan, columns: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    places = sorted(plan.new_rows)
    for joining, hits in matched_rows(pool, [plan.updates[place].example_id for place in places]):
        decided = [plan.new_rows[places[hit]] for hit in hits.tolist()]
        labels = {row: label for row, (_, label) in enumerate(decided)}
        arrays = dict(zip(columns, with_labels(joining, labels, columns).columns, strict=True))
        arrays["split"] = pa.array([split for split, _ in decided], pa.string())
        if pool.info.modality != "image":  # what a photo shows is known by its pixels, which are not decoded here
            contents, _, _ = content_of_rows(joining, pool.info)
            arrays["content_id"] = pa.array(contents, pa.uint64())
        yield pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
