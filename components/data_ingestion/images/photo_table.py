"""The images of a table: rows that name or hold photos, with their labels and the table's other columns."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_ingestion.event_times import event_times, NO_TIME
from components.data_ingestion.images.columns import photo_table_columns, PhotoTableColumns
from components.data_ingestion.images.labels import claims_to_be_image, ImageEntry, ImageListing, why_ignored
from components.data_ingestion.images.personal_columns import (
    carried_columns,
    carried_entries,
    personal_number_columns,
)
from components.data_ingestion.images.table_reading import ROW
from components.data_ingestion.ingestion_facts import Quarantined
from components.data_ingestion.label_provenance import RefusedRowError, row_provenance, RowProvenance
from components.data_ingestion.table_scan import ScannedTable
from components.shared.contracts.problem import Problem
from components.shared.tables.column_roles import personal_numbers_words
from components.shared.tables.column_types import as_type
from components.shared.tables.label_expression import LabelExpression
from components.shared.tables.opening import opened, readable
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.photo_file_names import readable_name
from components.shared.tables.photo_labels import photo_labels
from components.shared.tables.photo_places import PhotoPlaces, shown_uri, UnusablePathError
from components.shared.tables.photo_tables import stores_images
from components.shared.tables.repairs import FailedRepairs
from components.shared.tables.table_files import TableFile
from components.shared.tables.table_rows import iter_rows, Rows
from components.shared.tables.value_cleaning import MAX_VALUE_BYTES, too_long, ValueCleaning

NO_PATH = "it names no photo"
NO_ID = "it has no identifier"
_BATCH_ROWS = 16384


@dataclass(kw_only=True, slots=True)
class _Found:
    """What the rows give, as they are read; `named` are the readable names of all files that they name."""

    entries: list[ImageEntry] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    parts: list[pa.Table] = field(default_factory=list)
    num_rows: int = 0
    failed: FailedRepairs = field(default_factory=FailedRepairs)


def photo_table_listing(table: ScannedTable, image: str, *, problem: Problem, places: PhotoPlaces) -> ImageListing:
    """The images of a table's rows, in their order.

    Rows without a label are unlabelled; rows that name no photo, or one that is not there or may not be read, are
    quarantined, and so are photos that were listed below the folder but that no row names.

    Parameters
    ----------
    image
        The column of paths, URIs or encoded images.
    places
        Where the photos lie; `listed` is None where only the table says which there are.

    Raises
    ------
    ValueError
        If the problem file does not fit the table, or identifiers repeat.
    """
    uri = table.file.uri
    plan = photo_table_columns(table.types, image, problem, source=uri)
    found = _Found(quarantined=table.quarantined())
    # Encoded images are read one by one later, not with the other columns.
    paths_in = None if stores_images(table.file, image) else image
    for rows, num_rows in _row_batches(table.file, plan, paths_in, found.failed):
        places_of_rows = [_stored_place(table, found.num_rows + row) for row in range(num_rows)]
        if paths_in is not None:
            places_of_rows = [_place(path, places) for path in as_type(rows[image], pa.string()).to_pylist()]
        try:
            typed = _Rows.of(rows, plan, num_rows, cleaning=table.file.cleaning)
        except RefusedRowError as error:
            raise ValueError(f"{table.row_name(found.num_rows + error.row)}: {error}") from error
        _add(found, typed, places_of_rows, table)
    if not found.num_rows:
        raise ValueError(f"{uri} must hold rows below its header, but holds none")
    _check_ids(found.entries, plan, uri)
    columns = pa.concat_tables(found.parts)
    personal = personal_number_columns(columns, found.entries, plan, problem)
    columns = carried_columns(columns, plan, problem, personal)
    entries = carried_entries(found.entries, columns, plan, problem, personal)
    inferred = (*plan.inferred, *(personal_numbers_words(name, kind) for name, kind in personal.items()))
    if paths_in is not None:
        entries, splits = _with_places(entries, needs_labels=plan.label is None)
        inferred = (*inferred, *splits)
    unnamed, ignored = ([], []) if paths_in is None else _unnamed(found.named, places, table.file.name)
    return ImageListing(
        entries=tuple(entry for entry in entries if entry.label is not None),
        unlabelled=tuple(entry for entry in entries if entry.label is None),
        quarantined=(*found.quarantined, *unnamed),
        ignored=tuple(ignored),
        inferred=(*table.file.inferred, *inferred),
        warnings=tuple(table.failed_repairs(found.failed, personal={*problem.pii, *personal})),
        columns=columns if plan.carried else None,
        carried=plan.carried,
        image_column=image,
        personal=frozenset(personal),
        label=plan.label if isinstance(plan.label, str) else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    """N rows.

    Attributes
    ----------
    labels, groups
        None where a row has none.
    ids
        None where the table has none.
    carried
        Columns of the example table.
    provenance
        Where the labels come from.
    times
        Shape (N,), float64; None where time plays no part.
    reasons
        Why a row cannot be used whatever its photo; None where it can.
    """

    labels: list[str | None]
    groups: list[str | None]
    ids: list[str | None] | None
    carried: pa.Table
    provenance: RowProvenance
    times: np.ndarray | None
    reasons: list[str | None]

    @classmethod
    def of(cls, rows: Rows, plan: PhotoTableColumns, num_rows: int, *, cleaning: ValueCleaning) -> "_Rows":
        typed = {name: cleaning.column(rows[name], plan.types[name]) for name in plan.needed}
        ids = None if plan.id is None else as_type(typed[plan.id], pa.string()).to_pylist()
        reasons: list[str | None] = [None] * num_rows
        for name in plan.needed:
            if (is_long := too_long(rows[name])) is not None:
                for row in pc.indices_nonzero(is_long).to_pylist():
                    reasons[row] = f"its value of {name!r} is longer than {MAX_VALUE_BYTES >> 20} MB"
        for row, example_id in enumerate(ids or ()):
            reasons[row] = reasons[row] or (NO_ID if example_id is None else None)
        labels = _labels(rows, typed, plan, num_rows, cleaning)
        times = None if plan.time is None else event_times(typed[plan.time])
        if times is not None:
            # A photo without a label goes to the pool, which has no splits.
            lacking = [row for row in np.flatnonzero(~np.isfinite(times)).tolist() if labels[row] or not plan.label]
            reasons = [reason or (NO_TIME if row in lacking else None) for row, reason in enumerate(reasons)]
        return cls(
            labels=labels,
            groups=[None] * num_rows if plan.group is None else as_type(typed[plan.group], pa.string()).to_pylist(),
            ids=ids,
            carried=pa.table({name: typed[source] for name, source in plan.carried.items()}),
            # Places label every photo or none, which is not known yet.
            provenance=row_provenance(
                typed,
                pa.array(labels if plan.label else ["by its place"] * num_rows, pa.string()),
                plan.provenance,
                plan.label_version,
            ),
            times=times,
            reasons=reasons,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a row's photo lies, or why it cannot be used; `name` is what a person knows it by."""

    name: str
    location: str = ""
    reason: str | None = None


def _row_batches(
    file: TableFile, plan: PhotoTableColumns, paths_in: str | None, failed: FailedRepairs
) -> Iterator[tuple[Rows, int]]:
    wanted = tuple(dict.fromkeys([*(() if paths_in is None else (paths_in,)), *plan.needed]))
    if not wanted:
        with readable(file.uri), opened(file.uri, unpack=False) as stream:
            yield {}, parquet_file(stream).metadata.num_rows
        return
    for rows in iter_rows(file, wanted, batch_rows=_BATCH_ROWS, ragged=[], failed=failed):
        yield rows, len(rows[wanted[0]])


def _stored_place(table: ScannedTable, row: int) -> _Place:
    return _Place(name=table.row_name(row), location=f"{ROW}{row}")


def _place(path: str | None, places: PhotoPlaces) -> _Place:
    if path is None or not path.strip():
        return _Place(name="", reason=NO_PATH)
    try:
        name, location = places.place(path.strip())
    except UnusablePathError as error:
        return _Place(name=readable_name(shown_uri(path.strip())), reason=str(error))
    return _Place(name=name, location=location)


def _add(found: _Found, rows: _Rows, places: Sequence[_Place], table: ScannedTable) -> None:
    sources, versions = rows.provenance.sources.to_pylist(), rows.provenance.versions.to_pylist()
    for number, place in enumerate(places):
        row = found.num_rows + number
        reason = place.reason or rows.reasons[number]
        found.named.add(place.name)
        if reason is not None:
            found.quarantined.append(Quarantined(name=place.name or table.row_name(row), reason=reason))
            continue
        entry = ImageEntry(
            name=place.name,
            location=place.location,
            label=rows.labels[number],
            example_id=None if rows.ids is None else rows.ids[number],
            group=rows.groups[number],
            row=row,
            label_source=sources[number] or "person",
            label_version=versions[number],
            is_older=bool(rows.provenance.is_older[number]),
            train_only=bool(rows.provenance.train_only[number]),
            time=None if rows.times is None else float(rows.times[number]),
        )
        found.entries.append(entry)
    found.parts.append(rows.carried)
    found.num_rows += len(places)


def _labels(
    rows: Rows, typed: Rows, plan: PhotoTableColumns, num_rows: int, cleaning: ValueCleaning
) -> list[str | None]:
    if plan.label is None:
        return [None] * num_rows
    if isinstance(plan.label, LabelExpression):
        labels = plan.label.evaluate(typed).cast(pa.string())
    else:
        labels = cleaning.of_labels.column(rows[plan.label], pa.string())
    values: list[str | None] = labels.to_pylist()
    return values


def _check_ids(entries: Sequence[ImageEntry], plan: PhotoTableColumns, uri: str) -> None:
    if plan.id is None:
        return
    if num_same := len(entries) - len({entry.example_id for entry in entries}):
        raise ValueError(
            f"the id column {plan.id!r} of {uri} must be unique, but {num_same} of {len(entries)} rows repeat an "
            "earlier one's"
        )


def _with_places(entries: Sequence[ImageEntry], *, needs_labels: bool) -> tuple[list[ImageEntry], list[str]]:
    """The entries with the splits, and where needed the labels, that their places give; what was inferred."""
    # A URI's folders say nothing of its photo.
    names = [PurePosixPath(entry.name).name if "://" in entry.name else entry.name for entry in entries]
    found = photo_labels(names)
    labels = found.labels if needs_labels else [entry.label for entry in entries]
    told = zip(entries, labels, found.splits, strict=True)
    inferred = [f"splits come from the folders {', '.join(found.split_folders)}"] if found.split_folders else []
    return [replace(entry, label=label, split=split) for entry, label, split in told], inferred


def _unnamed(
    named: Collection[str], places: PhotoPlaces, table_name: str
) -> tuple[list[Quarantined], list[Quarantined]]:
    """Photos below the folder that no row names, and files that are no photos."""
    listed = sorted(set(places.listed or ()) - set(named) - {table_name})
    photos = [
        Quarantined(name=name, reason=f"{table_name} does not name it") for name in listed if claims_to_be_image(name)
    ]
    others = [Quarantined(name=name, reason=why_ignored(name)) for name in listed if not claims_to_be_image(name)]
    return photos, others
