"""How well one column alone predicts the label: numbers by a small tree, texts by each value's usual class.

Each row is predicted from rows of the other half, so identifiers, whose values never come back, predict nothing.
"""

from dataclasses import dataclass
import math

import numpy as np
from scipy.stats import binomtest
from sklearn.tree import DecisionTreeClassifier

_MAX_LEAVES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class SingleFeatureAccuracy:
    """How well one column alone predicts the label on held-out rows."""

    num_rows: int
    accuracy: float
    accuracy_bound: float  # lower 95% bound (Wilson)
    majority_share: float  # of the largest class: the accuracy of guessing
    avoided: float  # share of the guess's errors avoided, below 0 where worse; `nan` with one class
    avoided_bound: float  # its lower bound


def single_feature_accuracy(feature: np.ndarray, label_codes: np.ndarray, *, seed: int = 0) -> SingleFeatureAccuracy:
    """Accuracy of the label (shape (N,), int codes) predicted from one column, each half of the rows from the other.

    Of a float column, NaN for missing, a tree of at most 64 leaves predicts. Of an object column of str, None for
    missing, each value predicts the class it has most often in the other half.
    """
    num_rows = len(label_codes)
    second = np.random.default_rng(seed).permutation(num_rows) < num_rows // 2
    predict = _predicted_by_value if feature.dtype == object else _predicted_by_tree
    right = np.zeros(num_rows, bool)
    for held_out in (second, ~second):
        if held_out.any() and not held_out.all():
            predicted = predict(feature[~held_out], label_codes[~held_out], feature[held_out])
            right[held_out] = predicted == label_codes[held_out]
    majority = np.bincount(label_codes).max() / num_rows
    share_right = binomtest(int(right.sum()), num_rows, alternative="greater")
    accuracy, bound = float(right.mean()), float(share_right.proportion_ci(0.95, method="wilson").low)
    errors = 1.0 - majority
    return SingleFeatureAccuracy(
        num_rows=num_rows,
        accuracy=accuracy,
        accuracy_bound=bound,
        majority_share=float(majority),
        avoided=float(1.0 - (1.0 - accuracy) / errors) if errors else math.nan,
        avoided_bound=float(1.0 - (1.0 - bound) / errors) if errors else math.nan,
    )


def value_codes(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The K different values in quotes, a missing one as `missing`, and each row's place among them, shape (N,)."""
    names: dict[str | None, int] = {}
    codes = np.array([names.setdefault(value, len(names)) for value in values.tolist()], np.int64)
    return ["missing" if name is None else repr(name) for name in names], codes


def best_cut(numbers: np.ndarray, label_codes: np.ndarray) -> float | None:
    """The one threshold of numbers without NaN that tells the label's classes apart best; None where none helps."""
    tree = _tree(numbers, label_codes, max_leaves=2).tree_ if len(numbers) else None
    return float(tree.threshold[0]) if tree is not None and tree.node_count > 1 else None


def _predicted_by_value(known: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The class that each value has most often among the known rows; for other values, the present rows' class."""
    names, codes = value_codes(np.concatenate([known, asked]))
    counts = np.zeros((len(names), labels.max() + 1), np.int64)
    np.add.at(counts, (codes[: len(known)], labels), 1)
    present = labels[[value is not None for value in known.tolist()]]
    unseen = np.bincount(present if len(present) else labels).argmax()
    by_value = np.where(counts.any(axis=1), counts.argmax(axis=1), unseen)
    return by_value[codes[len(known) :]]


def _predicted_by_tree(known: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return _tree(known, labels, max_leaves=_MAX_LEAVES).predict(_tree_columns(asked))


def _tree(values: np.ndarray, labels: np.ndarray, *, max_leaves: int) -> DecisionTreeClassifier:
    tree = DecisionTreeClassifier(max_leaf_nodes=max_leaves, min_samples_leaf=3, random_state=0)
    return tree.fit(_tree_columns(values), labels)


def _tree_columns(values: np.ndarray) -> np.ndarray:
    """Shape (N, 2): the values with 0 for missing, and whether they are missing."""
    missing = np.isnan(values)
    # The tree holds float32, which the largest floats and infinities would overflow.
    return np.column_stack([np.clip(np.where(missing, 0.0, values), -1e30, 1e30), missing])
