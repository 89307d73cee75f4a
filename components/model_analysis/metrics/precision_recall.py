"""Precision against recall over all thresholds: what a ROC curve hides where one class is rare."""

from dataclasses import dataclass
import math

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve

from components.drift.share_intervals import unit_numbers, Z
from components.model_analysis.metrics.roc import MAX_POINTS


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionRecallCurve:
    """One curve, thinned to 200 points: recall and thresholds rise and fall together; empty where it is undefined.

    `average_precision`, the area under it in steps, has a 95 % interval; `share_positive` is the precision of answering
    positive always.
    """

    recalls: tuple[float, ...] = ()
    precisions: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()
    average_precision: float = math.nan
    low: float = math.nan
    high: float = math.nan
    share_positive: float = math.nan


def class_precision_recall(
    label_indices: np.ndarray, probabilities: np.ndarray, index: int, groups: np.ndarray | None = None
) -> PrecisionRecallCurve:
    """Curve of the class `index` against the rest; empty where no example, or every one, is of it.

    The interval is that of Boyd, Eng and Page, "Area under the precision-recall curve: point estimates and confidence
    intervals", ECML PKDD 2013, on the logit scale; of examples in groups, a group counts as one.
    """
    positive = label_indices == index
    if not positive.any() or positive.all():
        return PrecisionRecallCurve()
    scores = probabilities[:, index]
    precisions, recalls, thresholds = precision_recall_curve(positive, scores)
    # The last point, recall 0, has no threshold: nothing is answered positive.
    kept = np.unique(np.linspace(0, len(thresholds) - 1, min(len(thresholds), MAX_POINTS)).round().astype(int))
    average = float(average_precision_score(positive, scores))
    num_positive = int(unit_numbers(int(positive.sum()), None if groups is None else groups[positive]).max()) + 1
    low, high = _logit_interval(average, num_positive)
    return PrecisionRecallCurve(
        recalls=tuple(recalls[kept].tolist()),
        precisions=tuple(precisions[kept].tolist()),
        thresholds=tuple(thresholds[kept].tolist()),
        average_precision=average,
        low=low,
        high=high,
        share_positive=float(positive.mean()),
    )


def _logit_interval(share: float, num_examples: int) -> tuple[float, float]:
    kept = min(max(share, 1e-12), 1.0 - 1.0 / (2 * num_examples + 1))  # a perfect order of few is not sure
    middle, half = math.log(kept / (1 - kept)), Z / math.sqrt(num_examples * kept * (1 - kept))
    low, high = (1.0 / (1.0 + math.exp(-bound)) for bound in (middle - half, middle + half))
    return min(low, share), max(high, share)
