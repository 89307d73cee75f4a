"""95 % intervals of every metric of a classifier, each by the way that suits it.

Shapes: N examples, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math

import numpy as np
from scipy import sparse

from components.drift.share_intervals import unit_numbers
from components.model_analysis.metrics.calibration import calibration_error_interval
from components.model_analysis.metrics.class_sums import (
    class_columns,
    macro_measures,
    probability_columns,
    probability_sums,
)
from components.model_analysis.metrics.intervals import share_interval
from components.model_analysis.metrics.per_class import ClassMetrics
from components.model_analysis.metrics.resampling import percentile_interval, rare_class_strata, resampled_sums
from components.model_analysis.metrics.roc_intervals import one_vs_rest_intervals

Interval = tuple[float, float]
NOT_DEFINED: Interval = (math.nan, math.nan)
_NAMES = (
    "accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "roc_auc",
    "log_loss",
    "brier_score",
    "expected_calibration_error",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassIntervals:
    """Intervals by metric, and of each class's F1 and ROC AUC, K each."""

    metrics: dict[str, Interval]
    f1: Sequence[Interval]
    roc_auc: Sequence[Interval]

    def bounds(self) -> dict[str, float]:
        """The ends as metrics: `accuracy_low`, `accuracy_high` and so on."""
        return {
            f"{name}_{end}": bound
            for name, interval in self.metrics.items()
            for end, bound in zip(("low", "high"), interval, strict=True)
        }

    def beside(self, per_class: Sequence[ClassMetrics]) -> tuple[ClassMetrics, ...]:
        """The classes' metrics with these intervals."""
        return tuple(
            replace(item, f1_low=f1[0], f1_high=f1[1], roc_auc_low=area[0], roc_auc_high=area[1])
            for item, f1, area in zip(per_class, self.f1, self.roc_auc, strict=True)
        )


def class_intervals(
    label_indices: np.ndarray,
    probabilities: np.ndarray,
    calibration_error: float,
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> ClassIntervals:
    """Intervals of every metric: a formula where one holds, a bootstrap elsewhere.

    Parameters
    ----------
    label_indices
        Shape (N,), int.
    probabilities
        Shape (N, K), float64; each row adds up to 1.
    calibration_error
        As it was observed.
    groups
        Shape (N,), int, as in `share_interval`.
    seed
        Of the bootstrap.

    Returns
    -------
    ClassIntervals
        Accuracy by Wilson, areas by DeLong, the rest by 1,000 resamples (200 of more than 100,000 examples). `nan`
        without examples, where a metric is undefined, and where all examples are of one group.
    """
    num_examples, num_classes = probabilities.shape
    if not num_examples:
        undefined = [NOT_DEFINED] * num_classes
        return ClassIntervals(metrics=dict.fromkeys(_NAMES, NOT_DEFINED), f1=undefined, roc_auc=undefined)
    predicted = probabilities.argmax(axis=1)
    columns = class_columns(label_indices, predicted, num_classes)
    likely = probability_columns(label_indices, probabilities)
    strata = rare_class_strata(label_indices)
    both = sparse.hstack([columns, sparse.csr_array(likely)], format="csr")
    sums = resampled_sums(both, groups=groups, strata=strata, seed=seed)
    num_units = int(unit_numbers(num_examples, groups).max()) + 1
    measures = macro_measures(sums[:, : 3 * num_classes])
    f1 = measures.pop("f1")
    resampled = probability_sums(sums[:, 3 * num_classes :])
    intervals = {
        name: percentile_interval(values, num_units=num_units)
        for name, values in (measures | resampled.means()).items()
    }
    observed_gaps = probability_sums(likely.sum(axis=0)[None]).shares()[0]
    areas, mean_area = one_vs_rest_intervals(label_indices, probabilities, groups)
    intervals |= {
        "accuracy": share_interval(predicted == label_indices, groups),
        "roc_auc": mean_area,
        "expected_calibration_error": NOT_DEFINED
        if num_units < 2
        else calibration_error_interval(calibration_error, observed_gaps, resampled.shares()),
    }
    return ClassIntervals(
        metrics={name: intervals[name] for name in _NAMES},
        f1=[percentile_interval(values, num_units=num_units) for values in f1.T],
        roc_auc=areas,
    )
