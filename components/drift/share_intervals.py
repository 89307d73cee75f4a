"""95 % intervals of shares: Wilson's, with fewer effective examples where examples of a group resemble each other.

Shapes: N examples, G shares, U units (groups, or examples without one).
"""

import math

import numpy as np
from scipy.stats import norm, t

CONFIDENCE = 0.95
Z = float(norm.ppf((1.0 + CONFIDENCE) / 2))


def unit_numbers(num_examples: int, groups: np.ndarray | None) -> np.ndarray:
    """The unit of each example, shape (N,), int64, 0 to U - 1: its group, or itself where the group is negative."""
    if groups is None:
        return np.arange(num_examples)
    if groups.shape != (num_examples,):
        raise ValueError(f"groups must be one an example, shape ({num_examples},), got {groups.shape}")
    alone = -1 - np.arange(num_examples)
    return np.unique(np.where(groups < 0, alone, groups), return_inverse=True)[1].astype(np.int64)


def wilson_interval(num_right: float, num_examples: float) -> tuple[float, float]:
    """95 % Wilson score interval of a share, 0 to 1; `nan` without examples.

    Counts may be effective ones, which are not whole.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not num_examples > 0:
        return math.nan, math.nan
    low, high = wilson_limits(np.array([num_right / num_examples]), np.array([num_examples]), Z)
    return float(low[0]), float(high[0])


def wilson_limits(shares: np.ndarray, num_examples: np.ndarray, z: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of Wilson's interval at a normal quantile, shape (G,) each.

    Parameters
    ----------
    shares
        Shape (G,), 0 to 1.
    num_examples
        Shape (G,), above 0, effective ones or whole; `nan` gives `nan`.
    z
        How many standard errors, 0 or more; 1.96 gives 95 %.
    """
    weight = z**2 / num_examples
    middle = (shares + weight / 2) / (1 + weight)
    half = np.sqrt(np.maximum(shares * (1 - shares), 0.0) * weight + weight**2 / 4) / (1 + weight)
    return np.maximum(0.0, np.minimum(shares, middle - half)), np.minimum(1.0, np.maximum(shares, middle + half))


def effective_number(centred: np.ndarray, groups: np.ndarray, variance: float) -> float:
    """How many independent examples say as much of a mean as N examples in groups.

    Parameters
    ----------
    centred
        Shape (N,): values less their mean.
    groups
        Shape (N,), int: whole groups were sampled; negative is a group of one.
    variance
        Of a value, as independent examples would have it; where it is 0, nothing tells how groups differ, and each
        counts as one example.

    Returns
    -------
    float
        At most N; `nan` for a single group. With few groups fewer still, as Student's t demands.

    References
    ----------
    Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data", Survey Methodology 24 (1998).
    """
    num_examples = len(centred)
    units = unit_numbers(num_examples, groups)
    num_units = int(units.max()) + 1
    if num_units < 2:
        return math.nan
    if num_units == num_examples:
        return float(num_examples)
    sums = np.bincount(units, weights=centred)
    inflation = num_units / (num_units - 1) * float(sums @ sums) / (num_examples * variance) if variance else 0.0
    independent = num_examples / max(inflation, 1.0) if inflation else float(num_units)
    return independent * (Z / float(t.ppf((1.0 + CONFIDENCE) / 2, num_units - 1))) ** 2
