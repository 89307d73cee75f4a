"""What learning curves say: accuracy with intervals, and how many labels a strategy needs for what random reaches.

Shapes: S seeds, R sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
from scipy.stats import norm, t

from components.drift.share_intervals import CONFIDENCE

_NUM_RESAMPLES = 1000
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class MeanInterval:
    """A mean over seeds with its 95 % interval by Student's t; `nan` ends with fewer than two seeds."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRatio:
    """Labels that a strategy needs for what random sampling reaches with all its labels.

    Attributes
    ----------
    target
        That accuracy.
    labels
        What the strategy needs, interpolated; `inf` where it does not reach it.
    labels_at_random
        What random sampling needs: all its labels, or fewer where its curve is flat at the end.
    ratio, low, high
        `labels` as a share of `labels_at_random`, with the 95 % interval; `inf` where it is not reached.
    """

    target: float
    labels: float
    labels_at_random: float
    ratio: float
    low: float
    high: float


def mean_interval(values: np.ndarray) -> MeanInterval:
    """Mean of one value a seed, shape (S,), or of one paired difference a seed."""
    num_seeds = len(values)
    mean = float(values.mean())
    if num_seeds < 2:
        return MeanInterval(mean=mean, low=math.nan, high=math.nan)
    half = float(t.ppf((1 + CONFIDENCE) / 2, num_seeds - 1)) * float(values.std(ddof=1)) / math.sqrt(num_seeds)
    return MeanInterval(mean=mean, low=mean - half, high=mean + half)


def labels_to_reach(sizes: Sequence[int], accuracies: np.ndarray, target: float) -> float:
    """Labels at which a curve reaches an accuracy, between two sizes in proportion.

    Parameters
    ----------
    sizes
        R numbers of labels, ascending.
    accuracies
        Shape (R,), a mean over seeds: the non-decreasing curve that is nearest to it is read.
    target
        The accuracy.

    Returns
    -------
    float
        From the first size to the last; `inf` where the curve stays below.
    """
    curve = never_falling(accuracies)
    above = np.flatnonzero(curve >= target - _ROUNDING)
    if not len(above):
        return math.inf
    place = int(above[0])
    if not place:
        return float(sizes[0])
    share = (target - curve[place - 1]) / (curve[place] - curve[place - 1])
    return float(sizes[place - 1] + share * (sizes[place] - sizes[place - 1]))


def never_falling(values: np.ndarray) -> np.ndarray:
    """The non-decreasing curve that is nearest to values, shape (R,), in least squares.

    References
    ----------
    The largest of the smallest means of stretches around each place: T. Robertson, F. Wright, R. Dykstra, "Order
    Restricted Statistical Inference" (1988), theorem 1.4.4.
    """
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, np.float64))])
    first, last = np.arange(len(values))[:, None], np.arange(len(values))[None, :]
    means = np.where(last >= first, (sums[1:][None, :] - sums[:-1][:, None]) / np.maximum(last - first + 1, 1), np.inf)
    smallest = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
    found: np.ndarray = np.where(last >= first, smallest, -np.inf).max(axis=0)
    return found


def label_ratio(sizes: Sequence[int], chosen: np.ndarray, at_random: np.ndarray, *, seed: int = 0) -> LabelRatio:
    """Labels for random sampling's accuracy at the last size.

    Parameters
    ----------
    sizes
        R numbers of labels, ascending.
    chosen, at_random
        Shape (S, R): accuracies of the strategy and of random sampling, paired by seed.
    seed
        Of the resamples.

    References
    ----------
    The interval: bootstrap of whole seeds, both curves of a seed together, with percentiles widened for few seeds as
    Student's t is; T. Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69 (2015),
    section 5.3.
    """
    num_seeds = len(chosen)
    target, labels, labels_at_random = _labels(sizes, chosen.mean(axis=0), at_random.mean(axis=0))
    low = high = math.nan
    if num_seeds > 1:
        draws = np.random.default_rng(seed).integers(0, num_seeds, (_NUM_RESAMPLES, num_seeds))
        drawn = [_labels(sizes, chosen[rows].mean(axis=0), at_random[rows].mean(axis=0)) for rows in draws]
        ratios = np.sort([needed / needed_at_random for _, needed, needed_at_random in drawn])
        quantile = float(t.ppf((1 + CONFIDENCE) / 2, num_seeds - 1))
        tail = float(norm.cdf(-math.sqrt(num_seeds / (num_seeds - 1)) * quantile))
        outside = math.floor(tail * (len(ratios) - 1))
        low, high = float(ratios[outside]), float(ratios[-1 - outside])
    return LabelRatio(
        target=target,
        labels=labels,
        labels_at_random=labels_at_random,
        ratio=labels / labels_at_random,
        low=low,
        high=high,
    )


def _labels(sizes: Sequence[int], chosen: np.ndarray, at_random: np.ndarray) -> tuple[float, float, float]:
    """What random sampling reaches at the end, and the labels for it of the strategy and of random sampling itself."""
    target = float(never_falling(at_random)[-1])
    return target, labels_to_reach(sizes, chosen, target), labels_to_reach(sizes, at_random, target)
