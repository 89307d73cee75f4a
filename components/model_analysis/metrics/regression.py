"""All metrics of a model that answers a number, on one split, from labels and predictions.

Shapes: N examples, R resamples.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np

MAIN_METRIC = "rmse"
_MAX_BINS, _MIN_BIN_ROWS = 10, 20
_CONFIDENCE = 0.95
_MANY_EXAMPLES = 100_000
_NUM_RESAMPLES, _FEWER_RESAMPLES = 1000, 200


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
    """

    num_examples: int
    metrics: dict[str, float]
    baselines: dict[str, float]
    bins: tuple[ResidualBin, ...]
    residuals: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """The metrics as JSON values, `nan` as null."""
        return {
            "num_labelled": self.num_examples,
            "metrics": _without_nan(self.metrics),
            "baselines": _without_nan(self.baselines),
            "residuals": [asdict(item) for item in self.bins],
        }

    def defined_metrics(self) -> dict[str, float]:
        """The metrics that are not `nan`."""
        return {name: value for name, value in self.metrics.items() if math.isfinite(value)}


def evaluate_numbers(labels: np.ndarray, predicted: np.ndarray, *, seed: int = 0) -> NumberEvaluation:
    """Compute every metric of numbers.

    Parameters
    ----------
    labels, predicted
        Shape (N,), finite, in the label's unit; N may be 0.
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
    moments = _moments(labels, residuals)
    metrics: dict[str, float] = {}
    intervals = bootstrap_intervals(moments, seed=seed)
    for name, measure in _MEASURES.items():
        low, high = intervals[name]
        metrics |= {name: _measured(measure, moments), f"{name}_low": low, f"{name}_high": high}
    constant = _moments(labels, (labels.mean() if len(labels) else math.nan) - labels)
    from_median = np.abs(labels - np.median(labels)) if len(labels) else labels
    return NumberEvaluation(
        num_examples=len(labels),
        metrics={**metrics, "bias": float(residuals.mean()) if len(labels) else math.nan},
        baselines={
            "rmse": _measured(_rmse, constant),
            "mae": float(from_median.mean()) if len(labels) else math.nan,
            "r2": _measured(_r2, constant),
        },
        bins=residual_bins(labels, predicted),
        residuals=residuals,
    )


def bootstrap_intervals(moments: Mapping[str, np.ndarray], *, seed: int) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of every metric over resamples of the examples with replacement; `nan` without any.

    1,000 resamples, 200 of more than 100,000 examples.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3.
    """
    num_examples = len(moments["squared"])
    if not num_examples:
        return dict.fromkeys(_MEASURES, (math.nan, math.nan))
    rng = np.random.default_rng(seed)
    values: dict[str, list[float]] = {name: [] for name in _MEASURES}
    for _ in range(_FEWER_RESAMPLES if num_examples > _MANY_EXAMPLES else _NUM_RESAMPLES):
        rows = rng.integers(0, num_examples, num_examples)
        drawn = {name: moment[rows] for name, moment in moments.items()}
        for name, measure in _MEASURES.items():
            values[name].append(_measured(measure, drawn))
    return {name: _percentiles(np.array(found)) for name, found in values.items()}


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


def _moments(labels: np.ndarray, residuals: np.ndarray) -> dict[str, np.ndarray]:
    """What the metrics are means of, each of the shape (N,)."""
    centred = labels - labels.mean() if len(labels) else labels
    return {"squared": residuals**2, "absolute": np.abs(residuals), "centred": centred}


def _rmse(moments: Mapping[str, np.ndarray]) -> float:
    return math.sqrt(moments["squared"].mean())


def _mae(moments: Mapping[str, np.ndarray]) -> float:
    return float(moments["absolute"].mean())


def _r2(moments: Mapping[str, np.ndarray]) -> float:
    variance = float(moments["centred"].var())
    return 1.0 - float(moments["squared"].mean()) / variance if variance else math.nan


_MEASURES: dict[str, Callable[[Mapping[str, np.ndarray]], float]] = {"rmse": _rmse, "mae": _mae, "r2": _r2}


def _measured(measure: Callable[[Mapping[str, np.ndarray]], float], moments: Mapping[str, np.ndarray]) -> float:
    return measure(moments) if len(moments["squared"]) else math.nan


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    defined = values[np.isfinite(values)]
    if not len(defined):
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1.0 - _CONFIDENCE) / 2, (1.0 + _CONFIDENCE) / 2])
    return float(low), float(high)


def _without_nan(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
