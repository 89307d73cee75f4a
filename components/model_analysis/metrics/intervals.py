"""95 % intervals of shares: Wilson's, with fewer effective examples where examples of a group resemble each other.

Shapes: N examples, U units (groups, or examples without one).
"""

import math

import numpy as np
from scipy.stats import norm, t

from components.model_analysis.metrics.resampling import CONFIDENCE, unit_numbers

Z = float(norm.ppf((1.0 + CONFIDENCE) / 2))


def wilson_interval(num_right: float, num_examples: float) -> tuple[float, float]:
    """95 % Wilson score interval of a share, 0 to 1; `nan` without examples.

    Counts may be effective ones, which are not whole.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not num_examples > 0:
        return math.nan, math.nan
    share, weight = num_right / num_examples, Z**2 / num_examples
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(max(share * (1 - share), 0.0) * weight + weight**2 / 4) / (1 + weight)
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def share_interval(right: np.ndarray, groups: np.ndarray | None = None) -> tuple[float, float]:
    """95 % interval of the share of examples that are right.

    Parameters
    ----------
    right
        Shape (N,), bool; N may be 0.
    groups
        Shape (N,), int: whole groups were sampled; negative is a group of one. None where examples were.

    Returns
    -------
    tuple[float, float]
        0 to 1; `nan` without examples, and where all are of one group.
    """
    num_right, num_examples = int(right.sum()), len(right)
    if groups is None or not num_examples:
        return wilson_interval(num_right, num_examples)
    share = num_right / num_examples
    effective = effective_number(right - share, groups, share * (1 - share))
    return wilson_interval(share * effective, effective)


def effective_number(centred: np.ndarray, groups: np.ndarray, variance: float) -> float:
    """How many independent examples say as much of a mean as N examples in groups.

    Parameters
    ----------
    centred
        Shape (N,): values less their mean.
    groups
        Shape (N,), int, as in `share_interval`.
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
