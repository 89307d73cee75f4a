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
_ALSO_WEAK = 1 / 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Story:
    """A slice, as numbers of conditions, with its score, and others that say the same.

    Attributes
    ----------
    usual
        Shape (N,): what was expected of each example when the slice was found to have more errors than that.
    is_unexpected
        Whether that is more than the model itself leads one to expect.
    """

    members: tuple[int, ...]
    score: float
    usual: np.ndarray
    is_unexpected: bool
    folded: tuple[tuple[int, ...], ...] = ()


def found_stories(
    search: SliceSearch,
    masks: np.ndarray,
    conditions: Sequence[SliceCondition],
    errors: np.ndarray,
    threshold: float,
    *,
    max_stories: int,
    expected: np.ndarray | None = None,
) -> list[Story]:
    """The slice of the largest score, then what is left once its errors are expected, and so on.

    A slice that is weak only because it shares rows with an earlier one has no score any more; one that is weak within
    it, or beside it, has. One that differs from an earlier one in the cut of a number alone tells the same story. With
    `expected`, slices that have more errors than that come first.

    Parameters
    ----------
    errors
        Shape (N,).
    threshold
        Slices must exceed this score, against the mean of all and against what is expected.
    expected
        Shape (N,): what the model leads one to expect of each; None where it says nothing.
    """
    known = _exceeding(search, errors, None, threshold)
    stories: list[Story] = []
    taken: list[np.ndarray] = []
    bases: list[np.ndarray | None] = [None] if expected is None else [expected, None]
    for base in bases:
        for _ in range(3 * max_stories):
            usual = _usual(errors, base, taken)
            members = _weakest(search, masks, errors, usual, threshold) if len(stories) < max_stories else None
            if members is None:
                break
            rows = np.logical_and.reduce(masks[:, members], axis=1)
            taken.append(rows)
            if not any(_differ_in_cuts(members, story.members, conditions) for story in stories):
                stories.append(
                    Story(
                        members=members,
                        score=search.score(rows, errors, None, num_conditions=len(members)),
                        usual=np.full(len(errors), errors.mean()) if usual is None else usual,
                        is_unexpected=base is not None,
                        folded=_folded(members, rows, known, masks, conditions),
                    )
                )
    return stories


def _weakest(
    search: SliceSearch, masks: np.ndarray, errors: np.ndarray, usual: np.ndarray | None, threshold: float
) -> tuple[int, ...] | None:
    """The slice that exceeds what is usual most, of those that also exceed the mean; None where there is none."""
    for members, _ in _exceeding(search, errors, usual, threshold):
        rows = np.logical_and.reduce(masks[:, members], axis=1)
        if search.score(rows, errors, None, num_conditions=len(members)) > threshold:
            return _widened(members, search, masks, errors, usual, threshold)
    return None


def _widened(
    members: tuple[int, ...],
    search: SliceSearch,
    masks: np.ndarray,
    errors: np.ndarray,
    usual: np.ndarray | None,
    threshold: float,
) -> tuple[int, ...]:
    """A slice without those of its conditions that only say where it is weakest.

    Such is a condition whose opposite, with the others, exceeds the threshold, too, by at least a third as many errors
    an example.
    """
    while len(members) > 1:
        rows = np.logical_and.reduce(masks[:, members], axis=1)
        needed = _ALSO_WEAK * _excess(rows, errors, usual)
        scores = []
        for number in members:
            others = [other for other in members if other != number]
            left_out = np.logical_and.reduce(masks[:, others], axis=1) & ~masks[:, number]
            is_weak = _excess(left_out, errors, usual) >= needed
            score = search.score(left_out, errors, usual, num_conditions=len(members)) if is_weak else -np.inf
            scores.append(score)
        place = int(np.argmax(scores))
        if scores[place] <= threshold:
            break
        members = tuple(number for number in members if number != members[place])
    return members


def _excess(rows: np.ndarray, errors: np.ndarray, usual: np.ndarray | None) -> float:
    """By how much the mean error of some rows, shape (N,), bool, is above what is usual; `-inf` without rows."""
    if not rows.any():
        return -np.inf
    return float(errors[rows].mean() - (errors.mean() if usual is None else usual[rows].mean()))


def _exceeding(
    search: SliceSearch, errors: np.ndarray, expected: np.ndarray | None, threshold: float
) -> list[tuple[tuple[int, ...], float]]:
    found: dict[tuple[int, ...], float] = {}
    for level in search.levels(errors, expected):
        places = np.flatnonzero(level.scores > threshold)
        for members, score in zip(level.members(places).tolist(), level.scores.ravel()[places].tolist(), strict=True):
            found[tuple(sorted(members))] = score
    return sorted(found.items(), key=lambda item: -item[1])[:_MAX_REMEMBERED]


def _usual(errors: np.ndarray, base: np.ndarray | None, taken: Sequence[np.ndarray]) -> np.ndarray | None:
    """What is expected of each example by the slices that it is in, and by the model, shape (N,), by least squares.

    The mean of what is expected is that of the errors; None where it is the same of all.
    """
    if base is None and not taken:
        return None
    told = [] if base is None else [base]
    design = np.column_stack([np.ones(len(errors)), *told, *taken]).astype(np.float64)
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
