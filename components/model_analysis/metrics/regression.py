"""All metrics of a model that answers a number, on one split, from labels and predictions.

Shapes: N examples, R resamples.
"""

from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np

from components.drift.share_intervals import unit_numbers
from components.model_analysis.metrics.resampling import percentile_interval, resampled_sums
from components.shared.runtime.json_values import without_nan

MAIN_METRIC = "rmse"
_MAX_BINS, _MIN_BIN_ROWS = 10, 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidualBin:
    """Examples whose predictions lie together, `low` to `high`; `bias` is the mean of prediction less label."""

    low: float
    high: float
    num_examples: int
    mean_label: float
    mean_predicted: float
    mae: float
    bias: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NumberEvaluation:
    """Metrics of a model that answers a number, on N labelled examples.

    Attributes
    ----------
    metrics
        `rmse`, `mae` (in the label's unit) and `r2` (at most 1) with the bounds of their 95 % bootstrap intervals
        (`rmse_low`, `rmse_high` ...), and `bias`, the mean of prediction less label. Undefined ones are `nan`: all
        without examples, `r2` also where all labels are equal.
    baselines
        What always answering one number would reach: the labels' mean in `rmse` and `r2`, their median in `mae`.
    bins
        Examples by the size of the prediction, of about equal number.
    residuals
        Shape (N,): prediction less label.
    num_groups
        Groups that the examples came in; None where they have none.
    """

    num_examples: int
    metrics: dict[str, float]
    baselines: dict[str, float]
    bins: tuple[ResidualBin, ...]
    residuals: np.ndarray
    num_groups: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The metrics as JSON values, `nan` as null."""
        return {
            "num_labelled": self.num_examples,
            **({} if self.num_groups is None else {"num_groups": self.num_groups}),
            "metrics": without_nan(self.metrics),
            "baselines": without_nan(self.baselines),
            "residuals": [asdict(item) for item in self.bins],
        }

    def defined_metrics(self) -> dict[str, float]:
        """The metrics that are not `nan`."""
        return {name: value for name, value in self.metrics.items() if math.isfinite(value)}


def evaluate_numbers(
    labels: np.ndarray, predicted: np.ndarray, *, groups: np.ndarray | None = None, seed: int = 0
) -> NumberEvaluation:
    """Compute every metric of numbers.

    Parameters
    ----------
    labels, predicted
        Shape (N,), finite, in the label's unit; N may be 0.
    groups
        Shape (N,), int: which examples belong together (a negative one to none): intervals are then of whole groups.
    seed
        Of the bootstrap.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if labels.shape != predicted.shape or labels.ndim != 1:
        raise ValueError(f"labels and predictions must be of one length, got {labels.shape} and {predicted.shape}")
    residuals = predicted - labels
    columns = number_columns(labels, predicted)
    intervals = bootstrap_intervals(columns, groups=groups, seed=seed)
    metrics: dict[str, float] = {}
    for name, value in number_measures(columns.sum(axis=0)[None]).items():
        low, high = intervals[name]
        metrics |= {name: float(value[0]), f"{name}_low": low, f"{name}_high": high}
    constant = np.full_like(labels, labels.mean()) if len(labels) else labels
    from_mean = number_measures(number_columns(labels, constant).sum(axis=0)[None])
    from_median = np.abs(labels - np.median(labels)) if len(labels) else labels
    return NumberEvaluation(
        num_examples=len(labels),
        metrics={**metrics, "bias": float(residuals.mean()) if len(labels) else math.nan},
        baselines={
            "rmse": float(from_mean["rmse"][0]),
            "mae": float(from_median.mean()) if len(labels) else math.nan,
            "r2": float(from_mean["r2"][0]),
        },
        bins=residual_bins(labels, predicted),
        residuals=residuals,
        num_groups=None if groups is None else len(np.unique(groups[groups >= 0])),
    )


def number_columns(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """What the metrics of N numbers are made of, shape (N, 5): one, squared and absolute residual, label, its square.

    Labels are taken from their mean, so that sums of squares keep their digits.
    """
    residuals = predicted - labels
    centred = labels - labels.mean() if len(labels) else labels
    return np.column_stack([np.ones(len(labels)), residuals**2, np.abs(residuals), centred, centred**2])


def number_measures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """`rmse`, `mae` and `r2`, shape (R,) each, from sums of `number_columns`, shape (R, 5); `nan` where undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        squared, absolute, mean, mean_square = (sums[:, 1:] / sums[:, :1]).T
        variance = mean_square - mean**2
        # Of equal labels rounding may leave a trace.
        r2 = np.where(variance > 1e-14 * mean_square, 1.0 - squared / variance, math.nan)
    return {"rmse": np.sqrt(squared), "mae": absolute, "r2": r2}


def bootstrap_intervals(
    columns: np.ndarray, *, groups: np.ndarray | None = None, seed: int
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of every metric from `number_columns`; `nan` without examples, or with one group."""
    if not len(columns):
        return dict.fromkeys(number_measures(np.empty((0, 5))), (math.nan, math.nan))
    measures = number_measures(resampled_sums(columns, groups=groups, seed=seed))
    num_units = int(unit_numbers(len(columns), groups).max()) + 1
    return {name: percentile_interval(values, num_units=num_units) for name, values in measures.items()}


def residual_bins(labels: np.ndarray, predicted: np.ndarray) -> tuple[ResidualBin, ...]:
    """Examples by the size of the prediction: at most ten groups of about equal number, 20 each or more.

    Not by the size of the label: of the largest labels even the best prediction is too small in the mean. Equal
    predictions may be in two groups.
    """
    if not len(labels):
        return ()
    order = np.argsort(predicted, kind="stable")
    groups = np.array_split(order, min(max(len(labels) // _MIN_BIN_ROWS, 1), _MAX_BINS))
    return tuple(
        ResidualBin(
            low=float(predicted[rows].min()),
            high=float(predicted[rows].max()),
            num_examples=len(rows),
            mean_label=float(labels[rows].mean()),
            mean_predicted=float(predicted[rows].mean()),
            mae=float(np.abs(predicted[rows] - labels[rows]).mean()),
            bias=float((predicted[rows] - labels[rows]).mean()),
        )
        for rows in groups
    )
