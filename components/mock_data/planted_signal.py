"""The planted signal: how a label shows in what a model sees, and how often it does.

Every example shows one class. With probability `signal` that is its label, else a class drawn without regard to the
label: at 0 nothing can be learnt, and in between the best possible accuracy is known.
"""

from collections.abc import Sequence
import math
from typing import Any

import numpy as np

from components.mock_data.column_distributions import Value
from components.mock_data.made_up_words import concept_rng
from components.shared.runtime.fingerprints import fingerprint_bytes

# Distance of neighbouring classes in a column, in standard deviations: all columns together separate the classes, but
# no column alone so well that it would be taken for target leakage.
_DISTANCE_TOGETHER = 4.3
_MAX_DISTANCE_ALONE = 3.2


def shown_classes(labels: np.ndarray, shares: np.ndarray, signal: float, rng: np.random.Generator) -> np.ndarray:
    """Class that each example shows, shape (N,), int: its label with probability `signal`, else drawn by `shares`."""
    others = rng.choice(len(shares), size=len(labels), p=shares)
    return np.where(rng.random(len(labels)) < signal, labels, others)


def best_accuracy(shares: np.ndarray, signal: float) -> float:
    """Accuracy, 0 to 1, of a model that sees the shown class without error: no model is expected to do better."""
    largest = shares.max()
    # Of an example that shows class k: its label is k with s + (1 - s) p_k, and the largest class with (1 - s) p_max.
    return float(np.sum(shares * np.maximum(signal + (1 - signal) * shares, (1 - signal) * largest)))


def distance_of_classes(num_columns: int) -> float:
    """Distance of neighbouring classes in each of the columns that carry the signal, in standard deviations."""
    return min(_DISTANCE_TOGETHER / math.sqrt(num_columns), _MAX_DISTANCE_ALONE)


def coupled(values: Sequence[Value], scores: np.ndarray) -> list[Value]:
    """The same N values in another order: the higher the score, shape (N,), the higher the value.

    Their distribution stays what it was. Numbers rise by size, texts in an order that is fixed but says nothing.
    """
    rising = sorted(values, key=_place)
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(scores, kind="stable")] = np.arange(len(values))
    return [rising[rank] for rank in ranks.tolist()]


def class_scores(shown: np.ndarray, num_classes: int, column: str, *, distance: float) -> np.ndarray:
    """Where each shown class lies on the line along which a column rises, shape (N,), float; 0 is the middle.

    Every column orders the classes in its own way.
    """
    order = concept_rng(column, "order of classes").permutation(num_classes)
    return (order[shown] - (num_classes - 1) / 2) * distance


def _place(value: Value) -> Any:
    return fingerprint_bytes(value.encode()) if isinstance(value, str) else value
