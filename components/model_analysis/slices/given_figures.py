"""Figures of the slices that a team named, and of their crossings, whether they are weak or not.

Shapes: N examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from components.model_analysis.slices.slice_figures import slice_figures, SliceFigures

_Z_95 = 1.959964
MAX_CROSSINGS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenSlice:
    """A slice by its name, with figures whose intervals (95 %) are of this slice alone."""

    name: str
    figures: SliceFigures

    def to_json(self) -> dict[str, Any]:
        """The slice as JSON values."""
        return {"name": self.name, **self.figures.to_json()}


def given_figures(
    masks_by_column: Mapping[str, Mapping[str, np.ndarray]],
    errors: np.ndarray,
    *,
    min_examples: int,
    is_share: bool,
) -> tuple[list[GivenSlice], dict[str, int]]:
    """Figures of given slices, then of the crossings of two columns.

    Parameters
    ----------
    masks_by_column
        Masks of the shape (N,), bool, by the slice's name, by column.
    errors
        Shape (N,).
    min_examples
        Slices of fewer examples have no figures.

    Returns
    -------
    tuple
        Slices, the largest errors first; and how many examples those have that are too small, crossings left out.
    """
    named = {name: mask for masks in masks_by_column.values() for name, mask in masks.items()}
    too_small = {name: int(mask.sum()) for name, mask in named.items() if mask.sum() < min_examples}
    large = {name: mask for name, mask in named.items() if name not in too_small}
    crossed: dict[str, np.ndarray] = {}
    for first, second in combinations(masks_by_column.values(), 2):
        for name, mask in first.items():
            for other, other_mask in second.items():
                both = mask & other_mask
                if both.sum() >= min_examples and len(crossed) < MAX_CROSSINGS:
                    crossed[f"{name}, {other}"] = both
    found = [
        GivenSlice(name=name, figures=slice_figures(errors, mask, z=_Z_95, is_share=is_share))
        for name, mask in (large | crossed).items()
    ]
    return sorted(found, key=lambda item: -item.figures.error), too_small
