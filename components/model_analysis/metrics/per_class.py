"""Precision, recall, F1 and ROC AUC of each class, and their means."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
from sklearn.metrics import precision_recall_fscore_support


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassMetrics:
    """Metrics of one class with `support` examples.

    `precision` is `nan` where no example is predicted as this class, `recall` where none is of it, `f1` where both
    hold, and `roc_auc`, against the rest, where no example or every one is of it.
    """

    class_name: str
    support: int
    precision: float
    recall: float
    f1: float
    roc_auc: float


def class_metrics(
    label_indices: np.ndarray, predicted: np.ndarray, class_names: Sequence[str], areas: Sequence[float]
) -> tuple[ClassMetrics, ...]:
    """Metrics of every class, those without examples too; labels and predictions have the shape (N,), N may be 0."""
    if not len(label_indices):
        empty = {"support": 0, "precision": math.nan, "recall": math.nan, "f1": math.nan, "roc_auc": math.nan}
        return tuple(ClassMetrics(class_name=name, **empty) for name in class_names)  # type: ignore[arg-type]
    columns = precision_recall_fscore_support(
        label_indices, predicted, labels=range(len(class_names)), average=None, zero_division=np.nan
    )
    return tuple(
        ClassMetrics(
            class_name=name,
            precision=float(precision),
            recall=float(recall),
            f1=float(f1),
            support=int(support),
            roc_auc=area,
        )
        for name, precision, recall, f1, support, area in zip(class_names, *columns, areas, strict=True)
    )


def macro_averages(per_class: Sequence[ClassMetrics]) -> dict[str, float]:
    """Means over the classes that occur among the labels, 0 to 1; `nan` where no class has the metric.

    A class that the model never predicts has no precision; it counts as 0 here, since leaving it out would reward a
    model for ignoring a class.
    """
    occurring = [item for item in per_class if item.support]
    precisions = [0.0 if math.isnan(item.precision) else item.precision for item in occurring]
    return {
        "macro_precision": _mean(precisions),
        "macro_recall": _mean([item.recall for item in occurring]),
        "macro_f1": _mean([item.f1 for item in occurring]),
        "roc_auc": _mean([item.roc_auc for item in occurring if math.isfinite(item.roc_auc)]),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
