"""All metrics of a classifier on one split, from labels and probabilities."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, log_loss

from components.model_analysis.metrics.calibration import (
    brier_score,
    CalibrationBin,
    expected_calibration_error,
    reliability_bins,
)
from components.model_analysis.metrics.class_intervals import class_intervals
from components.model_analysis.metrics.per_class import class_metrics, ClassMetrics, macro_averages
from components.model_analysis.metrics.precision_recall import class_precision_recall, PrecisionRecallCurve
from components.model_analysis.metrics.roc import class_roc, one_vs_rest_auc, overall_roc, RocCurve
from components.shared.runtime.json_values import without_nan

_MAX_CURVES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Metrics of a classifier on N labelled examples of K classes.

    Attributes
    ----------
    metrics
        `accuracy`, `macro_precision`, `macro_recall`, `macro_f1`, `roc_auc`, `log_loss`, `brier_score`,
        `expected_calibration_error`, each with the ends of its 95 % interval (`accuracy_low`, `accuracy_high` ...; see
        `class_intervals`). Undefined ones are `nan`: all without examples, `roc_auc` also where all examples have one
        label, ends where all examples are of one group.
    confusion
        Shape (K, K): examples by label (row) and predicted class (column).
    roc
        The curve that stands for the model; empty where `roc_auc` is `nan`.
    class_rocs
        A few curves against the rest: of the classes with the smallest areas, smallest first, or of the positive one
        of two.
    precision_recalls
        Curves of the same classes.
    num_groups
        Groups that the examples came in; None where they have none.
    """

    class_names: tuple[str, ...]
    num_examples: int
    metrics: dict[str, float]
    per_class: tuple[ClassMetrics, ...]
    confusion: np.ndarray
    calibration: tuple[CalibrationBin, ...]
    roc: RocCurve
    class_rocs: dict[str, RocCurve]
    precision_recalls: dict[str, PrecisionRecallCurve]
    num_groups: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The metrics as JSON values, `nan` as null; curves are left out."""
        return {
            "num_labelled": self.num_examples,
            **({} if self.num_groups is None else {"num_groups": self.num_groups}),
            "metrics": without_nan(self.metrics),
            "per_class": [without_nan(asdict(item)) for item in self.per_class],
            "confusion": {"class_names": list(self.class_names), "matrix": self.confusion.tolist()},
            "calibration": [without_nan(asdict(item)) for item in self.calibration],
            "average_precision": {
                name: without_nan({"value": curve.average_precision, "low": curve.low, "high": curve.high})
                for name, curve in self.precision_recalls.items()
            },
        }

    def defined_metrics(self) -> dict[str, float]:
        """The metrics that are not `nan`."""
        return {name: value for name, value in self.metrics.items() if math.isfinite(value)}


def evaluate_predictions(
    label_indices: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> Evaluation:
    """Compute every metric with its interval; the prediction is the class of the largest probability.

    Labels have the shape (N,), integers from 0 to K - 1, N may be 0; probabilities (N, K), each row adds up to 1.
    `groups`, shape (N,), integers, say which examples belong together (a negative one to none): intervals are then of
    whole groups. `seed` is that of the bootstrap.
    """
    num_examples, num_classes = len(label_indices), len(class_names)
    if probabilities.shape != (num_examples, num_classes):
        raise ValueError(f"probabilities must have the shape {(num_examples, num_classes)}, got {probabilities.shape}")
    likely = probabilities.astype(np.float64)
    likely /= np.maximum(likely.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    predicted = likely.argmax(axis=1)
    confusion = _confusion(label_indices, predicted, num_classes)
    areas = one_vs_rest_auc(label_indices, likely)
    bins = reliability_bins(label_indices, likely, groups=groups)
    error = expected_calibration_error(bins)
    per_class = class_metrics(label_indices, predicted, class_names, areas, groups)
    intervals = class_intervals(label_indices, likely, error, groups=groups, seed=seed)
    metrics = {
        "accuracy": float(np.trace(confusion)) / num_examples if num_examples else math.nan,
        **macro_averages(per_class),
        "log_loss": float(log_loss(label_indices, likely, labels=range(num_classes))) if num_examples else math.nan,
        "brier_score": brier_score(label_indices, likely),
        "expected_calibration_error": error,
    }
    weakest = _weakest(class_names, areas)
    return Evaluation(
        class_names=tuple(class_names),
        num_examples=num_examples,
        metrics=metrics | intervals.bounds(),
        per_class=intervals.beside(per_class),
        confusion=confusion,
        calibration=tuple(bins),
        roc=overall_roc(label_indices, likely) if math.isfinite(metrics["roc_auc"]) else RocCurve(),
        class_rocs={class_names[index]: class_roc(label_indices, likely, index) for index in weakest},
        precision_recalls={
            class_names[index]: class_precision_recall(label_indices, likely, index, groups) for index in weakest
        },
        num_groups=None if groups is None else len(np.unique(groups[groups >= 0])),
    )


def _confusion(label_indices: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    if not len(label_indices):
        return np.zeros((num_classes, num_classes), dtype=np.int64)
    return confusion_matrix(label_indices, predicted, labels=range(num_classes))


def _weakest(class_names: Sequence[str], areas: Sequence[float]) -> list[int]:
    """The classes whose curves are kept: those of the smallest areas, smallest first, or the positive one of two."""
    defined = [index for index, area in enumerate(areas) if math.isfinite(area)]
    if len(class_names) == 2:
        defined = [index for index in defined if index == 1]
    return sorted(defined, key=lambda index: areas[index])[:_MAX_CURVES]
