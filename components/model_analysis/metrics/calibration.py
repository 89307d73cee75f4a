"""Whether a model that says 0.9 is right nine times out of ten."""

from dataclasses import dataclass
import math

import numpy as np

from components.model_analysis.metrics.intervals import share_interval

NUM_BINS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationBin:
    """Examples whose confidence is above `low` and at most `high`, 0 to 1.

    `mean_confidence`, the mean probability of the predicted class, and `accuracy` with its 95 % interval are `nan` for
    an empty bin.
    """

    low: float
    high: float
    num_examples: int
    mean_confidence: float
    accuracy: float
    accuracy_low: float = math.nan
    accuracy_high: float = math.nan


def reliability_bins(
    label_indices: np.ndarray,
    probabilities: np.ndarray,
    *,
    num_bins: int = NUM_BINS,
    groups: np.ndarray | None = None,
) -> list[CalibrationBin]:
    """Confidence against accuracy in bins of equal width, lowest first: the reliability diagram.

    Labels have the shape (N,), probabilities (N, K), groups (N,) as in `share_interval`. Guo et al., On calibration of
    modern neural networks, ICML 2017, section 2.
    """
    if num_bins < 2:
        raise ValueError(f"num_bins must be at least 2, got {num_bins!r}")
    confidence = probabilities.max(axis=1) if len(probabilities) else np.empty(0)
    right = probabilities.argmax(axis=1) == label_indices if len(probabilities) else np.empty(0, bool)
    bin_of = reliability_bin_of(confidence, num_bins)
    bins = []
    for number in range(num_bins):
        inside = bin_of == number
        low, high = share_interval(right[inside], None if groups is None else groups[inside])
        bins.append(
            CalibrationBin(
                low=number / num_bins,
                high=(number + 1) / num_bins,
                num_examples=int(inside.sum()),
                mean_confidence=float(confidence[inside].mean()) if inside.any() else math.nan,
                accuracy=float(right[inside].mean()) if inside.any() else math.nan,
                accuracy_low=low,
                accuracy_high=high,
            )
        )
    return bins


def reliability_bin_of(confidence: np.ndarray, num_bins: int = NUM_BINS) -> np.ndarray:
    """The bin of each confidence, shape (N,), 0 to `num_bins` - 1: an upper bound belongs to its bin."""
    return np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)


def calibration_error_interval(error: float, observed_gaps: np.ndarray, gaps: np.ndarray) -> tuple[float, float]:
    """95 % interval of the expected calibration error, which chance alone makes too large.

    Parameters
    ----------
    error
        As it was observed; no further from the true one than the observed gaps are from the true gaps.
    observed_gaps, gaps
        Shape (B,) and (R, B): how much confidence exceeds accuracy in each bin, weighted by its share of the examples;
        observed, and resampled.

    Returns
    -------
    tuple[float, float]
        Its lower end is 0 for a calibrated model, also a small sample of it, where percentiles would leave 0 out.
    """
    chance = np.abs(gaps - observed_gaps).sum(axis=1)
    low = max(error - float(np.quantile(chance, 0.975)), 0.0)
    return low, max(error, float(np.quantile(np.abs(gaps).sum(axis=1), 0.975)))


def expected_calibration_error(bins: list[CalibrationBin]) -> float:
    """Mean distance of confidence and accuracy, weighted by examples: 0 (calibrated) to 1; `nan` without examples."""
    num_examples = sum(item.num_examples for item in bins)
    if not num_examples:
        return math.nan
    return sum(
        item.num_examples / num_examples * abs(item.mean_confidence - item.accuracy)
        for item in bins
        if item.num_examples
    )


def brier_score(label_indices: np.ndarray, probabilities: np.ndarray) -> float:
    """Half the mean squared distance of probabilities (N, K) from certainty in the right class (N,).

    0 (best) to 1, with two classes the usual binary score; `nan` without examples. Brier, Verification of forecasts
    expressed in terms of probability, Monthly Weather Review 78, 1950.
    """
    if not len(label_indices):
        return math.nan
    right = probabilities[np.arange(len(label_indices)), label_indices]
    squared = (probabilities**2).sum(axis=1) - 2 * right + 1
    return float(squared.mean() / 2)
