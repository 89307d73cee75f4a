"""Two models on the same examples: the difference of a share, how sure it is, and whether it is more than chance.

A difference is positive where the challenger is better. Shape: N examples.
"""

from dataclasses import dataclass
import math

import numpy as np

from components.drift.paired_statistics import agresti_min_interval, sign_flip_p_value
from components.drift.share_intervals import effective_number, unit_numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedDifference:
    """A metric of two models on the same N examples.

    Attributes
    ----------
    challenger, champion
        The metric of either, `nan` where it is undefined.
    difference
        Positive where the challenger is better.
    low, high
        Its 95 % interval; `nan` where nothing can be said.
    p_value
        The chance of a challenger at least this much worse where the two are equally good; one-sided, 0 to 1.
    error
        Standard error of the difference.
    """

    num_examples: int
    challenger: float
    champion: float
    difference: float
    low: float
    high: float
    p_value: float
    error: float


def paired_shares(
    challenger_right: np.ndarray, champion_right: np.ndarray, groups: np.ndarray | None = None
) -> PairedDifference:
    """Two shares of the same examples: accuracy, or recall among the examples of a class.

    Parameters
    ----------
    challenger_right, champion_right
        Shape (N,), bool.
    groups
        Shape (N,), int: whole groups were sampled; negative is a group of one. None where examples were.

    References
    ----------
    Interval: Agresti and Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in
    Medicine 24 (2005); with groups on effective counts. Test: McNemar, Psychometrika 12 (1947), exact; with groups, the
    signs of the groups' sums are flipped, which is the same where each group is one example.
    """
    num_examples = len(challenger_right)
    if not num_examples:
        return no_difference(0)
    signs = challenger_right.astype(np.int64) - champion_right.astype(np.int64)
    difference = float(signs.mean())
    effective = float(num_examples)
    if groups is not None:
        effective = effective_number(signs - difference, groups, float((signs**2).mean()) - difference**2)
    low, high, error = agresti_min_interval(difference, float((signs**2).mean()), effective)
    return PairedDifference(
        num_examples=num_examples,
        challenger=float(challenger_right.mean()),
        champion=float(champion_right.mean()),
        difference=difference,
        low=low,
        high=high,
        p_value=sign_flip_p_value(np.bincount(unit_numbers(num_examples, groups), weights=signs)),
        error=error,
    )


def no_difference(num_examples: int) -> PairedDifference:
    """What is said where nothing can be: `nan` throughout."""
    undefined = dict.fromkeys(("challenger", "champion", "difference", "low", "high", "p_value", "error"), math.nan)
    return PairedDifference(num_examples=num_examples, **undefined)
