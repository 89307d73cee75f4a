"""Labels and splits of image files, from their folders and names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from components.data_ingestion.ingestion_facts import Quarantined
from components.shared.tables.photo_file_names import has_image_suffix, is_debris, numbered_label, readable_name

_SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
    "testing": "test",
}
_FEW_NAMES = 10


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

    Class folders come first: the folder below the source (or below a folder named for a split) is the class. Where most
    images lie in no such folder, names like `cat.123.jpg` or `dog_4.png` give the class. Refuses a folder without
    images, or without labels in folders or names.
    """
    named = sorted((readable_name(location), location) for location in locations)
    entries = [ImageEntry(name=name, location=location) for name, location in named if _claims_to_be_image(name)]
    ignored = [Quarantined(name=name, reason=_why_ignored(name)) for name, _ in named if not _claims_to_be_image(name)]
    if not entries:
        raise ValueError(f"the folder {source} must hold images, but {_what_it_holds(ignored)}")
    entries, inferred = _with_splits(entries)
    entries, how = _with_labels(entries, source=source)
    without = {split for split in _splits_of(entries) if not any(entry.label for entry in _of_split(entries, split))}
    ignored += [
        Quarantined(name=entry.name, reason=f"the folder for {entry.split} holds no labels")
        for entry in entries
        if entry.split in without
    ]
    entries = [entry for entry in entries if entry.split not in without]
    quarantined = [
        Quarantined(name=entry.name, reason=_why_unlabelled(how)) for entry in entries if entry.label is None
    ]
    return ImageListing(
        entries=tuple(entry for entry in entries if entry.label is not None),
        quarantined=tuple(quarantined),
        ignored=tuple(ignored),
        inferred=(*inferred, f"labels come from the {how}"),
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


def _with_splits(entries: Sequence[ImageEntry]) -> tuple[list[ImageEntry], list[str]]:
    tops = {PurePosixPath(entry.name).parts[0] for entry in entries if "/" in entry.name}
    splits = {top: _SPLIT_FOLDERS.get(top.lower()) for top in tops}
    loose = sum("/" not in entry.name for entry in entries)
    if loose > len(entries) // 2 or None in splits.values() or "train" not in splits.values():
        return list(entries), []
    placed = [replace(entry, split=splits.get(PurePosixPath(entry.name).parts[0])) for entry in entries]
    return placed, [f"splits come from the folders {', '.join(sorted(tops))}"]


def _with_labels(entries: Sequence[ImageEntry], *, source: str) -> tuple[list[ImageEntry], str]:
    in_folders = [replace(entry, label=_folder_label(entry)) for entry in entries]
    in_names = [replace(entry, label=numbered_label(entry.name)) for entry in entries]
    num_in_folders = sum(entry.label is not None for entry in in_folders)
    num_named = sum(entry.label is not None for entry in in_names)
    if num_in_folders >= max(num_named, 1):
        return in_folders, "folders"
    num_classes = len({entry.label for entry in in_names} - {None})
    if num_named == 0 or num_classes * 2 > num_named > _FEW_NAMES:
        raise ValueError(
            f"the images of {source} must lie in one folder a class (cat/1.jpg) or be named by class and number "
            f"(cat.1.jpg), but {entries[0].name!r} is neither"
        )
    return in_names, "file names"


def _folder_label(entry: ImageEntry) -> str | None:
    folders = PurePosixPath(entry.name).parts[:-1]
    below = folders[1:] if entry.split is not None else folders
    return below[0] if below else None


def _why_unlabelled(how: str) -> str:
    if how == "folders":
        return "it lies beside the class folders, not in one"
    return "its name is not a class and a number, as in cat.1.jpg"


def _splits_of(entries: Sequence[ImageEntry]) -> set[str]:
    return {entry.split for entry in entries if entry.split is not None}


def _of_split(entries: Sequence[ImageEntry], split: str) -> list[ImageEntry]:
    return [entry for entry in entries if entry.split == split]


def predefined_splits(listing: ImageListing) -> tuple[str, ...]:
    """Splits other than train that the folders give; train as well where they give all three."""
    found = _splits_of(listing.entries)
    return tuple(sorted(found)) if len(found) == len(set(_SPLIT_FOLDERS.values())) else tuple(sorted(found - {"train"}))
