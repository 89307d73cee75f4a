"""Slices overlap: of all that chance does not explain, those that tell a story of their own.

Shapes: N examples, M conditions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.model_analysis.slices.conditions import SliceCondition
from components.model_analysis.slices.search import SliceSearch

_MAX_FOLDED = 5
_SAME_ROWS = 0.5
_MAX_REMEMBERED = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """A slice, as numbers of conditions, with its score, and others that say the same."""

    members: tuple[int, ...]
    score: float
    folded: tuple[tuple[int, ...], ...] = ()


def found_stories(
    search: SliceSearch,
    masks: np.ndarray,
    conditions: Sequence[SliceCondition],
    errors: np.ndarray,
    threshold: float,
    *,
    max_stories: int,
) -> list[Story]:
    """The slice of the largest score, then what is left once its errors are expected, and so on.

    A slice that is weak only because it shares rows with an earlier one has no score any more; one that is weak within
    it, or beside it, has. One that differs from an earlier one in the cut of a number alone tells the same story.

    Parameters
    ----------
    errors
        Shape (N,).
    threshold
        Slices must exceed this score.
    """
    known = _exceeding(search, errors, None, threshold)
    remaining = known
    stories: list[Story] = []
    taken: list[np.ndarray] = []
    for _ in range(3 * max_stories):
        if not remaining or len(stories) >= max_stories:
            break
        members, score = remaining[0]
        rows = np.logical_and.reduce(masks[:, members], axis=1)
        taken.append(rows)
        if not any(_differ_in_cuts(members, story.members, conditions) for story in stories):
            stories.append(Story(members=members, score=score, folded=_folded(members, rows, known, masks, conditions)))
        remaining = _exceeding(search, errors, _expected(errors, taken), threshold)
    return stories


def _exceeding(
    search: SliceSearch, errors: np.ndarray, expected: np.ndarray | None, threshold: float
) -> list[tuple[tuple[int, ...], float]]:
    found: dict[tuple[int, ...], float] = {}
    for level in search.levels(errors, expected):
        places = np.flatnonzero(level.scores > threshold)
        for members, score in zip(level.members(places).tolist(), level.scores.ravel()[places].tolist(), strict=True):
            found[tuple(sorted(members))] = score
    return sorted(found.items(), key=lambda item: -item[1])[:_MAX_REMEMBERED]


def _expected(errors: np.ndarray, taken: Sequence[np.ndarray]) -> np.ndarray:
    """What is expected of each example by the slices that it is in, shape (N,), by least squares.

    The mean of what is expected is that of the errors.
    """
    design = np.column_stack([np.ones(len(errors)), *taken]).astype(np.float64)
    fitted = design @ np.linalg.lstsq(design, errors, rcond=None)[0]
    bounded = np.clip(fitted, 1e-6, float(errors.max()) - 1e-6)
    return np.asarray(bounded * (errors.mean() / bounded.mean()))


def _differ_in_cuts(left: Sequence[int], right: Sequence[int], conditions: Sequence[SliceCondition]) -> bool:
    """Whether two slices are of the same columns, and of the same values where those are no numbers' cuts."""
    sides = []
    for members in (left, right):
        chosen = [conditions[number] for number in members]
        columns = {condition.column for condition in chosen}
        values = {(item.column, item.value) for item in chosen if item.kind not in ("below", "from")}
        sides.append((columns, values))
    has_cut = any(conditions[number].kind in ("below", "from") for number in (*left, *right))
    return sides[0] == sides[1] and has_cut


def _folded(
    members: tuple[int, ...],
    rows: np.ndarray,
    known: Sequence[tuple[tuple[int, ...], float]],
    masks: np.ndarray,
    conditions: Sequence[SliceCondition],
) -> tuple[tuple[int, ...], ...]:
    """The next best slices, one of the same columns, that have most of their rows in common with a story's."""
    found: list[tuple[int, ...]] = []
    seen = {frozenset(conditions[number].column for number in members)}
    for other, _ in known:
        columns = frozenset(conditions[number].column for number in other)
        if columns in seen:
            continue
        mask = np.logical_and.reduce(masks[:, other], axis=1)
        if (mask & rows).sum() >= _SAME_ROWS * mask.sum():
            found.append(other)
            seen.add(columns)
        if len(found) >= _MAX_FOLDED:
            break
    return tuple(found)
