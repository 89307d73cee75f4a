"""Two models on the same examples: the difference of a metric, how sure it is, and whether it is more than chance.

A difference is positive where the challenger is better, of errors too.

Shapes: N examples, K classes, U units (groups, or examples without one).
"""

from collections.abc import Callable
import math

import numpy as np
from scipy import sparse
from scipy.stats import t

from components.drift.paired_shares import no_difference, PairedDifference
from components.drift.share_intervals import unit_numbers
from components.model_analysis.metrics.class_sums import class_columns, macro_measures
from components.model_analysis.metrics.regression import number_columns, number_measures
from components.model_analysis.metrics.resampling import percentile_interval, rare_class_strata, resampled_sums
from components.model_analysis.metrics.roc_intervals import area_influence, standard_error
from components.shared.contracts.target_spec import ERROR_METRICS


def paired_macro(
    labels: np.ndarray,
    challenger: np.ndarray,
    champion: np.ndarray,
    metric: str,
    num_classes: int,
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> PairedDifference:
    """A macro average of two models, by a bootstrap of the same examples for both.

    Labels and the two models' answers are class indices, shape (N,).
    """
    sides = [class_columns(labels, side, num_classes) for side in (challenger, champion)]
    return _bootstrapped(sides, lambda sums: macro_measures(sums)[metric], 1.0, groups, rare_class_strata(labels), seed)


def paired_precision(
    positive: np.ndarray,
    challenger: np.ndarray,
    champion: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> PairedDifference:
    """The precision of two models that answered positive, or not: shape (N,) each, bool."""
    sides = [np.column_stack([answered & positive, answered]).astype(np.float64) for answered in (challenger, champion)]
    return _bootstrapped(sides, _ratio, 1.0, groups, rare_class_strata(positive.astype(np.int64)), seed)


def paired_numbers(
    labels: np.ndarray,
    challenger: np.ndarray,
    champion: np.ndarray,
    metric: str,
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> PairedDifference:
    """`rmse`, `mae` or `r2` of two models' numbers, shape (N,) each, by a bootstrap of the same examples for both."""
    sides = [number_columns(labels, side) for side in (challenger, champion)]
    sign = -1.0 if metric in ERROR_METRICS else 1.0
    return _bootstrapped(sides, lambda sums: number_measures(sums)[metric], sign, groups, None, seed)


def paired_areas(
    labels: np.ndarray, challenger: np.ndarray, champion: np.ndarray, groups: np.ndarray | None = None
) -> PairedDifference:
    """Mean area under the ROC curves of each class against the rest, of probabilities (N, K) of two models.

    DeLong's comparison of correlated areas (see `area_influence`), with Student's t of the units.
    """
    areas: list[tuple[float, float]] = []
    influence = np.zeros(len(labels))
    for index in range(challenger.shape[1]):
        positive = labels == index
        if not positive.any() or positive.all():
            continue
        (area, moved), (other, moved_other) = (area_influence(positive, s[:, index]) for s in (challenger, champion))
        areas.append((area, other))
        influence += moved - moved_other
    if not areas:
        return no_difference(len(labels))
    means, influence = np.mean(areas, axis=0), influence / len(areas)
    error, factor = standard_error(influence, groups)
    difference = float(means[0] - means[1])
    return PairedDifference(
        num_examples=len(labels),
        challenger=float(means[0]),
        champion=float(means[1]),
        difference=difference,
        low=difference - factor * error,
        high=difference + factor * error,
        p_value=_t_p_value(difference, error, len(labels), groups),
        error=error,
    )


def _bootstrapped(
    sides: list[np.ndarray] | list[sparse.csr_array],
    measure: Callable[[np.ndarray], np.ndarray],
    sign: float,
    groups: np.ndarray | None,
    strata: np.ndarray | None,
    seed: int,
) -> PairedDifference:
    num_examples = sides[0].shape[0]
    if not num_examples:
        return no_difference(0)
    columns = [sparse.csr_array(side) for side in sides]
    challenger, champion = (float(measure(side.sum(axis=0)[None])[0]) for side in columns)
    sums = resampled_sums(sparse.hstack(columns, format="csr"), groups=groups, strata=strata, seed=seed)
    drawn = [measure(half) for half in np.split(sums, 2, axis=1)]
    differences = sign * (drawn[0] - drawn[1])
    num_units = int(unit_numbers(num_examples, groups).max()) + 1
    low, high = percentile_interval(differences, num_units=num_units)
    defined = differences[np.isfinite(differences)]
    error = float(defined.std()) if num_units > 1 and len(defined) else math.nan
    difference = sign * (challenger - champion)
    return PairedDifference(
        num_examples=num_examples,
        challenger=challenger,
        champion=champion,
        difference=difference,
        low=min(low, difference),
        high=max(high, difference),
        p_value=_t_p_value(difference, error, num_examples, groups),
        error=error,
    )


def _t_p_value(difference: float, error: float, num_examples: int, groups: np.ndarray | None) -> float:
    if not math.isfinite(difference) or not math.isfinite(error):
        return math.nan
    if not error:
        return 0.0 if difference < 0 else 1.0
    return float(t.cdf(difference / error, int(unit_numbers(num_examples, groups).max())))


def _ratio(sums: np.ndarray) -> np.ndarray:
    return np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), math.nan), where=sums[:, 1] > 0)
