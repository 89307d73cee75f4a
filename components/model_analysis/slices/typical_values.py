"""What the examples of a cluster have in common, for a cluster has no words of its own."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from components.model_analysis.slices.conditions import as_numbers, CLUSTER_PREFIX, is_number, slice_mask
from components.model_analysis.slices.found_slices import WeakSlices
from components.model_analysis.slices.words import shown_value

_MANY_DEVIATIONS = 0.5


def typical_of_clusters(found: WeakSlices, columns: Mapping[str, pa.Array]) -> dict[int, str]:
    """By the place of a slice that is made of a cluster: three numbers whose mean lies apart from that of all."""
    told = {}
    for place, item in enumerate(found.slices):
        if any(condition.kind == "cluster" for condition in item.conditions):
            words = _typical(slice_mask(item.conditions, columns), columns)
            if words:
                told[place] = words
    return told


def _typical(rows: np.ndarray, columns: Mapping[str, pa.Array]) -> str:
    apart = []
    for name, values in columns.items():
        if name.startswith(CLUSTER_PREFIX) or not is_number(values.type):
            continue
        numbers = as_numbers(values)
        known = np.isfinite(numbers)
        spread = float(numbers[known].std()) if known.any() else 0.0
        if spread > 0.0 and (rows & known).any():
            inside, usual = float(numbers[rows & known].mean()), float(numbers[known].mean())
            apart.append((abs(inside - usual) / spread, f"{name} {shown_value(inside)} (all: {shown_value(usual)})"))
    typical = [words for size, words in sorted(apart, reverse=True)[:3] if size >= _MANY_DEVIATIONS]
    return f"in the mean {', '.join(typical)}" if typical else ""
