"""How sure an area under a ROC curve is, from how often each example is placed right: no resampling.

Shapes: N examples, K classes.
"""

from collections.abc import Sequence
import math

import numpy as np
from scipy.stats import rankdata, t

from components.drift.share_intervals import CONFIDENCE, unit_numbers, wilson_interval


def area_influence(positive: np.ndarray, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """The area under the ROC curve, and how far each example moves it.

    Parameters
    ----------
    positive
        Shape (N,), bool, with some of both.
    scores
        Shape (N,): larger is more positive; ties count half.

    Returns
    -------
    tuple[float, np.ndarray]
        The area, 0 to 1, and shape (N,): the variance of the area is the sum of their squares.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 44 (1988).
    """
    num_positive = int(positive.sum())
    num_negative = len(positive) - num_positive
    ranks = rankdata(scores)
    above = (ranks[positive] - rankdata(scores[positive])) / num_negative
    below = 1.0 - (ranks[~positive] - rankdata(scores[~positive])) / num_positive
    area = float(above.mean())
    influence = np.empty(len(positive))
    influence[positive] = (above - area) / num_positive
    influence[~positive] = (below - area) / num_negative
    return area, influence


def standard_error(influence: np.ndarray, groups: np.ndarray | None) -> tuple[float, float]:
    """Standard error of a metric from its examples' influence (N,), and the factor that a 95 % interval takes.

    Whole groups count as one, Student's t takes their number: Obuchowski, "Nonparametric analysis of clustered ROC
    curve data", Biometrics 53 (1997).
    """
    units = unit_numbers(len(influence), groups)
    num_units = int(units.max()) + 1
    if num_units < 2:
        return math.nan, math.nan
    sums = np.bincount(units, weights=influence)
    factor = float(t.ppf((1.0 + CONFIDENCE) / 2, num_units - 1))
    return math.sqrt(num_units / (num_units - 1) * float(sums @ sums)), factor


def area_interval(area: float, influence: np.ndarray, fewest: int, groups: np.ndarray | None) -> tuple[float, float]:
    """95 % interval of an area, or of a mean of areas.

    Parameters
    ----------
    influence
        Shape (N,), of `area_influence`.
    fewest
        Examples of the rarest side: where the order is perfect, nothing varies, and the interval is that of a share of
        so many examples that all are right.
    groups
        Shape (N,), int, as in `share_interval`.

    References
    ----------
    On the logit scale: Pepe, "The statistical evaluation of medical tests for classification and prediction" (2003),
    section 5.2.
    """
    error, factor = standard_error(influence, groups)
    if not error > 0.0 or not 0.0 < area < 1.0:
        return wilson_interval(area * fewest, fewest) if error == 0.0 else (math.nan, math.nan)
    middle, half = math.log(area / (1 - area)), factor * error / (area * (1 - area))
    return _expit(middle - half), _expit(middle + half)


def one_vs_rest_intervals(
    label_indices: np.ndarray, probabilities: np.ndarray, groups: np.ndarray | None
) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """Intervals of each class's area against the rest, and of their mean; `nan` where an area is undefined.

    Labels have the shape (N,), probabilities (N, K).
    """
    each: list[tuple[float, float]] = []
    areas: list[float] = []
    summed, rarest = np.zeros(len(label_indices)), len(label_indices)
    for index in range(probabilities.shape[1]):
        positive = label_indices == index
        num_positive = int(positive.sum())
        fewest = min(num_positive, len(positive) - num_positive)
        if not fewest:
            each.append((math.nan, math.nan))
            continue
        area, influence = area_influence(positive, probabilities[:, index])
        each.append(area_interval(area, influence, _num_units(positive, fewest, groups), groups))
        areas.append(area)
        summed += influence
        rarest = min(rarest, _num_units(positive, fewest, groups))
    return each, _mean_interval(areas, summed, rarest, groups)


def _mean_interval(
    areas: Sequence[float], summed: np.ndarray, rarest: int, groups: np.ndarray | None
) -> tuple[float, float]:
    if not areas:
        return math.nan, math.nan
    return area_interval(sum(areas) / len(areas), summed / len(areas), rarest, groups)


def _num_units(positive: np.ndarray, fewest: int, groups: np.ndarray | None) -> int:
    """Examples of the rarer side, or groups that hold any."""
    if groups is None:
        return fewest
    rarer = positive if int(positive.sum()) == fewest else ~positive
    return int(unit_numbers(fewest, groups[rarer]).max()) + 1


def _expit(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value)) if value > -700 else 0.0
