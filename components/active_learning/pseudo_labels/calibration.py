"""What a model's probabilities are worth: a temperature from people's labels, and what each class must reach.

Shapes: N rows of a pool, M held-out rows that people labelled, K classes.
"""

from dataclasses import dataclass
import math

import numpy as np
from scipy.optimize import minimize_scalar

# Held-out labels of a class that it takes to say from which probability on the model is right often enough.
MIN_OF_A_CLASS = 20
RIGHT_SHARE = 0.8
_LEAST = 1e-12
# Standard deviation of the temperature's logarithm before a label is seen: few labels move it little.
_PRIOR = 0.5
_LOG_RANGE = (math.log(0.05), math.log(20.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Probabilities on held-out labels: how sure the model is in the mean, how often right, and the mean log loss."""

    num_labels: int
    mean_confidence: float
    accuracy: float
    log_loss: float


def fitted_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Temperature under which held-out labels are likeliest; 1 without any, and near 1 with few.

    Parameters
    ----------
    probabilities
        Shape (M, K), of rows that the model was not trained on.
    labels
        Shape (M,), int: what people say.

    Returns
    -------
    float
        Above 1 where the model is too sure, below 1 where it is not sure enough.

    References
    ----------
    Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2; with a prior around 1.
    """
    if not len(labels):
        return 1.0

    def loss(log_temperature: float) -> float:
        found = _log_loss(tempered(probabilities, math.exp(log_temperature)), labels)
        return found * len(labels) + 0.5 * (log_temperature / _PRIOR) ** 2

    return math.exp(float(minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded").x))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities, shape (N, K), with their logarithms divided by a temperature above 0; the classes' order stays."""
    logits = np.log(np.clip(probabilities.astype(np.float64), _LEAST, None)) / temperature
    logits -= logits.max(axis=1, keepdims=True) if len(logits) else 0.0
    found = np.exp(logits)
    shares: np.ndarray = found / found.sum(axis=1, keepdims=True)
    return shares


def calibration_of(probabilities: np.ndarray, labels: np.ndarray) -> Calibration:
    """How far (M, K) probabilities are from what people say; `nan` without labels."""
    if not len(labels):
        return Calibration(num_labels=0, mean_confidence=math.nan, accuracy=math.nan, log_loss=math.nan)
    return Calibration(
        num_labels=len(labels),
        mean_confidence=float(probabilities.max(axis=1).mean()),
        accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
        log_loss=_log_loss(probabilities, labels),
    )


def class_thresholds(pool: np.ndarray, held_out: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which calibrated probability a label of each class must reach, shape (K,).

    The mean of the pool's rows that are answered so: classes that are hard to be sure of get their labels, too. Where
    20 held-out rows are answered so, also the least from which on 4 of 5 are right; infinite where there is none.

    Parameters
    ----------
    pool, held_out
        Shapes (N, K) and (M, K), calibrated.
    labels
        Shape (M,), int.

    References
    ----------
    Thresholds by class from the model's own sureness: Wang et al., "FreeMatch", ICLR 2023.
    """
    found = sure_enough(pool)
    for label in range(pool.shape[1]):
        seen = held_out.argmax(axis=1) == label if len(labels) else np.zeros(0, bool)
        if seen.sum() >= MIN_OF_A_CLASS:
            found[label] = max(found[label], _right_enough(held_out[seen].max(axis=1), labels[seen] == label))
    return found


def sure_enough(pool: np.ndarray) -> np.ndarray:
    """The mean probability of the rows of a pool (N, K) that are answered by each class, shape (K,); 1 without any."""
    answered, sure = pool.argmax(axis=1), pool.max(axis=1)
    counts = np.bincount(answered, minlength=pool.shape[1])
    sums = np.bincount(answered, weights=sure, minlength=pool.shape[1])
    found: np.ndarray = np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)
    return found


def _right_enough(sureness: np.ndarray, is_right: np.ndarray) -> float:
    """The least sureness from which on 4 of 5 are right, of at least 10; infinite where there is none."""
    order = np.argsort(-sureness, kind="stable")
    shares = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero((shares >= RIGHT_SHARE) & (np.arange(len(order)) >= MIN_OF_A_CLASS // 2 - 1))
    return float(sureness[order[enough[-1]]]) if len(enough) else math.inf


def _log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(right, _LEAST, None)).mean())
