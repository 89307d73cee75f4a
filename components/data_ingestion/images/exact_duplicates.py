"""Exact duplicates of images: one is kept where the labels agree, none where they do not."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ExactDuplicates:
    """What becomes of images that show exactly the same.

    Attributes
    ----------
    kept
        Indices of the images that stay, ascending.
    dropped
        Index of each dropped copy, and of the one kept in its place.
    contradictory
        Indices of images that occur under different labels.
    """

    kept: tuple[int, ...]
    dropped: tuple[tuple[int, int], ...]
    contradictory: tuple[int, ...]


def exact_duplicates(contents: Sequence[str], labels: Sequence[str], first_choice: Sequence[bool]) -> ExactDuplicates:
    """Decide what becomes of images with the same content.

    Parameters
    ----------
    contents
        N fingerprints of size and pixels.
    labels
        N labels.
    first_choice
        N values: whether an image is to be kept before those that are not (it lies in the training folder: what is
        trained on must not be tested on).

    Returns
    -------
    ExactDuplicates
        Of copies under one label the first is kept; of those under several, none.
    """
    members: dict[str, list[int]] = {}
    for index, content in enumerate(contents):
        members.setdefault(content, []).append(index)
    kept, dropped, contradictory = [], [], []
    for indices in members.values():
        if len({labels[index] for index in indices}) > 1:
            contradictory += indices
            continue
        best = min(indices, key=lambda index: (not first_choice[index], index))
        kept.append(best)
        dropped += [(index, best) for index in indices if index != best]
    return ExactDuplicates(
        kept=tuple(sorted(kept)), dropped=tuple(sorted(dropped)), contradictory=tuple(sorted(contradictory))
    )
