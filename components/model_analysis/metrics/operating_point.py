"""The threshold at which a model of two classes is used: chosen on the validation split, reported on the test split.

Shapes: N examples.
"""

from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np

from components.model_analysis.metrics.intervals import share_interval
from components.shared.contracts.target_spec import OPERATING_METRICS, OperatingPointSpec
from components.shared.runtime.json_values import without_nan


@dataclass(frozen=True, kw_only=True, slots=True)
class PointFigures:
    """What N examples show at a threshold: precision and recall with 95 % intervals, `nan` where undefined."""

    num_positive: int
    num_answered_positive: int
    precision: float
    precision_low: float
    precision_high: float
    recall: float
    recall_low: float
    recall_high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatingPoint:
    """A threshold: examples whose probability of `positive` is at least as large are answered so.

    `threshold` is `nan` where no threshold does what was asked; `why_none` says why, in one sentence. `validation` and
    `test` are what the two splits show at it.
    """

    positive: str
    threshold: float
    why_none: str
    validation: PointFigures | None
    test: PointFigures | None

    def metrics(self) -> dict[str, float]:
        """Precision and recall of the test split with the ends of their intervals; none where there is no threshold."""
        figures = {} if self.test is None else asdict(self.test)
        return {name: value for name, value in figures.items() if name.startswith(OPERATING_METRICS)}

    def to_json(self) -> dict[str, Any]:
        """The point as JSON values, `nan` as null."""
        figures = {"validation": self.validation, "test": self.test}
        return {
            "positive": self.positive,
            "threshold": self.threshold if math.isfinite(self.threshold) else None,
            "why_none": self.why_none,
            **{name: None if item is None else without_nan(asdict(item)) for name, item in figures.items()},
        }


def chosen_threshold(positive: np.ndarray, scores: np.ndarray, spec: OperatingPointSpec) -> float:
    """The threshold that does what was asked on N examples; `nan` where none does.

    Parameters
    ----------
    positive
        Shape (N,), bool: which examples are of the class.
    scores
        Shape (N,): their probabilities of it.
    spec
        What is asked. Of thresholds that are equally good, the largest: fewer are answered positive.
    """
    if not positive.any() or positive.all():
        return math.nan
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # equal scores are answered alike
    right = np.cumsum(positive[order])[ends]
    precision, recall = right / (ends + 1), right / positive.sum()
    thresholds = scores[order][ends]
    if spec.cost is not None:
        cost = spec.cost.false_positive * (ends + 1 - right) + spec.cost.false_negative * (positive.sum() - right)
        return float(thresholds[cost.argmin()])
    if spec.precision is not None:
        kept, figure = precision >= spec.precision, recall
    else:
        kept, figure = recall >= (spec.recall or 0.0), precision
    return float(thresholds[np.where(kept, figure, -1.0).argmax()]) if kept.any() else math.nan


def figures_at(
    positive: np.ndarray, scores: np.ndarray, threshold: float, groups: np.ndarray | None = None
) -> PointFigures:
    """What N examples show at a threshold; `groups`, shape (N,), widen the intervals as in `share_interval`."""
    answered = scores >= threshold
    right = positive & answered
    precise = share_interval(right[answered], None if groups is None else groups[answered])
    recalled = share_interval(right[positive], None if groups is None else groups[positive])
    return PointFigures(
        num_positive=int(positive.sum()),
        num_answered_positive=int(answered.sum()),
        precision=float(right[answered].mean()) if answered.any() else math.nan,
        precision_low=precise[0],
        precision_high=precise[1],
        recall=float(right[positive].mean()) if positive.any() else math.nan,
        recall_low=recalled[0],
        recall_high=recalled[1],
    )


def why_no_threshold(positive: np.ndarray, spec: OperatingPointSpec, name: str) -> str:
    """One sentence on N examples for which `chosen_threshold` found none."""
    if not positive.any() or positive.all():
        which = "none" if not positive.any() else "every one"
        return f"the validation split must hold examples of {name!r} and of the other class, but {which} is of it"
    return f"no threshold reaches the precision {spec.precision:g} for {name!r} on the validation split"
