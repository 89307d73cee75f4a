"""All metrics of a classifier on one split, from labels and probabilities."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, log_loss

from components.model_analysis.metrics.calibration import (
    brier_score,
    CalibrationBin,
    expected_calibration_error,
    reliability_bins,
)
from components.model_analysis.metrics.per_class import class_metrics, ClassMetrics, macro_averages
from components.model_analysis.metrics.roc import class_roc, one_vs_rest_auc, overall_roc, RocCurve

_MAX_CURVES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Metrics of a classifier on N labelled examples of K classes.

    Attributes
    ----------
    metrics
        `accuracy` with the bounds of its 95 % Wilson interval `accuracy_low` and `accuracy_high`, `macro_precision`,
        `macro_recall`, `macro_f1`, `roc_auc`, `log_loss`, `brier_score`, `expected_calibration_error`. Undefined
        ones are `nan`: all without examples, `roc_auc` also where all examples have one label.
    confusion
        Shape (K, K): examples by label (row) and predicted class (column).
    roc
        The curve that stands for the model; empty where `roc_auc` is `nan`.
    class_rocs
        A few curves against the rest: of the classes with the smallest areas, smallest first, or of the positive one
        of two.
    """

    class_names: tuple[str, ...]
    num_examples: int
    metrics: dict[str, float]
    per_class: tuple[ClassMetrics, ...]
    confusion: np.ndarray
    calibration: tuple[CalibrationBin, ...]
    roc: RocCurve
    class_rocs: dict[str, RocCurve]

    def to_json(self) -> dict[str, Any]:
        """The metrics as JSON values, `nan` as null; curves are left out."""
        return {
            "num_labelled": self.num_examples,
            "metrics": _without_nan(self.metrics),
            "per_class": [_without_nan(asdict(item)) for item in self.per_class],
            "confusion": {"class_names": list(self.class_names), "matrix": self.confusion.tolist()},
            "calibration": [_without_nan(asdict(item)) for item in self.calibration],
        }

    def defined_metrics(self) -> dict[str, float]:
        """The metrics that are not `nan`."""
        return {name: value for name, value in self.metrics.items() if math.isfinite(value)}


def evaluate_predictions(
    label_indices: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> Evaluation:
    """Compute every metric; the prediction is the class of the largest probability.

    Labels have the shape (N,), integers from 0 to K - 1, N may be 0; probabilities (N, K), each row adds up to 1.
    """
    num_examples, num_classes = len(label_indices), len(class_names)
    if probabilities.shape != (num_examples, num_classes):
        raise ValueError(f"probabilities must have the shape {(num_examples, num_classes)}, got {probabilities.shape}")
    likely = probabilities.astype(np.float64)
    likely /= np.maximum(likely.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    predicted = likely.argmax(axis=1)
    confusion = _confusion(label_indices, predicted, num_classes)
    areas = one_vs_rest_auc(label_indices, likely)
    bins = reliability_bins(label_indices, likely)
    per_class = class_metrics(label_indices, predicted, class_names, areas)
    metrics = {
        **_accuracy_metrics(confusion),
        **macro_averages(per_class),
        "log_loss": float(log_loss(label_indices, likely, labels=range(num_classes))) if num_examples else math.nan,
        "brier_score": brier_score(label_indices, likely),
        "expected_calibration_error": expected_calibration_error(bins),
    }
    return Evaluation(
        class_names=tuple(class_names),
        num_examples=num_examples,
        metrics=metrics,
        per_class=per_class,
        confusion=confusion,
        calibration=tuple(bins),
        roc=overall_roc(label_indices, likely) if math.isfinite(metrics["roc_auc"]) else RocCurve(),
        class_rocs=_weakest_curves(label_indices, likely, class_names, areas),
    )


def wilson_interval(num_right: int, num_examples: int) -> tuple[float, float]:
    """95 % Wilson score interval of a share, 0 to 1; `nan` without examples."""
    if not num_examples:
        return math.nan, math.nan
    interval = binomtest(num_right, num_examples).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def _confusion(label_indices: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    if not len(label_indices):
        return np.zeros((num_classes, num_classes), dtype=np.int64)
    return confusion_matrix(label_indices, predicted, labels=range(num_classes))


def _accuracy_metrics(confusion: np.ndarray) -> dict[str, float]:
    num_right, num_examples = int(np.trace(confusion)), int(confusion.sum())
    low, high = wilson_interval(num_right, num_examples)
    accuracy = num_right / num_examples if num_examples else math.nan
    return {"accuracy": accuracy, "accuracy_low": low, "accuracy_high": high}


def _weakest_curves(
    label_indices: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], areas: Sequence[float]
) -> dict[str, RocCurve]:
    defined = [index for index, area in enumerate(areas) if math.isfinite(area)]
    if len(class_names) == 2:
        defined = [index for index in defined if index == 1]
    weakest = sorted(defined, key=lambda index: areas[index])[:_MAX_CURVES]
    return {class_names[index]: class_roc(label_indices, probabilities, index) for index in weakest}


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in values.items()}
