"""Images to the example table and the pool: measure, quarantine, drop copies, split, store."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.data_ingestion.class_names import (
    check_classes_are_shown,
    class_warnings,
    counts_by_split,
    ordered_class_names,
)
from components.data_ingestion.images.columns import (
    image_column_roles,
    IMAGE_COLUMNS,
    image_values,
    kept_image_columns,
    photo_source_roles,
    shown_name,
    SOURCE_NAME,
)
from components.data_ingestion.images.contact_sheet import contact_sheet
from components.data_ingestion.images.image_set import (
    content_ids,
    group_warnings,
    groups_of_pairs,
    image_placement,
    label_counts,
    MeasuredImage,
    pairs_of_images,
    without_copies,
)
from components.data_ingestion.images.labels import ImageEntry, ImageListing, predefined_splits
from components.data_ingestion.images.measures import ImageRecord
from components.data_ingestion.images.reading import ImageReader, measured_images, stored_images
from components.data_ingestion.ingestion_facts import IngestionFacts, Quarantined
from components.data_ingestion.label_provenance import OLDER
from components.data_ingestion.pool import write_pool
from components.data_ingestion.splits.line import expected_splits
from components.data_ingestion.splits.time_order import LEFT_OUT
from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.problem import Problem, SPLIT_NAMES
from components.shared.contracts.split_record import KnownSplits

_HIDDEN = "(hidden)"
_ROWS_A_BATCH = 256
_BYTES_A_BATCH = 32 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageTables:
    """Where the example table and the pool are written."""

    examples: Path
    pool: Path


def ingest_images(
    listing: ImageListing,
    reader: ImageReader,
    *,
    source: str,
    problem: Problem,
    tables: ImageTables,
    known: KnownSplits | None = None,
) -> IngestionFacts:
    """Write the example table of a set of images, and the pool of its unlabelled ones; `source` is for errors.

    Longer than a function should be: it is the one place that shows the order of the steps. Refuses a problem file that
    does not fit images, fewer than two classes with usable images where any is labelled, and a file that changes while
    it is read.
    """
    roles = image_column_roles(problem, listing.carried, listing.image_column, listing.personal)
    declared = problem.label.classes
    of_classes = [entry for entry in listing.entries if not declared or entry.label in declared]
    entries = [entry for entry in of_classes if problem.label.keep_older or not entry.is_older]
    if listing.entries or not listing.unlabelled:
        ordered_class_names(Counter(str(entry.label) for entry in entries), declared, source=source)
    measured, undecodable = _measured(reader, [*entries, *listing.unlabelled], source=source)
    kept, copies, contradictory = without_copies(measured)
    images = [image for image in kept if image.entry.label is not None]
    unlabelled = [image for image in kept if image.entry.label is None]
    if contradictory and not images:
        raise ValueError(
            f"{source} must hold examples of two classes or more, but each of its {len(measured)} images also lies "
            f"under another label, {contradictory[0].name} for one"
        )
    class_names = ordered_class_names(label_counts(images), declared, source=source) if images else declared
    kept_columns = kept_image_columns(problem, listing.carried, listing.label)
    if "label" not in kept_columns:
        check_classes_are_shown(class_names, source=source)
    pairs = pairs_of_images(images)
    groups = groups_of_pairs(len(images), pairs)
    predefined = predefined_splits(listing)
    classes = np.array([class_names.index(image.label) for image in images], dtype=np.int64)
    placement = image_placement(
        images,
        pairs,
        classes=classes,
        class_names=class_names,
        problem=problem,
        predefined=predefined,
        known=known,
        source=source,
    )
    splits, placed = placement.splits, placement.splits != LEFT_OUT
    info = _info(listing, problem, class_names, roles)
    version = problem.label.version
    beside = {} if listing.columns is None else {field.name: field.type for field in listing.columns.schema}
    columns = {name: {**IMAGE_COLUMNS, **beside}[name] for name in roles}
    stored = [image for image, is_placed in zip(images, placed.tolist(), strict=True) if is_placed]
    split_names = [SPLIT_NAMES[split] for split in splits[placed].tolist()]

    def batches(some: Sequence[MeasuredImage], their_splits: Sequence[str | None]) -> Iterator[pa.RecordBatch]:
        names = [shown_name(image.entry.name, problem, listing.image_column) for image in some]
        return _batches(reader, some, names, their_splits, columns, listing.columns, version)

    with ExampleTableWriter(tables.examples, info, extra_columns=columns) as writer:
        writer.keep_personal(kept_columns)
        for batch in batches(stored, split_names):
            writer.write(batch)
    pooled = batches(unlabelled, [None] * len(unlabelled))
    write_pool(tables.pool, info, pooled, extra_columns=columns, kept=kept_columns)
    quarantined = [*listing.quarantined, *undecodable, *contradictory]
    facts = IngestionFacts(
        modality="image",
        class_names=class_names,
        counts=counts_by_split(classes[placed], splits[placed], class_names),
        expected_splits=expected_splits(problem.split, predefined),
        split_notes=placement.notes,
        num_seen=len(entries) + len(listing.unlabelled) + len(listing.quarantined),
        num_pool=len(unlabelled),
        num_quarantined=len(quarantined),
        quarantined=tuple(quarantined),
        ignored=listing.ignored,
        left_out={
            "a label that is not among the problem file's classes": len(listing.entries) - len(of_classes),
            OLDER: len(of_classes) - len(entries),
            **placement.left_out,
        },
        dropped_duplicates=tuple(copies),
        near_duplicate_clusters=tuple(tuple(images[i].entry.name for i in group) for group in groups),
        converted=_converted(kept),
        inferred=(*(() if problem.modality else ("the modality is image",)), *listing.inferred),
        warnings=(
            *listing.warnings,
            *class_warnings(label_counts(images), declared),
            *group_warnings(images, groups),
        ),
        columns={name: (", ".join(roles[name]), str(kind)) for name, kind in columns.items()},
        example_images=tuple(contact_sheet(reader, images, class_names)),
    )
    return _with_hidden_names(facts) if {SOURCE_NAME, listing.image_column} & set(problem.pii) else facts


def _info(
    listing: ImageListing, problem: Problem, class_names: tuple[str, ...], roles: Mapping[str, tuple[ColumnRole, ...]]
) -> ExampleTableInfo:
    """What the tables say of themselves, with the roles of a source table's own columns where there is one."""
    label: dict[str, str] = {}
    source_roles: dict[str, list[str]] = {}
    if listing.carried is not None and listing.image_column is not None:
        source_roles = photo_source_roles(roles, listing.carried, listing.image_column, listing.label, problem)
        told = {"column": listing.label, "expression": problem.label.expression}
        label = {how: what for how, what in told.items() if what is not None}
    return ExampleTableInfo(
        modality="image",
        class_names=class_names,
        column_roles=roles,
        label_version=problem.label.version,
        label=label,
        source_roles=source_roles,
        repairs=problem.repairs,
        pinned_slices=problem.slices.pinned,
    )


def _converted(images: Sequence[MeasuredImage]) -> tuple[Quarantined, ...]:
    return tuple(
        Quarantined(name=image.entry.name, reason="; ".join(image.record.conversions))
        for image in images
        if image.record.conversions
    )


def _with_hidden_names(facts: IngestionFacts) -> IngestionFacts:
    """The facts for a verdict and a report that may not show the names of files."""

    def hidden(items: Sequence[Quarantined]) -> tuple[Quarantined, ...]:
        return tuple(replace(item, name=_HIDDEN) for item in items)

    return replace(
        facts,
        quarantined=hidden(facts.quarantined),
        ignored=hidden(facts.ignored),
        converted=hidden(facts.converted),
        dropped_duplicates=((_HIDDEN, _HIDDEN),) * len(facts.dropped_duplicates),
        near_duplicate_clusters=tuple((_HIDDEN,) * len(names) for names in facts.near_duplicate_clusters),
    )


def _measured(
    reader: ImageReader, entries: Sequence[ImageEntry], *, source: str
) -> tuple[list[MeasuredImage], list[Quarantined]]:
    images, undecodable = [], []
    records = measured_images(reader, [entry.location for entry in entries])
    for entry, record in zip(entries, records, strict=True):
        if isinstance(record, ImageRecord):
            images.append(MeasuredImage(entry=entry, record=record))
        else:
            undecodable.append(Quarantined(name=entry.name, reason=record))
    if not images:
        raise ValueError(
            f"{source} must hold images that can be decoded, but none of {len(undecodable)} can; "
            f"the first one cannot since {undecodable[0].reason}"
        )
    return images, undecodable


def _batches(
    reader: ImageReader,
    images: Sequence[MeasuredImage],
    names: Sequence[str],
    splits: Sequence[str | None],
    columns: Mapping[str, pa.DataType],
    beside: pa.Table | None,
    label_version: int,
) -> Iterator[pa.RecordBatch]:
    payloads = stored_images(reader, [(image.entry.location, image.record) for image in images])
    rows: list[tuple[MeasuredImage, str, str | None, bytes]] = []
    num_bytes = 0
    for row in zip(images, names, splits, payloads, strict=True):
        rows.append(row)
        num_bytes += len(row[3])
        if len(rows) == _ROWS_A_BATCH or num_bytes >= _BYTES_A_BATCH:
            yield _batch(rows, columns, beside, label_version)
            rows, num_bytes = [], 0
    if rows:
        yield _batch(rows, columns, beside, label_version)


def _provenance(entries: Sequence[ImageEntry], label_version: int) -> dict[str, pa.Array]:
    sources = [None if entry.label is None else entry.label_source for entry in entries]
    versions = [entry.label_version or label_version for entry in entries]
    return {"label_source": pa.array(sources, pa.string()), "label_version": pa.array(versions, pa.int32())}


def _batch(
    rows: Sequence[tuple[MeasuredImage, str, str | None, bytes]],
    columns: Mapping[str, pa.DataType],
    beside: pa.Table | None,
    label_version: int,
) -> pa.RecordBatch:
    """Examples of one batch; `beside` are the columns of the source's table, by the entries' rows."""
    images, names, splits, payloads = zip(*rows, strict=True)
    values = [image_values(name, image.record) for image, name in zip(images, names, strict=True)]
    arrays = {
        "example_id": pa.array([image.example_id for image in images], pa.string()),
        "split": pa.array(splits, pa.string()),
        "label": pa.array([image.entry.label for image in images], pa.string()),
        "content_id": pa.array(content_ids(images), pa.uint64()),
        **_provenance([image.entry for image in images], label_version),
        "image": pa.array(payloads, pa.binary()),
    }
    taken = None if beside is None else beside.take(pa.array([image.entry.row for image in images], pa.int64()))
    for name, kind in columns.items():
        if taken is not None and name in taken.schema.names:
            arrays[name] = taken.column(name).combine_chunks().cast(kind)
        else:
            arrays[name] = pa.array([value[name] for value in values], kind)
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
