"""Which label a photo's place gives: its topmost folder, else its file's name. Ingestion and scoring both ask here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.shared.tables.photo_file_names import numbered_label

SPLIT_FOLDERS = {
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
class PhotoLabels:
    """What the places of N photos say.

    Attributes
    ----------
    labels
        N labels, None where neither folder nor name gives one.
    splits
        N splits that folders at the top give; None where there are no such folders.
    split_folders
        Names of the folders that are splits, sorted; empty where there are none.
    from_folders
        Whether folders give the labels; False where names like `cat.123.jpg` do, None where nothing does.
    """

    labels: tuple[str | None, ...]
    splits: tuple[str | None, ...]
    split_folders: tuple[str, ...]
    from_folders: bool | None


def photo_labels(names: Sequence[str], *, is_class: Callable[[str], bool] | None = None) -> PhotoLabels:
    """Labels and splits that the places of photos give.

    The topmost folder below the source, or below a split's folder, is the label; a photo that lies in none takes the
    class that its name begins with (`cat.123.jpg`). Where more photos are labelled by name than lie in class folders,
    names give the classes, and only folders that are named for one of these count.

    Parameters
    ----------
    names
        N readable names relative to the source, with forward slashes.
    is_class
        Whether a name is a class, where the classes are known (a model's). A folder then counts where it is a class or
        stands beside one, and so is a class that is not known; folders above these are passed over. None infers the
        classes from the photos; the answer is the same as with the inferred classes given.

    Returns
    -------
    PhotoLabels
        Splits do not depend on `is_class`.
    """
    split_of = _split_folders(names)
    paths = [PurePosixPath(name) for name in names]
    folders = [path.parts[1 if split_of else 0 : -1] for path in paths]
    numbered = [numbered_label(path.name) for path in paths]
    if is_class is not None:
        labels, by_folder = _labels(folders, numbered, is_class)
    else:
        classes: frozenset[str | None] = _inferred_classes(folders, numbered)
        labels, by_folder = _labels(folders, numbered, classes.__contains__)
        # A class that no photo bears in the end is none: without it others may be read otherwise.
        while not classes <= frozenset(labels):
            classes &= frozenset(labels)
            labels, by_folder = _labels(folders, numbered, classes.__contains__)
    return PhotoLabels(
        labels=tuple(labels),
        splits=tuple(split_of.get(name.partition("/")[0]) if "/" in name else None for name in names),
        split_folders=tuple(sorted(split_of)),
        from_folders=by_folder if any(label is not None for label in labels) else None,
    )


def _split_folders(names: Sequence[str]) -> dict[str, str]:
    """Splits by top folder: where all of them are named for one, train is there, and few photos lie in none."""
    tops = {name.partition("/")[0] for name in names if "/" in name}
    found = {top: SPLIT_FOLDERS[top.lower()] for top in tops if top.lower() in SPLIT_FOLDERS}
    num_loose = sum("/" not in name for name in names)
    is_split = num_loose <= len(names) // 2 and len(found) == len(tops) and "train" in found.values()
    return found if is_split else {}


def _inferred_classes(folders: Sequence[tuple[str, ...]], numbered: Sequence[str | None]) -> frozenset[str]:
    """The topmost folders, or the labels in names where more photos have one; none where these hardly repeat."""
    placed = [parts[0] if parts else None for parts in folders]
    if _folders_win(placed, numbered):
        return frozenset(label for label in placed if label is not None)
    named = [label for label in numbered if label is not None]
    hardly_repeat = len(set(named)) * 2 > len(named) > _FEW_NAMES
    return frozenset() if hardly_repeat else frozenset(named)


def _labels(
    folders: Sequence[tuple[str, ...]], numbered: Sequence[str | None], is_class: Callable[[str], bool]
) -> tuple[list[str | None], bool]:
    """N labels where the classes are known, and whether folders rather than names give them."""
    placed = _topmost_classes(folders, is_class)
    named = [label if label is not None and is_class(label) else None for label in numbered]
    by_folder = _folders_win(placed, named)
    pairs = zip(placed, named, strict=True)
    labels = [folder if folder is not None and (by_folder or is_class(folder)) else name for folder, name in pairs]
    return labels, by_folder


def _folders_win(placed: Sequence[str | None], named: Sequence[str | None]) -> bool:
    num_placed = sum(label is not None for label in placed)
    return num_placed >= max(sum(label is not None for label in named), 1)


def _topmost_classes(folders: Sequence[tuple[str, ...]], is_class: Callable[[str], bool]) -> list[str | None]:
    """Of each photo's folders the topmost that is a class or stands beside one; None where there is none."""
    prefixes = {parts[:depth] for parts in folders for depth in range(1, len(parts) + 1)}
    class_parents = {prefix[:-1] for prefix in prefixes if is_class(prefix[-1])}
    return [
        next((name for depth, name in enumerate(parts) if parts[:depth] in class_parents), None) for parts in folders
    ]
