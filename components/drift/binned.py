"""A feature of both sides as codes of shared bins, which are chosen from the pooled rows alone.

The bins do not depend on which side a row is on, so that the sides stay exchangeable when there is no drift. Bins of
the reference alone would fit it better than the current side, and the permutation thresholds would no longer hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

FeatureKind = Literal["number", "category"]
MISSING = 0
_MOST_BINS = np.iinfo(np.int16).max - 1
_LARGEST_WHOLE = 1e15


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BinnedFeature:
    """One feature of the two sides.

    Attributes
    ----------
    kind
        `number`: bins ascend. `category`: the order of bins means nothing.
    bin_names
        K names; code k stands for `bin_names[k - 1]`, and code 0 for a missing value.
    edges
        Shape (K + 1,), ascending, of a number's bins: bin k holds edges[k - 1] <= value < edges[k], the last bin its
        upper end too. Empty where every value is missing. None for categories.
    reference, current
        Shape (N,) and (M,), int16: codes.
    reference_values, current_values
        Shape (N,) and (M,), float64: a number's values, `nan` where missing. None for categories.
    """

    name: str
    kind: FeatureKind
    bin_names: tuple[str, ...]
    edges: np.ndarray | None
    reference: np.ndarray
    current: np.ndarray
    reference_values: np.ndarray | None = None
    current_values: np.ndarray | None = None

    @property
    def num_bins(self) -> int:
        """Number of bins, without that of missing values."""
        return len(self.bin_names)

    def range_name(self, first: int, last: int) -> str:
        """Name of a number's bins `first` to `last` (indices from 0, both included), merged into one."""
        if first == last or self.edges is None:
            return self.bin_names[first]
        return _range_name(self.edges[first], self.edges[last + 1])


def binned_number(name: str, reference: np.ndarray, current: np.ndarray, *, max_bins: int = 50) -> BinnedFeature:
    """A numeric feature in quantile bins of the pooled values.

    Parameters
    ----------
    reference, current
        Shape (N,) and (M,): values, `nan` where missing. Infinities go into the end bins.
    max_bins
        2 or more. Up to that many distinct values have a bin each; a value so frequent that it fills a quantile bin
        always has its own bin.

    Raises
    ------
    ValueError
        If `max_bins` is out of range or a side is not one-dimensional.
    """
    _check_max_bins(max_bins)
    sides = _one_dimensional(name, reference, np.float64), _one_dimensional(name, current, np.float64)
    pooled = np.concatenate(sides)
    present = np.sort(_within_finite(pooled[~np.isnan(pooled)]))
    cuts = _cuts(present, max_bins)
    codes = [_number_codes(side, cuts) for side in sides]
    return BinnedFeature(
        name=name,
        kind="number",
        bin_names=_number_names(present, cuts),
        edges=np.append(cuts, present[-1:]),
        reference=codes[0],
        current=codes[1],
        reference_values=sides[0],
        current_values=sides[1],
    )


def binned_category(
    name: str, reference_codes: np.ndarray, current_codes: np.ndarray, names: Sequence[str], *, max_bins: int = 50
) -> BinnedFeature:
    """A categorical feature in bins of its most frequent pooled categories, by falling frequency.

    Parameters
    ----------
    reference_codes, current_codes
        Shape (N,) and (M,), int: positions in `names`, -1 where missing.
    max_bins
        2 or more. Where more categories occur, the `max_bins` - 1 most frequent keep a bin and the rest share one; ties
        go by name. Categories that occur on neither side have none.

    Raises
    ------
    ValueError
        If `max_bins` is out of range, a side is not one-dimensional, or a code lies outside `names`.
    """
    _check_max_bins(max_bins)
    sides = _one_dimensional(name, reference_codes, np.int64), _one_dimensional(name, current_codes, np.int64)
    pooled = np.concatenate(sides)
    if len(pooled) and not (pooled.min() >= -1 and pooled.max() < len(names)):
        raise ValueError(f"codes of {name!r} must be -1 to {len(names) - 1}, got {pooled.min()} to {pooled.max()}")
    counts = np.bincount(pooled[pooled >= 0], minlength=len(names))
    kept, num_others = _kept_categories(counts, names, max_bins)
    code_of = np.full(len(names) + 1, len(kept) + 1, dtype=np.int16)
    code_of[-1] = MISSING
    code_of[kept] = np.arange(1, len(kept) + 1)
    others = (f"{num_others} others",) if num_others else ()
    return BinnedFeature(
        name=name,
        kind="category",
        bin_names=(*(str(names[position]) for position in kept), *others),
        edges=None,
        reference=code_of[sides[0]],
        current=code_of[sides[1]],
    )


def coarse_starts(counts: np.ndarray, max_bins: int) -> np.ndarray:
    """Merge K fine bins, with pooled `counts` (K,), into at most `max_bins` neighbouring ones of about equal counts.

    Returns the index of each coarse bin's first fine bin, shape (C,), ascending from 0, for `np.add.reduceat`.
    """
    if len(counts) <= max_bins:
        return np.arange(len(counts))
    middles = np.cumsum(counts) - counts / 2
    groups = np.floor(max_bins * middles / max(counts.sum(), 1)).astype(np.int64)
    return np.flatnonzero(np.diff(groups, prepend=-1))


def _check_max_bins(max_bins: int) -> None:
    if not 2 <= max_bins <= _MOST_BINS:
        raise ValueError(f"max_bins must be 2 to {_MOST_BINS}, got {max_bins!r}")


def _one_dimensional(name: str, values: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    array = np.asarray(values, dtype=dtype)
    if array.ndim != 1:
        raise ValueError(f"values of {name!r} must have shape (rows,), got {array.shape}")
    return array


def _within_finite(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    largest = np.finfo(np.float64).max
    low, high = (finite.min(), finite.max()) if len(finite) else (-largest, largest)
    return np.clip(values, low, high)


def _cuts(ascending: np.ndarray, max_bins: int) -> np.ndarray:
    """Lower ends of the bins, shape (K,)."""
    starts_value = np.ones(len(ascending), dtype=bool)
    starts_value[1:] = ascending[1:] != ascending[:-1]
    if np.count_nonzero(starts_value) <= max_bins:
        return ascending[starts_value]
    at_quantiles = ascending[np.arange(max_bins) * len(ascending) // max_bins]
    cuts, repeats = np.unique(at_quantiles, return_counts=True)
    # Where a value fills several quantile bins, the next value starts a bin; the repeated cuts left room for it.
    above = np.searchsorted(ascending, cuts[repeats > 1], side="right")
    return np.union1d(cuts, ascending[above[above < len(ascending)]])


def _number_codes(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    codes = (np.searchsorted(cuts[1:], values, side="right") + 1).astype(np.int16)
    codes[np.isnan(values)] = MISSING
    return codes


def _number_names(ascending: np.ndarray, cuts: np.ndarray) -> tuple[str, ...]:
    ends = np.append(np.searchsorted(ascending, cuts[1:]), len(ascending))[: len(cuts)] - 1
    upper = np.append(cuts[1:], ascending[-1:])
    single = ascending[ends] == cuts
    return tuple(
        _number_name(low) if alone else _range_name(low, high)
        for low, high, alone in zip(cuts, upper, single, strict=True)
    )


def _range_name(low: float, high: float) -> str:
    return f"{_number_name(low)} to {_number_name(high)}"


def _number_name(value: float) -> str:
    """Whole numbers in full, since years and codes differ in their last digits; six digits of others."""
    return f"{value:.0f}" if value == round(value) and abs(value) < _LARGEST_WHOLE else f"{value:.6g}"


def _kept_categories(counts: np.ndarray, names: Sequence[str], max_bins: int) -> tuple[list[int], int]:
    present = np.flatnonzero(counts)
    by_frequency = sorted(present.tolist(), key=lambda position: (-counts[position], str(names[position])))
    if len(present) <= max_bins:
        return by_frequency, 0
    return by_frequency[: max_bins - 1], len(present) - max_bins + 1
