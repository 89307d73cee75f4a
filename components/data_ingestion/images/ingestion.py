"""Images to the example table: measure, quarantine, drop copies, split, store."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
    shown_name,
    SOURCE_NAME,
)
from components.data_ingestion.images.contact_sheet import contact_sheet
from components.data_ingestion.images.image_set import (
    group_warnings,
    groups_of_pairs,
    image_splits,
    label_counts,
    MeasuredImage,
    pairs_of_images,
    without_copies,
)
from components.data_ingestion.images.labels import ImageEntry, ImageListing, predefined_splits
from components.data_ingestion.images.measures import ImageRecord
from components.data_ingestion.images.reading import ImageReader, measured_images, stored_images
from components.data_ingestion.ingestion_facts import IngestionFacts, Quarantined
from components.data_ingestion.splits import expected_splits
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.problem import Problem, SPLIT_NAMES

_HIDDEN = "(hidden)"
_ROWS_A_BATCH = 256
_BYTES_A_BATCH = 32 << 20


def ingest_images(
    listing: ImageListing, reader: ImageReader, *, source: str, problem: Problem, examples_path: Path
) -> IngestionFacts:
    """Write the example table of a set of images; `source` is for errors.

    Longer than a function should be: it is the one place that shows the order of the steps. Refuses a problem file that
    does not fit images, fewer than two classes with usable images, and a file that changes while it is read.
    """
    roles = image_column_roles(problem)
    declared = problem.label.classes
    entries = [entry for entry in listing.entries if not declared or entry.label in declared]
    ordered_class_names(Counter(str(entry.label) for entry in entries), declared, source=source)
    measured, undecodable = _measured(reader, entries, source=source)
    images, copies, contradictory = without_copies(measured)
    if not images:
        raise ValueError(
            f"{source} must hold examples of two classes or more, but each of its {len(measured)} images also lies "
            f"under another label, {contradictory[0].name} for one"
        )
    class_names = ordered_class_names(label_counts(images), declared, source=source)
    if "label" not in problem.pii_keep:
        check_classes_are_shown(class_names, source=source)
    pairs = pairs_of_images(images)
    groups = groups_of_pairs(len(images), pairs)
    predefined = predefined_splits(listing)
    classes = np.array([class_names.index(image.label) for image in images])
    splits = image_splits(images, pairs, classes=classes, problem=problem, predefined=predefined)
    info = ExampleTableInfo(
        modality="image", class_names=class_names, column_roles=roles, label_version=problem.label.version
    )
    columns = {name: IMAGE_COLUMNS[name] for name in roles}
    with ExampleTableWriter(examples_path, info, extra_columns=columns) as writer:
        writer.keep_personal(problem.pii_keep)
        for batch in _batches(reader, images, splits, columns, problem):
            writer.write(batch)
    converted = [
        Quarantined(name=image.entry.name, reason="; ".join(image.record.conversions))
        for image in images
        if image.record.conversions
    ]
    quarantined = [*listing.quarantined, *undecodable, *contradictory]
    facts = IngestionFacts(
        modality="image",
        class_names=class_names,
        counts=counts_by_split(classes, splits, class_names),
        expected_splits=expected_splits(problem.split, predefined),
        num_seen=len(entries) + len(listing.quarantined),
        num_quarantined=len(quarantined),
        quarantined=tuple(quarantined),
        ignored=listing.ignored,
        left_out={"a label that is not among the problem file's classes": len(listing.entries) - len(entries)},
        dropped_duplicates=tuple(copies),
        near_duplicate_clusters=tuple(tuple(images[i].entry.name for i in group) for group in groups),
        converted=tuple(converted),
        inferred=(*(() if problem.modality else ("the modality is image",)), *listing.inferred),
        warnings=(*class_warnings(label_counts(images), declared), *group_warnings(images, groups)),
        columns={name: (str(roles[name]), str(kind)) for name, kind in columns.items()},
        example_images=tuple(contact_sheet(reader, images, class_names)),
    )
    return _with_hidden_names(facts) if SOURCE_NAME in problem.pii else facts


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
    splits: np.ndarray,
    columns: Mapping[str, pa.DataType],
    problem: Problem,
) -> Iterator[pa.RecordBatch]:
    payloads = stored_images(reader, [(image.entry.location, image.record) for image in images])
    rows: list[tuple[MeasuredImage, int, bytes]] = []
    num_bytes = 0
    for row in zip(images, splits.tolist(), payloads, strict=True):
        rows.append(row)
        num_bytes += len(row[2])
        if len(rows) == _ROWS_A_BATCH or num_bytes >= _BYTES_A_BATCH:
            yield _batch(rows, columns, problem)
            rows, num_bytes = [], 0
    if rows:
        yield _batch(rows, columns, problem)


def _batch(
    rows: Sequence[tuple[MeasuredImage, int, bytes]], columns: Mapping[str, pa.DataType], problem: Problem
) -> pa.RecordBatch:
    images, splits, payloads = zip(*rows, strict=True)
    values = [image_values(shown_name(image.entry.name, problem), image.record) for image in images]
    arrays = {
        "example_id": pa.array([image.record.fingerprint for image in images], pa.string()),
        "split": pa.array([SPLIT_NAMES[split] for split in splits], pa.string()),
        "label": pa.array([image.label for image in images], pa.string()),
        "image": pa.array(payloads, pa.binary()),
        **{name: pa.array([value[name] for value in values], kind) for name, kind in columns.items()},
    }
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
