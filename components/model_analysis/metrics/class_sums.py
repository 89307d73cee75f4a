"""Metrics of a classifier as functions of sums over examples, so that thousands of resamples cost a matrix product.

Shapes: N examples, K classes, C columns, R resamples.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from components.model_analysis.metrics.calibration import NUM_BINS, reliability_bin_of


def class_columns(label_indices: np.ndarray, predicted: np.ndarray, num_classes: int) -> sparse.csr_array:
    """Whether each example is rightly answered, predicted and labelled as each class: shape (N, 3 K), sparse."""
    num_examples = len(label_indices)
    right = np.flatnonzero(label_indices == predicted)
    every = np.arange(num_examples)
    rows = np.concatenate([right, every, every])
    columns = np.concatenate([label_indices[right], predicted + num_classes, label_indices + 2 * num_classes])
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(num_examples, 3 * num_classes))


def macro_measures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Macro averages from sums of `class_columns`.

    Parameters
    ----------
    sums
        Shape (R, 3 K).

    Returns
    -------
    dict[str, np.ndarray]
        `macro_precision`, `macro_recall`, `macro_f1`, shape (R,) each, as in `macro_averages`: over the classes that
        occur among the labels, precision 0 for one that is never predicted. `f1`, shape (R, K), `nan` for a class that
        neither occurs nor is predicted.
    """
    right, predicted, labelled = np.split(sums, 3, axis=1)
    occurs = labelled > 0
    num_occurring = np.maximum(occurs.sum(axis=1), 1)
    precision = right / np.maximum(predicted, 1.0)
    recall = right / np.maximum(labelled, 1.0)
    f1 = 2 * right / np.maximum(predicted + labelled, 1.0)
    means = {
        f"macro_{name}": np.where(occurs, values, 0.0).sum(axis=1) / num_occurring
        for name, values in (("precision", precision), ("recall", recall), ("f1", f1))
    }
    return {**means, "f1": np.where(predicted + labelled > 0, f1, np.nan)}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbabilitySums:
    """Sums over examples of what log loss, Brier score and calibration are made of, resampled: R of them."""

    num_examples: np.ndarray
    log_loss: np.ndarray
    brier_score: np.ndarray
    gaps: np.ndarray

    def means(self) -> dict[str, np.ndarray]:
        """Log loss and Brier score, shape (R,) each."""
        return {"log_loss": self.log_loss / self.num_examples, "brier_score": self.brier_score / self.num_examples}

    def shares(self) -> np.ndarray:
        """How much confidence exceeds accuracy in each bin, weighted by its examples: shape (R, B)."""
        return self.gaps / self.num_examples[:, None]


def probability_columns(label_indices: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Columns of `ProbabilitySums`: shape (N, 3 + B); rows of `probabilities` add up to 1."""
    rows = np.arange(len(label_indices))
    of_label = probabilities[rows, label_indices]
    squared = ((probabilities**2).sum(axis=1) - 2 * of_label + 1) / 2
    gaps = np.zeros((len(rows), NUM_BINS))
    confidence = probabilities.max(axis=1)
    gaps[rows, reliability_bin_of(confidence)] = confidence - (probabilities.argmax(axis=1) == label_indices)
    single = [np.ones(len(rows)), -np.log(np.maximum(of_label, np.finfo(np.float64).eps)), squared]
    return np.column_stack([*single, gaps])


def probability_sums(sums: np.ndarray) -> ProbabilitySums:
    """Sums of `probability_columns`, shape (R, 3 + B), by their names."""
    return ProbabilitySums(num_examples=sums[:, 0], log_loss=sums[:, 1], brier_score=sums[:, 2], gaps=sums[:, 3:])
