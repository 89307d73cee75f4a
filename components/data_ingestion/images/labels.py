"""Labels and splits of image files, from their folders and names."""

from collections.abc import Sequence
from dataclasses import dataclass

from components.data_ingestion.ingestion_facts import Quarantined
from components.shared.tables.photo_file_names import has_image_suffix, is_debris, readable_name
from components.shared.tables.photo_labels import photo_labels, SPLIT_FOLDERS

_NOT_IN_A_FOLDER = "it lies beside the class folders, not in one"
_NOT_NAMED = "its name is not a class and a number, as in cat.1.jpg"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageEntry:
    """A file that claims to be an image.

    Attributes
    ----------
    name
        Relative to the source and readable: NFC, forward slashes.
    location
        The same as the store spells it, to read it by.
    label, split
        What folder or name says; None where they say nothing.
    """

    name: str
    location: str
    label: str | None = None
    split: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageListing:
    """The images of a source: labelled ones by name, those whose place gives no label, and files that are ignored."""

    entries: tuple[ImageEntry, ...]
    quarantined: tuple[Quarantined, ...] = ()
    ignored: tuple[Quarantined, ...] = ()
    inferred: tuple[str, ...] = ()


def image_listing(locations: Sequence[str], *, source: str) -> ImageListing:
    """Find the labelled images of a folder, in the order of their names whatever the order of `locations`.

    `photo_labels` says what folders and names give. Refuses a folder without images, or without labels in folders or
    names.
    """
    named = sorted((readable_name(location), location) for location in locations)
    photos = [(name, location) for name, location in named if _claims_to_be_image(name)]
    ignored = [Quarantined(name=name, reason=_why_ignored(name)) for name, _ in named if not _claims_to_be_image(name)]
    if not photos:
        raise ValueError(f"the folder {source} must hold images, but {_what_it_holds(ignored)}")
    found = photo_labels([name for name, _ in photos])
    if found.from_folders is None:
        raise ValueError(
            f"the images of {source} must lie in one folder a class (cat/1.jpg) or be named by class and number "
            f"(cat.1.jpg), but {photos[0][0]!r} is neither"
        )
    entries = [
        ImageEntry(name=name, location=location, label=label, split=split)
        for (name, location), label, split in zip(photos, found.labels, found.splits, strict=True)
    ]
    without = {split for split in _splits_of(entries) if not any(entry.label for entry in _of_split(entries, split))}
    ignored += [
        Quarantined(name=entry.name, reason=f"the folder for {entry.split} holds no labels")
        for entry in entries
        if entry.split in without
    ]
    entries = [entry for entry in entries if entry.split not in without]
    reason = _NOT_IN_A_FOLDER if found.from_folders else _NOT_NAMED
    splits = [f"splits come from the folders {', '.join(found.split_folders)}"] if found.split_folders else []
    return ImageListing(
        entries=tuple(entry for entry in entries if entry.label is not None),
        quarantined=tuple(Quarantined(name=entry.name, reason=reason) for entry in entries if entry.label is None),
        ignored=tuple(ignored),
        inferred=(*splits, f"labels come from the {'folders' if found.from_folders else 'file names'}"),
    )


def _claims_to_be_image(name: str) -> bool:
    return has_image_suffix(name) and not is_debris(name)


def _why_ignored(name: str) -> str:
    return "hidden file" if is_debris(name) else "no image by its name"


def _what_it_holds(ignored: Sequence[Quarantined]) -> str:
    tables = [item.name for item in ignored if item.name.lower().endswith((".csv", ".tsv", ".parquet"))]
    if tables:
        return f"it holds tables: name one as the source, {tables[0]} for one"
    return f"it holds {len(ignored)} other files" if ignored else "it is empty"


def _splits_of(entries: Sequence[ImageEntry]) -> set[str]:
    return {entry.split for entry in entries if entry.split is not None}


def _of_split(entries: Sequence[ImageEntry], split: str) -> list[ImageEntry]:
    return [entry for entry in entries if entry.split == split]


def predefined_splits(listing: ImageListing) -> tuple[str, ...]:
    """Splits other than train that the folders give; train as well where they give all three."""
    found = _splits_of(listing.entries)
    return tuple(sorted(found)) if len(found) == len(set(SPLIT_FOLDERS.values())) else tuple(sorted(found - {"train"}))
