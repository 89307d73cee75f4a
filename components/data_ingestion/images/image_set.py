"""A set of measured images: copies dropped, near duplicates grouped, splits assigned."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from components.data_ingestion.clusters import connected_clusters, equal_pairs
from components.data_ingestion.images.columns import IMAGE_COLUMNS, image_values
from components.data_ingestion.images.labels import ImageEntry
from components.data_ingestion.images.measures import ImageRecord
from components.data_ingestion.images.near_duplicates import near_duplicate_pairs
from components.data_ingestion.ingestion_facts import Quarantined
from components.data_ingestion.splits.line import NOT_PINNED
from components.data_ingestion.splits.placement import ExamplesToSplit, known_places, place_examples, Placement
from components.shared.contracts.problem import Problem, SPLIT_NAMES
from components.shared.contracts.split_line import split_position
from components.shared.contracts.split_record import content_key, group_fingerprint, KnownSplits

_LARGE_GROUP = 10
_LARGE_SHARE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredImage:
    """An image that can be decoded: where it lies, and what was measured."""

    entry: ImageEntry
    record: ImageRecord

    @property
    def label(self) -> str:
        """Its class; only for labelled ones."""
        assert self.entry.label is not None
        return self.entry.label

    @property
    def example_id(self) -> str:
        """What the source's table gives, else the fingerprint of its bytes."""
        return self.entry.example_id or self.record.fingerprint


def without_copies(
    images: Sequence[MeasuredImage],
) -> tuple[list[MeasuredImage], list[tuple[str, str]], list[Quarantined]]:
    """The images that stay; each dropped copy's name with the kept one's; images under different labels: none stays.

    Of copies under one label one in the training folder is kept (what is trained on must not be tested on), else the
    first. A copy that people labelled comes before one that a model or a rule labelled, whatever that says, and a
    labelled one before an unlabelled one.
    """
    copies: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        copies.setdefault(image.record.pixel_fingerprint, []).append(index)
    kept, dropped, contradictory = [], [], []
    for indices in copies.values():
        labelled = [index for index in indices if images[index].entry.label is not None]
        labelled = [index for index in labelled if not images[index].entry.train_only] or labelled
        if len({images[index].label for index in labelled}) > 1:
            contradictory += labelled
            indices, labelled = [index for index in indices if index not in labelled], []
        if not indices:
            continue
        best = min(labelled or indices, key=lambda index: (images[index].entry.split != "train", index))
        kept.append(best)
        dropped += [(index, best) for index in indices if index != best]
    reason = "the same image lies under different labels"
    return (
        [images[index] for index in sorted(kept)],
        [(images[copy].entry.name, images[best].entry.name) for copy, best in sorted(dropped)],
        [Quarantined(name=images[index].entry.name, reason=reason) for index in sorted(contradictory)],
    )


def label_counts(images: Sequence[MeasuredImage]) -> dict[str, int]:
    """How many images each label has."""
    return dict(Counter(image.label for image in images))


def pairs_of_images(images: Sequence[MeasuredImage]) -> np.ndarray:
    """Pairs of near duplicates, shape (K, 2), int64: indices into `images`."""
    if not images:
        return np.empty((0, 2), dtype=np.int64)
    hashes = np.array([image.record.difference_hash for image in images], dtype=np.uint64)
    thumbnails = np.stack([np.frombuffer(image.record.thumbnail, dtype=np.uint8) for image in images])
    return near_duplicate_pairs(hashes, thumbnails)


def groups_of_pairs(num_images: int, pairs: np.ndarray) -> list[list[int]]:
    """Groups of two images or more that chains of pairs join, as indices."""
    members: dict[int, list[int]] = {}
    for index, cluster in enumerate(connected_clusters(num_images, pairs.tolist()).tolist()):
        members.setdefault(cluster, []).append(index)
    return [indices for indices in members.values() if len(indices) > 1]


def group_warnings(images: Sequence[MeasuredImage], groups: Sequence[Sequence[int]]) -> Iterator[str]:
    """Sentences on groups of near duplicates that a person should look at."""
    num_contradictory = sum(len({images[index].label for index in group}) > 1 for group in groups)
    if num_contradictory:
        yield f"{num_contradictory} groups of nearly the same image lie under different labels"
    largest = max(map(len, groups), default=0)
    if largest > max(_LARGE_GROUP, _LARGE_SHARE * len(images)):
        yield f"{largest} images look nearly the same and share one split: they may be frames of one recording"


def content_ids(images: Sequence[MeasuredImage]) -> np.ndarray:
    """Content id of every image, shape (N,), uint64: of what it shows, whatever file it comes in."""
    return np.array([content_key(image.record.pixel_fingerprint) for image in images], dtype=np.uint64)


def image_placement(
    images: Sequence[MeasuredImage],
    pairs: np.ndarray,
    *,
    classes: np.ndarray,
    class_names: Sequence[str],
    problem: Problem,
    predefined: Sequence[str],
    known: KnownSplits | None,
    source: str,
) -> Placement:
    """Split of every image; pairs and groups stay together, and what is `known` keeps its split.

    `classes`, shape (N,), int, are class indices; `source` is for errors.
    """
    keys, groups = _group_keys(images, [image.entry.group for image in images], problem), None
    if problem.group is not None:
        carried = _group_keys(images, [image.entry.carried_group for image in images], problem)
        pairs = np.concatenate([pairs, equal_pairs(np.array([content_key(key) for key in keys], dtype=np.uint64))])
        groups = np.array([content_key(key) for key in carried], dtype=np.uint64)
    pinned: dict[str | None, int] = {name: SPLIT_NAMES.index(name) for name in predefined}
    examples = ExamplesToSplit(
        positions=np.array([split_position(key, salt=problem.split.salt) for key in keys]),
        classes=classes,
        class_names=class_names,
        clusters=connected_clusters(len(images), pairs.tolist()),
        pinned=np.array([pinned.get(image.entry.split, NOT_PINNED) for image in images]),
        known=known_places(known, content_ids(images), groups),
        train_only=np.array([image.entry.train_only for image in images], dtype=bool),
        times=_times(images),
    )
    return place_examples(examples, problem.split, predefined, source=source)


def _times(images: Sequence[MeasuredImage]) -> np.ndarray | None:
    times = [image.entry.time for image in images]
    return None if None in times else np.array(times, dtype=np.float64)


def _group_keys(images: Sequence[MeasuredImage], told: Sequence[str | None], problem: Problem) -> list[str]:
    """Fingerprints of the images' groups, `told` by a table first; of the image where it has none."""
    keys = []
    for image, group in zip(images, told, strict=True):
        if group is None and problem.group in IMAGE_COLUMNS:
            group = str(image_values(image.entry.name, image.record)[problem.group])
        keys.append(image.record.fingerprint if group is None else group_fingerprint(group))
    return keys
