"""A folder of photos in any layout: which files are images, and which labels their paths tell."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa

from components.model_analysis.scoring.example_batches import ChangedLabel, ExampleBatch, UniqueNames
from components.model_analysis.scoring.image_files import is_image_file
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.runtime.local_files import local_files
from components.shared.tables.photo_file_names import is_debris, numbered_label, readable_name
from components.shared.tables.photo_labels import photo_labels


def find_images(root: Path) -> list[str]:
    """Image files below a folder as sorted relative paths with forward slashes.

    Links to folders are followed; hidden files and archive debris are left out.
    """
    return sorted(
        name for name, path in local_files(root) if not is_debris(name) and not path.is_dir() and is_image_file(path)
    )


def labels_of_paths(paths: Sequence[str], matcher: LabelMatcher) -> list[str | None]:
    """Labels that relative paths tell: a class as the model spells it, a class that it does not know, or None.

    `photo_labels` answers, as for ingestion, with the model's classes. The root's own name tells nothing.
    """
    found = photo_labels([readable_name(path) for path in paths], is_class=lambda name: matcher.index(name) is not None)
    return [matcher.spelled(label) for label in found.labels]


def changed_labels(paths: Sequence[str], matcher: LabelMatcher) -> list[ChangedLabel]:
    """Photos that `labels_of_paths` labels otherwise than the rule before it, by which the nearest folder decided.

    That was the nearest folder that is named as a class of the model, or stands beside such a folder.
    """
    folders = {parent for path in paths for parent in PurePosixPath(path).parents if parent.name}
    class_parents = {folder.parent for folder in folders if matcher.index(folder.name) is not None}
    before = [_nearest_label(PurePosixPath(path), matcher, class_parents) for path in paths]
    labels = zip(paths, labels_of_paths(paths, matcher), before, strict=True)
    return [
        ChangedLabel(example_id=readable_name(path), label=label, label_before=old)
        for path, label, old in labels
        if label != old
    ]


def folder_batches(
    root: Path, paths: Sequence[str], matcher: LabelMatcher, *, batch_rows: int
) -> Iterator[ExampleBatch]:
    """Images of a folder with the labels that their paths tell, each named by its relative path in NFC."""
    labels, unique = labels_of_paths(paths, matcher), UniqueNames()
    for start in range(0, len(paths), batch_rows):
        part = paths[start : start + batch_rows]
        yield ExampleBatch(
            example_ids=unique([readable_name(path) for path in part]),
            labels=labels[start : start + batch_rows],
            splits=["test"] * len(part),
            columns={"image": pa.nulls(len(part), pa.binary())},
            files={row: root / path for row, path in enumerate(part)},
        )


def _nearest_label(path: PurePosixPath, matcher: LabelMatcher, class_parents: set[PurePosixPath]) -> str | None:
    for folder in path.parents:
        if folder.name and folder.parent in class_parents:
            return matcher.spelled(readable_name(folder.name))
    return matcher.name(numbered_label(readable_name(path.name)))
