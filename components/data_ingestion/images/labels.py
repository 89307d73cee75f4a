"""The images of a source: a folder's files, with the labels and splits that folders and names give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from components.data_ingestion.ingestion_facts import Quarantined
from components.shared.tables.photo_file_names import has_image_suffix, is_debris, readable_name
from components.shared.tables.photo_labels import photo_labels, SPLIT_FOLDERS

_NOT_IN_A_FOLDER = "it lies beside the class folders, not in one"
_NOT_NAMED = "its name is not a class and a number, as in cat.1.jpg"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageEntry:
    """A file that claims to be an image, or a row of a table that names or holds one.

    Attributes
    ----------
    name
        Relative to the source and readable: NFC, forward slashes.
    location
        The same as the store spells it, to read it by.
    label, split
        What table, folder or name says; None where they say nothing.
    example_id, group
        What a table says; None where there is none.
    carried_group
        The group as the example table holds it: an earlier table knows it by this.
    row
        Index into the listing's columns; None where there is no table.
    label_source, label_version
        What a table says of the label: `person`, `model` or `rule`; its definition's version, None for the present one.
    is_older, train_only
        As in `RowProvenance`.
    time
        When a table says that it happened; None where time plays no part.
    """

    name: str
    location: str
    label: str | None = None
    split: str | None = None
    example_id: str | None = None
    group: str | None = None
    carried_group: str | None = None
    row: int | None = None
    label_source: str = "person"
    label_version: int | None = None
    is_older: bool = False
    train_only: bool = False
    time: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageListing:
    """The images of a source, and files that are ignored.

    Attributes
    ----------
    entries
        Labelled ones.
    unlabelled
        Those that make the pool.
    quarantined
        Those that cannot be used, for what table, folder or name says.
    columns
        A table's columns beside the images, under their names in the example table; None where there is no table.
    carried
        Their names in the table; None where there is no table.
    image_column
        The table's column of paths or images.
    personal
        The table's columns of numbers that hold personal data.
    label
        The label's column; None where an expression computes it.
    """

    entries: tuple[ImageEntry, ...]
    unlabelled: tuple[ImageEntry, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    ignored: tuple[Quarantined, ...] = ()
    inferred: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: pa.Table | None = None
    carried: Mapping[str, str] | None = None
    image_column: str | None = None
    personal: frozenset[str] = frozenset()
    label: str | None = "label"


def image_listing(locations: Sequence[str], *, source: str) -> ImageListing:
    """Find the images of a folder, in the order of their names whatever the order of `locations`.

    `photo_labels` says what folders and names give. Photos of a split's folder without labels are unlabelled, and so
    are all photos of a folder that gives no label at all; photos beside class folders are quarantined. Refuses a
    folder without images.
    """
    named = sorted((readable_name(location), location) for location in locations)
    photos = [(name, location) for name, location in named if claims_to_be_image(name)]
    ignored = [Quarantined(name=name, reason=why_ignored(name)) for name, _ in named if not claims_to_be_image(name)]
    if not photos:
        raise ValueError(f"the folder {source} must hold images, but {_what_it_holds(ignored)}")
    found = photo_labels([name for name, _ in photos])
    entries = [
        ImageEntry(name=name, location=location, label=label, split=split)
        for (name, location), label, split in zip(photos, found.labels, found.splits, strict=True)
    ]
    if found.from_folders is None:
        return ImageListing(entries=(), unlabelled=tuple(entries), ignored=tuple(ignored))
    with_labels = {entry.split for entry in entries if entry.label is not None}
    unlabelled = [entry for entry in entries if entry.label is None and entry.split not in with_labels]
    strays = [entry for entry in entries if entry.label is None and entry.split in with_labels]
    reason = _NOT_IN_A_FOLDER if found.from_folders else _NOT_NAMED
    inferred = [f"splits come from the folders {', '.join(found.split_folders)}"] if found.split_folders else []
    inferred.append(f"labels come from the {'folders' if found.from_folders else 'file names'}")
    inferred += [
        f"the folder for {split} holds no labels: its photos are in the pool, and that split is cut from the others"
        for split in sorted({entry.split for entry in unlabelled if entry.split is not None})
    ]
    return ImageListing(
        entries=tuple(entry for entry in entries if entry.label is not None),
        unlabelled=tuple(unlabelled),
        quarantined=tuple(Quarantined(name=entry.name, reason=reason) for entry in strays),
        ignored=tuple(ignored),
        inferred=tuple(inferred),
    )


def claims_to_be_image(name: str) -> bool:
    """Whether a file has an image's suffix, and is not hidden nor left over from an archiver."""
    return has_image_suffix(name) and not is_debris(name)


def why_ignored(name: str) -> str:
    """Why a file that does not claim to be an image is ignored, in words."""
    return "hidden file" if is_debris(name) else "no image by its name"


def _what_it_holds(ignored: Sequence[Quarantined]) -> str:
    tables = [item.name for item in ignored if item.name.lower().endswith((".csv", ".tsv", ".parquet", ".jsonl"))]
    if tables:
        return f"it holds tables: name one as the source, {tables[0]} for one"
    return f"it holds {len(ignored)} other files" if ignored else "it is empty"


def predefined_splits(listing: ImageListing) -> tuple[str, ...]:
    """Splits other than train that the folders give; train as well where they give all three."""
    found = {entry.split for entry in listing.entries if entry.split is not None}
    return tuple(sorted(found)) if len(found) == len(set(SPLIT_FOLDERS.values())) else tuple(sorted(found - {"train"}))
