"""How much a share or a mean differs between any two of several groups, with what looking at every pair costs.

The largest difference of G groups grows with G by chance alone. So the critical value is that of the studentized range:
the intervals of all pairs hold together, and with them that of the largest difference. With two groups it is 1.96.

Shapes: G groups.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
import math

import numpy as np
from scipy.stats import studentized_range

from components.drift.group_means import GroupMeans
from components.drift.share_intervals import CONFIDENCE

_LARGEST_Z, _HALVINGS = 40.0, 32
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class LargestDifference:
    """The largest difference between two of G groups.

    Attributes
    ----------
    highest, lowest
        Indices of the groups of the largest and the smallest mean.
    difference, low, high
        Largest less smallest mean with its 95 % interval, 0 or more, all pairs counted.
    ratio, ratio_low, ratio_high
        Smallest over largest mean, 0 to 1, the same; `nan` where the largest is not above 0.
    surest
        The pair, higher and lower, whose own interval begins highest: of it a difference is surest.
    """

    highest: int
    lowest: int
    difference: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    surest: tuple[int, int]


def largest_difference(means: GroupMeans, *, confidence: float = CONFIDENCE) -> LargestDifference:
    """The largest difference and the smallest ratio between two groups, with simultaneous intervals.

    Parameters
    ----------
    means
        Of G groups, 2 or more, each with a finite mean and effective number.
    confidence
        Of the intervals, 0 to 1.

    References
    ----------
    Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17
    (1998), method 10; with other limits and a correlation: Zou and Donner, "Construction of confidence limits about
    effect measures", Statistics in Medicine 27 (2008). All pairs at once: Agresti, Bini, Bertaccini and Ryu,
    "Simultaneous confidence intervals for comparing binomial parameters", Biometrics 64 (2008).
    """
    values = means.values
    _check(means)
    z = _critical(len(values), confidence)
    lower, upper = _contrasts(means, z)
    surest = np.unravel_index(int(np.argmax(np.where(np.eye(len(values), dtype=bool), -np.inf, lower))), lower.shape)
    highest, lowest = int(values.argmax()), int(values.argmin())
    has_ratio = bool(values.min() >= 0 and values.max() > 0)
    ratio_low, ratio_high = _ratio_limits(means, z) if has_ratio else (math.nan, math.nan)
    return LargestDifference(
        highest=highest,
        lowest=lowest,
        difference=float(values[highest] - values[lowest]),
        low=max(0.0, float(lower.max())),
        high=float(upper.max()),
        ratio=float(values[lowest] / values[highest]) if has_ratio else math.nan,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
        surest=(int(surest[0]), int(surest[1])),
    )


def difference_p_value(means: GroupMeans, limit: float = 0.0) -> float:
    """Chance of a difference that is as surely above `limit`, where no two groups differ by more; all pairs counted."""
    return _p_value(means, 1.0, limit)


def ratio_p_value(means: GroupMeans, limit: float) -> float:
    """Chance of a ratio that is as surely below `limit`, 0 to 1, where no two groups' is; all pairs counted."""
    return _p_value(means, limit, 0.0)


def _p_value(means: GroupMeans, factor: float, limit: float) -> float:
    _check(means)
    z = float(_evidence(means, factor, limit).max())
    return float(np.clip(studentized_range.sf(z * math.sqrt(2), len(means.values), np.inf), 0.0, 1.0)) if z else 1.0


def _evidence(means: GroupMeans, factor: float, limit: float) -> np.ndarray:
    """How many standard errors wide the interval of `factor` x mean - other mean may be, and stay above `limit`."""
    observed = factor * means.values[:, None] - means.values[None, :]
    if not (observed > limit + _ROUNDING).any():
        return np.zeros(observed.shape)
    found = _bisected(lambda z: _contrasts(means, z, factor)[0] > limit, np.full(observed.shape, _LARGEST_Z))
    return np.where(observed > limit + _ROUNDING, found, 0.0)


def _contrasts(means: GroupMeans, z: float | np.ndarray, factor: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of `factor` x the mean of one group less that of another, shape (G, G) each.

    The first index is the group that is multiplied; `z` may be of that shape.
    """
    one, other = means.values[:, None], means.values[None, :]
    if isinstance(z, np.ndarray):
        ends = [_limits_of(means, z, axis) for axis in (0, 1)]
    else:
        low, high = means.limits(z)
        ends = [(low[:, None], high[:, None]), (low[None, :], high[None, :])]
    (one_low, one_high), (other_low, other_high) = ends
    middle = factor * one - other
    down, other_up = factor * (one - one_low), other_high - other
    up, other_down = factor * (one_high - one), other - other_low
    shared = 2 * means.correlation
    below = np.sqrt(np.maximum(down**2 + other_up**2 - shared * down * other_up, 0.0))
    above = np.sqrt(np.maximum(up**2 + other_down**2 - shared * up * other_down, 0.0))
    return middle - below, middle + above


def _limits_of(means: GroupMeans, z: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of intervals at a quantile a pair, shape (G, G) each, of the pair's first or second group."""
    shape = (slice(None), None) if axis == 0 else (None, slice(None))
    spread = GroupMeans(
        num_examples=means.num_examples[shape],
        values=means.values[shape],
        effective=means.effective[shape],
        deviations=None if means.deviations is None else means.deviations[shape],
        correlation=means.correlation,
    )
    return spread.limits(z)


def _ratio_limits(means: GroupMeans, z: float) -> tuple[float, float]:
    """Ends of the interval of the smallest ratio of two means, at most 1: the roots where a contrast leaves 0."""
    low, high = means.limits(z)
    one, other = means.values[:, None], means.values[None, :]  # one / other
    smallest = _roots(one, other, one - low[:, None], high[None, :] - other, means.correlation)[0]
    largest = _roots(one, other, high[:, None] - one, other - low[None, :], means.correlation)[1]
    apart = ~np.eye(len(means.values), dtype=bool)
    return max(0.0, float(np.minimum(smallest, 1.0)[apart].min())), float(np.minimum(largest, 1.0)[apart].min())


def _roots(
    one: np.ndarray, other: np.ndarray, by_one: np.ndarray, by_other: np.ndarray, correlation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both ratios at which `one` - ratio x `other` is as far from 0 as its interval is wide, shape (G, G) each.

    The second is infinite where `other` may be 0.
    """
    square = other**2 - by_other**2
    middle = one * other - correlation * by_one * by_other
    constant = one**2 - by_one**2
    width = np.sqrt(np.maximum(middle**2 - square * constant, 0.0))
    smaller = np.divide(constant, middle + width, out=np.zeros_like(middle), where=middle + width > 0)
    larger = np.divide(middle + width, square, out=np.full_like(middle, math.inf), where=square > _ROUNDING)
    return smaller, larger


def _bisected(holds: Callable[[np.ndarray], np.ndarray], largest: np.ndarray) -> np.ndarray:
    """For each pair, up to which number between 0 and `largest` something holds that ends once; shape (G, G)."""
    low, high = np.zeros(largest.shape), largest.copy()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        still = holds(middle)
        low, high = np.where(still, middle, low), np.where(still, high, middle)
    return low


@cache
def _critical(num_groups: int, confidence: float) -> float:
    """How many standard errors wide the intervals of all pairs must be; 1.96 for two groups at 95 %."""
    return float(studentized_range.ppf(confidence, num_groups, np.inf) / math.sqrt(2))


def _check(means: GroupMeans) -> None:
    if len(means.values) < 2 or not (np.isfinite(means.values) & np.isfinite(means.effective)).all():
        raise ValueError(
            f"groups to compare must be two or more with a finite mean each, got {len(means.values)} with "
            f"{means.values.tolist()}"
        )
