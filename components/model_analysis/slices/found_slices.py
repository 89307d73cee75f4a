"""Weak slices that a search found, with their figures, in the order in which they are told.

Shapes: N examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
import math
from typing import Any

import numpy as np

from components.model_analysis.slices.conditions import SliceCondition, where_all
from components.model_analysis.slices.slice_figures import SliceFigures


@dataclass(frozen=True, kw_only=True, slots=True)
class WeakSlice:
    """A slice on which the model errs more than elsewhere.

    Attributes
    ----------
    conditions
        All must hold.
    figures
        Its intervals hold together for all slices that were looked at.
    expected
        The error that the model itself leads one to expect on the slice; `nan` where it says nothing.
    is_unexpected
        Whether the slice was found to have more errors than that.
    part_of
        Place of the slice that holds nearly all of this one's examples and was found before it; None where none does.
    p_value
        How often a search on errors at random finds any slice as weak, 0 to 1.
    folded
        Slices that tell the same story: conditions, and the share of their rows that are this slice's.
    """

    conditions: tuple[SliceCondition, ...]
    figures: SliceFigures
    score: float
    p_value: float
    expected: float = math.nan
    is_unexpected: bool = False
    part_of: int | None = None
    folded: tuple[tuple[tuple[SliceCondition, ...], float], ...] = ()

    @property
    def surely_worse(self) -> float:
        """By how much the model surely errs more: than it leads one to expect where that was found, else elsewhere."""
        return self.figures.error_low - self.expected if self.is_unexpected else self.figures.difference_low

    def rank(self) -> tuple[bool, float]:
        """What slices are ordered by: unexpected ones first, then those that are surely the weakest."""
        return not self.is_unexpected, -self.surely_worse

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values; `conditions` are what `condition_from_json` reads."""
        return {
            "conditions": [condition.to_json() for condition in self.conditions],
            "where": where_all(self.conditions),
            **self.figures.to_json(),
            "expected": self.expected if math.isfinite(self.expected) else None,
            "is_unexpected": self.is_unexpected,
            "part_of": self.part_of,
            "score": self.score,
            "p_value": self.p_value,
            "same_story": [
                {"conditions": [condition.to_json() for condition in conditions], "share": share}
                for conditions, share in self.folded
            ],
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WeakSlices:
    """What a search found.

    Attributes
    ----------
    slices
        As `in_order` has them.
    num_conditions
        How many conditions slices were made of.
    threshold
        The score that chance exceeds in 5 % of all searches; `nan` where nothing could be searched.
    """

    num_examples: int
    error: float
    is_share: bool
    slices: tuple[WeakSlice, ...] = ()
    num_conditions: int = 0
    threshold: float = math.nan
    columns: tuple[str, ...] = field(default=())


_NEARLY_ALL = 0.9


def in_order(found: Sequence[tuple[WeakSlice, np.ndarray]]) -> tuple[WeakSlice, ...]:
    """Slices in the order in which they are told.

    Those with more errors than the model itself leads one to expect come first, then the others; of both, the weakest
    first, by how much more the model surely errs there. A slice within another that was found before it follows that
    one, and the weakest of them says where they all stand.

    Parameters
    ----------
    found
        Slices with their examples, shape (N,), bool, as they were found: the one that explains most first.
    """
    families: list[tuple[np.ndarray, list[WeakSlice]]] = []
    for item, rows in found:
        for whole, members in families:
            if (rows & whole).sum() >= _NEARLY_ALL * rows.sum():
                members.append(item)
                break
        else:
            families.append((rows, [item]))
    told: list[WeakSlice] = []
    for _, (first, *parts) in sorted(families, key=lambda family: min(item.rank() for item in family[1])):
        place = len(told)
        told.append(first)
        told.extend(replace(item, part_of=place) for item in sorted(parts, key=WeakSlice.rank))
    return tuple(told)
