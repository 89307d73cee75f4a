"""Effect sizes: how large a difference is, whether or not it is chance. They do not grow with the number of rows."""

import math

import numpy as np


def standardised_mean_difference(reference: np.ndarray, current: np.ndarray) -> float:
    """Difference of the means of (N,) and (M,) values in standard deviations (Cohen's d), current less reference.

    Values that are not finite are left out; `nan` where a side has fewer than 2 finite values, neither side varies, or
    a variance is too large for a float. Reference: Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd
    ed., section 2.2; variances unweighted.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (reference, current)]
    sides = [side[np.isfinite(side)] for side in sides]
    if min(map(len, sides)) < 2:
        return math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = math.sqrt(sum(float(side.var(ddof=1)) for side in sides) / 2)
        difference = float(sides[1].mean() - sides[0].mean())
    return difference / deviation if 0.0 < deviation < math.inf else math.nan


def above_chance(statistic: np.ndarray) -> float:
    """Observed distance less the mean of the permuted ones, 0 at least; `nan` where nothing was compared.

    `statistic` is (P + 1,), the observed value first. The distance of many categories is large by chance alone.
    """
    permuted = statistic[1:][~np.isnan(statistic[1:])]
    if math.isnan(statistic[0]) or not len(permuted):
        return math.nan
    return max(0.0, float(statistic[0] - permuted.mean()))


def rank_separation(reference_scores: np.ndarray, current_scores: np.ndarray) -> float:
    """How well a finite score tells the sides apart, -1 to 1 (2 AUC - 1, Mann-Whitney); `nan` where one is empty.

    It is the share of pairs in which the reference's row scores higher, less the share in which it scores lower.
    """
    if not len(reference_scores) or not len(current_scores):
        return math.nan
    ascending = np.sort(current_scores)
    below = np.searchsorted(ascending, reference_scores, side="left")
    at_most = np.searchsorted(ascending, reference_scores, side="right")
    return float((below + at_most).mean() / len(ascending) - 1)


def held_out_separation(
    reference_rows: np.ndarray, current_rows: np.ndarray, reference_halves: np.ndarray, current_halves: np.ndarray
) -> float:
    """How well a linear score found on one half of the rows tells the sides of the other half apart, 0 to 1.

    Each half is scored by the other's linear discriminant (covariance shrunk towards a sphere by D / (D + rows)), so
    that chance gives 0 on average, however many columns there are. Rows are (N, D) and (M, D), finite; halves (N,) and
    (M,), bool, keep rows that depend on each other together. `nan` where a half of a side is empty.
    """
    separations = []
    for flip in (False, True):
        reference_fit, current_fit = reference_halves ^ flip, current_halves ^ flip
        if not all(half.any() and not half.all() for half in (reference_fit, current_fit)):
            return math.nan
        direction = _discriminant(reference_rows[reference_fit], current_rows[current_fit])
        scores = reference_rows[~reference_fit] @ direction, current_rows[~current_fit] @ direction
        separations.append(rank_separation(*scores))
    return max(0.0, sum(separations) / 2)


def _discriminant(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    means = [side.mean(axis=0, dtype=np.float64) for side in (reference, current)]
    centred = np.concatenate([side - mean for side, mean in zip((reference, current), means, strict=True)])
    num_rows, num_columns = centred.shape
    covariance = centred.T @ centred / num_rows
    shrinkage = num_columns / (num_columns + num_rows)
    sphere = max(float(np.trace(covariance)) / num_columns, np.finfo(np.float64).tiny)
    shrunk = (1 - shrinkage) * covariance + shrinkage * sphere * np.eye(num_columns)
    return np.linalg.solve(shrunk, means[0] - means[1])
