"""The bootstrap behind every interval that has no formula: sums over examples, or whole groups, drawn again.

Shapes: N examples, C columns, U units (examples, or groups of them), R resamples.
"""

import math
from typing import Any

import numpy as np
from scipy import sparse
from scipy.stats import norm, t

from components.drift.share_intervals import CONFIDENCE, unit_numbers

_MANY_EXAMPLES = 100_000
_NUM_RESAMPLES, _FEWER_RESAMPLES = 1000, 200
_CELLS_AT_ONCE = 2_000_000
# A class of c examples is absent from a resample with a chance of about exp(-c).
_FEWEST_OF_A_CLASS = 10


def num_resamples(num_examples: int) -> int:
    """Resamples that are drawn of so many examples: 1,000, of more than 100,000 examples 200."""
    return _FEWER_RESAMPLES if num_examples > _MANY_EXAMPLES else _NUM_RESAMPLES


def rare_class_strata(label_indices: np.ndarray) -> np.ndarray | None:
    """The labels (N,) as strata where a class is so rare that it would vanish from resamples; None elsewhere."""
    counts = np.bincount(label_indices) if len(label_indices) else np.empty(0, np.int64)
    return label_indices if 0 < min(counts[counts > 0], default=0) < _FEWEST_OF_A_CLASS else None


def resampled_sums(
    columns: Any, *, seed: int, groups: np.ndarray | None = None, strata: np.ndarray | None = None
) -> np.ndarray:
    """Sums of columns over examples that are drawn with replacement.

    Parameters
    ----------
    columns
        Shape (N, C), an array or a sparse one of SciPy: what a metric is made of, one row an example. N is 1 or more.
    seed
        Of the draws: the same seed and N draw the same examples.
    groups
        Shape (N,), int: whole groups are drawn, for their examples resemble each other; negative is a group of one.
    strata
        Shape (N,), int: as many are drawn of each stratum as there are. Not used beside groups.

    Returns
    -------
    np.ndarray
        Shape (R, C), float64.

    References
    ----------
    Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 6 and 8; groups: Davison and Hinkley,
    "Bootstrap Methods and their Application" (1997), section 3.8.
    """
    summed = sparse.csr_array(columns)
    if groups is not None:
        units = unit_numbers(summed.shape[0], groups)
        membership = sparse.csr_array((np.ones(len(units)), (units, np.arange(len(units)))))
        summed, strata = membership @ summed, None
    transposed = summed.T.tocsr()
    rng, num_units = np.random.default_rng(seed), summed.shape[0]
    order, starts, sizes = _ranges(num_units, strata)
    wanted = num_resamples(num_units)
    parts = []
    for begin in range(0, wanted, at_once := max(1, _CELLS_AT_ONCE // num_units)):
        drawn = min(at_once, wanted - begin)
        places = starts + (rng.random((drawn, num_units)) * sizes).astype(np.int64)
        cells = (places + np.arange(drawn)[:, None] * num_units).ravel()
        counts = np.bincount(cells, minlength=drawn * num_units).reshape(drawn, num_units).astype(np.float64)
        weights = np.empty_like(counts)
        weights[:, order] = counts
        parts.append((transposed @ weights.T).T)
    return np.concatenate(parts)


def percentile_interval(values: np.ndarray, *, num_units: int) -> tuple[float, float]:
    """95 % percentile interval of a resampled metric, widened as Student's t is for few units.

    Parameters
    ----------
    values
        Shape (R,); those that are `nan` are left out.
    num_units
        Examples, or groups, that were drawn from.

    Returns
    -------
    tuple[float, float]
        `nan` where nothing is defined, or there is only one unit: nothing can be said of others.

    References
    ----------
    Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69 (2015), section 5.3.
    """
    defined = values[np.isfinite(values)]
    if not len(defined) or num_units < 2:
        return math.nan, math.nan
    low, high = np.quantile(defined, [outer := _outer_share(num_units), 1.0 - outer])
    return float(low), float(high)


def _outer_share(num_units: int) -> float:
    """What lies beyond either end of the interval, 0.025 for very many units."""
    widened = math.sqrt(num_units / (num_units - 1)) * t.ppf((1.0 + CONFIDENCE) / 2, num_units - 1)
    return float(norm.sf(widened))


def _ranges(num_units: int, strata: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units in the strata's order, and for each place where its stratum begins and how many units it has."""
    if strata is None:
        return np.arange(num_units), np.zeros(num_units, np.int64), np.full(num_units, num_units)
    order = np.argsort(strata, kind="stable")
    numbers = np.unique(strata[order], return_inverse=True)[1]
    sizes = np.bincount(numbers)
    return order, (np.cumsum(sizes) - sizes)[numbers], sizes[numbers]
