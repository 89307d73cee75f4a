"""Receiver operating characteristics: the true positive rate against the false positive rate over all thresholds."""

from dataclasses import dataclass
import math

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

MAX_POINTS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class RocCurve:
    """One curve, thinned to `MAX_POINTS`: rates rise, thresholds fall from 1. Empty where it is undefined."""

    false_positive_rates: tuple[float, ...] = ()
    true_positive_rates: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()


def one_vs_rest_auc(label_indices: np.ndarray, probabilities: np.ndarray) -> list[float]:
    """K areas under the ROC curve of each class against the rest; `nan` where no example, or every one, is of it."""
    areas = []
    for index in range(probabilities.shape[1]):
        positive = label_indices == index
        defined = positive.any() and not positive.all()
        areas.append(float(roc_auc_score(positive, probabilities[:, index])) if defined else math.nan)
    return areas


def class_roc(label_indices: np.ndarray, probabilities: np.ndarray, index: int) -> RocCurve:
    """ROC curve of the class `index` against the rest; empty where its area is `nan`."""
    return _curve(label_indices == index, probabilities[:, index])


def overall_roc(label_indices: np.ndarray, probabilities: np.ndarray) -> RocCurve:
    """The one curve that stands for the model: with two classes that of the second, the positive one.

    With more it is the micro average, which pools every example's probabilities for all classes.
    """
    num_classes = probabilities.shape[1]
    if num_classes == 2:
        return class_roc(label_indices, probabilities, 1)
    pooled = label_indices[:, None] == np.arange(num_classes)[None, :]
    return _curve(pooled.ravel(), probabilities.ravel())


def _curve(positive: np.ndarray, scores: np.ndarray) -> RocCurve:
    if not positive.any() or positive.all():
        return RocCurve()
    false_rates, true_rates, thresholds = roc_curve(positive, scores)
    kept = np.unique(np.linspace(0, len(thresholds) - 1, min(len(thresholds), MAX_POINTS)).round().astype(int))
    return RocCurve(
        false_positive_rates=tuple(false_rates[kept].tolist()),
        true_positive_rates=tuple(true_rates[kept].tolist()),
        # The first threshold is infinite ("nothing is positive"): a probability says the same, and JSON can hold it.
        thresholds=tuple(np.minimum(thresholds[kept], 1.0).tolist()),
    )
