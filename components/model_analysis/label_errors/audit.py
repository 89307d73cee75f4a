"""The share of wrong labels, from a small audit: what a person says of some labels, helped by the suspicion of all.

Shapes: N labels that were ranked, n of them audited.

References
----------
A. N. Angelopoulos et al., "Prediction-powered inference", Science 382, 2023, with the weight of the predictor chosen
from the audit ("PPI++", 2023). For a finite number of labels it is the regression estimator of W. G. Cochran, "Sampling
Techniques", 3rd edition, 1977, section 7.
"""

from dataclasses import dataclass
import math

import numpy as np
from scipy.stats import t

from components.model_analysis.metrics.resampling import CONFIDENCE

# Fewer tell nothing of how far the suspicion is right.
MIN_AUDITED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongLabelShare:
    """How many labels are wrong.

    Attributes
    ----------
    share, low, high
        Of all N labels, 0 to 1, with its 95 % interval.
    num_labels, num_audited, num_wrong
        How many labels there are, a person looked at, and found wrong.
    plain_low, plain_high
        The interval that the audit would give without the suspicion.
    """

    share: float
    low: float
    high: float
    num_labels: int
    num_audited: int
    num_wrong: int
    plain_low: float
    plain_high: float


def wrong_label_share(suspicion: np.ndarray, audited: np.ndarray, is_wrong: np.ndarray) -> WrongLabelShare:
    """Share of wrong labels by a prediction-powered audit.

    Parameters
    ----------
    suspicion
        Shape (N,), 0 to 1: how suspicious each label is. It may be as wrong as it likes: the interval gets wider.
    audited
        Shape (n,), int: rows that a person looked at, drawn at random without replacement.
    is_wrong
        Shape (n,), bool: what the person found.

    Raises
    ------
    ValueError
        If fewer than `MIN_AUDITED` labels were audited, one twice, or the shapes disagree.
    """
    num_labels, num_audited = len(suspicion), len(audited)
    if is_wrong.shape != audited.shape:
        raise ValueError(f"each of {num_audited} audited labels must have one verdict, got {is_wrong.shape}")
    if num_audited < MIN_AUDITED:
        raise ValueError(f"at least {MIN_AUDITED} labels must be audited, got {num_audited}: fill in more of them")
    if len(np.unique(audited)) != num_audited:
        raise ValueError("each label must be audited once, got one twice: remove the repeated row")
    wrong = is_wrong.astype(np.float64)
    predictor = suspicion[audited]
    centred = predictor - predictor.mean()
    spread = float(centred @ centred)
    weight = float(np.clip(centred @ wrong / spread, 0.0, None)) if spread else 0.0
    share = float(wrong.mean()) + weight * float(suspicion.mean() - predictor.mean())
    leverage = 1.0 / num_audited + (centred**2 / spread if weight else 0.0)
    residuals = (wrong - weight * predictor - float((wrong - weight * predictor).mean())) / (1.0 - leverage)
    gain = (_variation(wrong - wrong.mean()) / _variation(residuals)) * (num_audited - 1) / num_audited
    low, high = _interval(min(max(share, 0.0), 1.0), num_audited * gain, num_audited, num_labels)
    plain_low, plain_high = _interval(float(wrong.mean()), num_audited, num_audited, num_labels)
    return WrongLabelShare(
        share=min(max(share, 0.0), 1.0),
        low=low,
        high=high,
        num_labels=num_labels,
        num_audited=num_audited,
        num_wrong=int(is_wrong.sum()),
        plain_low=plain_low,
        plain_high=plain_high,
    )


def _variation(residuals: np.ndarray) -> float:
    """Sum of squares, with one label more: that an audit finds no mistake does not show that there is none."""
    return float(residuals @ residuals) + 1.0


def _interval(share: float, effective: float, num_audited: int, num_labels: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of N labels, with Student's t and as many audited labels as the variance tells.

    Those that were audited are known, so that an audit of all labels leaves no doubt.
    """
    unseen = 1.0 - num_audited / num_labels
    square = float(t.ppf((1.0 + CONFIDENCE) / 2, num_audited - 2)) ** 2 * unseen / effective
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
