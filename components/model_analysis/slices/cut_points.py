"""Where a number's cut lies best: a slice was found by quantiles, and the errors change somewhere beside one.

Shapes: N examples, K of them in a slice but for one cut.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from components.model_analysis.slices.conditions import as_numbers, slice_mask, SliceCondition
from components.model_analysis.slices.search import evidence

_LARGEST_CHANGE = 0.5


def moved_cuts(
    conditions: Sequence[SliceCondition],
    columns: Mapping[str, pa.Array],
    errors: np.ndarray,
    usual: np.ndarray,
    *,
    is_share: bool,
) -> tuple[tuple[SliceCondition, ...], np.ndarray]:
    """Conditions whose cuts were moved to where the evidence is largest, and the slice's rows, shape (N,), bool.

    One cut after the other, and by no more than makes the slice half larger or smaller. `usual` has the shape (N,): the
    errors that are expected.
    """
    moved = list(conditions)
    for place, condition in enumerate(conditions):
        if condition.kind in ("below", "from"):
            others = [other for number, other in enumerate(moved) if number != place]
            inside = slice_mask(others, columns) if others else np.ones(len(errors), dtype=bool)
            moved[place] = _moved(condition, columns[condition.column], inside, errors, usual, is_share=is_share)
    return tuple(moved), slice_mask(moved, columns)


def _moved(
    condition: SliceCondition,
    values: pa.Array,
    inside: np.ndarray,
    errors: np.ndarray,
    usual: np.ndarray,
    *,
    is_share: bool,
) -> SliceCondition:
    numbers = as_numbers(values)
    rows = np.flatnonzero(inside & np.isfinite(numbers))
    order = rows[np.argsort(numbers[rows], kind="stable")]
    if condition.kind == "from":
        order = order[::-1]
    sorted_K = numbers[order]
    # A slice may end after the k-th example where the next one has another number.
    ends = np.flatnonzero(np.diff(sorted_K) != 0) + 1
    now = int(condition.mask(values)[rows].sum())
    ends = ends[(ends >= (1 - _LARGEST_CHANGE) * now) & (ends <= (1 + _LARGEST_CHANGE) * now)]
    if not len(ends):
        return condition
    totals = np.cumsum(errors[order])[ends - 1]
    expected = np.cumsum(usual[order])[ends - 1]
    variance = None if is_share else float((errors - usual).var())
    found = np.where(
        totals > expected,
        evidence(totals, expected, ends.astype(np.float64), variance) / (1.0 - ends / len(errors)),
        -1.0,
    )
    end = int(ends[int(found.argmax())])
    low, high = sorted((float(sorted_K[end - 1]), float(sorted_K[end])))
    return replace(condition, value=int(high) if pa.types.is_integer(values.type) else shortest_between(low, high))


def shortest_between(low: float, high: float) -> float:
    """The number of the fewest digits above `low` and not above `high`, near their middle."""
    for digits in range(1, 17):
        cut = float(f"{(low + high) / 2:.{digits}g}")
        if low < cut <= high:
            return cut
    return high
