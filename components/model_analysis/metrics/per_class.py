"""Precision, recall, F1 and ROC AUC of each class, and their means."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from components.model_analysis.metrics.intervals import share_interval


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassMetrics:
    """Metrics of one class with `support` examples.

    `precision` is `nan` where no example is predicted as this class, `recall` where none is of it, `f1` where both
    hold, and `roc_auc`, against the rest, where no example or every one is of it. `_low` and `_high` are the ends of
    their 95 % intervals; those of `f1` and `roc_auc` come from `class_intervals`.
    """

    class_name: str
    support: int
    precision: float
    recall: float
    f1: float
    roc_auc: float
    precision_low: float = math.nan
    precision_high: float = math.nan
    recall_low: float = math.nan
    recall_high: float = math.nan
    f1_low: float = math.nan
    f1_high: float = math.nan
    roc_auc_low: float = math.nan
    roc_auc_high: float = math.nan


def class_metrics(
    label_indices: np.ndarray,
    predicted: np.ndarray,
    class_names: Sequence[str],
    areas: Sequence[float],
    groups: np.ndarray | None = None,
) -> tuple[ClassMetrics, ...]:
    """Metrics of every class, those without examples too; labels and predictions have the shape (N,), N may be 0.

    `groups`, shape (N,), widen the intervals as in `share_interval`.
    """
    if not len(label_indices):
        empty = {"support": 0, "precision": math.nan, "recall": math.nan, "f1": math.nan, "roc_auc": math.nan}
        return tuple(ClassMetrics(class_name=name, **empty) for name in class_names)  # type: ignore[arg-type]
    columns = precision_recall_fscore_support(
        label_indices, predicted, labels=range(len(class_names)), average=None, zero_division=np.nan
    )
    right = label_indices == predicted
    found: list[ClassMetrics] = []
    for index, (name, precision, recall, f1, support, area) in enumerate(
        zip(class_names, *columns, areas, strict=True)
    ):
        precise, recalled = (
            share_interval(right[of_class], None if groups is None else groups[of_class])
            for of_class in (predicted == index, label_indices == index)
        )
        found.append(
            ClassMetrics(
                class_name=name,
                precision=float(precision),
                recall=float(recall),
                f1=float(f1),
                support=int(support),
                roc_auc=area,
                precision_low=precise[0],
                precision_high=precise[1],
                recall_low=recalled[0],
                recall_high=recalled[1],
            )
        )
    return tuple(found)


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
