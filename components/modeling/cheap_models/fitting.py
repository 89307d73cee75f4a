"""Cheap models: gradient-boosted trees, a linear model, and always the same answer; of classes and of numbers.

Each is fitted to rows and returns a function from rows to answers: probabilities, shape (N, K), or numbers, shape (N,).
Labels are class indices of which some may be absent, or numbers. One thread fits and answers: on a busy machine threads
of a small fit wait for one another longer than they compute, and sums in another order give other last digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias
import warnings

import numpy as np
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import ThreadpoolController

Matrix: TypeAlias = np.ndarray | sparse.csr_array
Fitted: TypeAlias = Callable[[Matrix], np.ndarray]

# Trees of one class each: many classes get fewer rounds, and very many none.
MAX_TREE_CLASSES = 50
_MAX_TREES, _MAX_ROUNDS, _MIN_ROUNDS = 500, 100, 10
_MAX_STEPS, _MIN_STEPS, _STEPS_BY_CLASSES = 200, 20, 2000


class NothingToLearnError(ValueError):
    """Training rows hold nothing that a cheap model could learn from; the message is a clause that says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked of a model: one of `num_classes` classes, or where that is 0 a number; judged by `metric`."""

    num_classes: int
    metric: str

    @property
    def is_number(self) -> bool:
        """Whether a number is asked for."""
        return not self.num_classes


def fitted_trees(rows: np.ndarray, labels: np.ndarray, question: Question, *, num_categories: int = 0) -> Fitted:
    """Histogram gradient boosting of dense rows (N, D), of which the first columns are categories, as codes below 255.

    Friedman, "Greedy function approximation", Annals of Statistics 29 (2001), as scikit-learn does it.
    """
    each_round = question.num_classes if question.num_classes > 2 else 1
    rounds = int(np.clip(_MAX_TREES // each_round, _MIN_ROUNDS, _MAX_ROUNDS))
    settings: dict[str, Any] = {
        "max_iter": rounds,
        "learning_rate": min(0.3, 10.0 / rounds),
        "min_samples_leaf": int(np.clip(len(labels) // 40, 3, 20)),
        "categorical_features": np.arange(rows.shape[1]) < num_categories,
        "random_state": 0,
    }
    if question.is_number:
        loss = "absolute_error" if question.metric == "mae" else "squared_error"
        model: Any = HistGradientBoostingRegressor(loss=loss, **settings)
    else:
        # Fewer than two of a class cannot be held out to stop early.
        stops = "auto" if np.unique(labels, return_counts=True)[1].min() > 1 else False
        model = HistGradientBoostingClassifier(early_stopping=stops, **settings)
    with _controller().limit(limits=1):
        model.fit(rows, labels)
    return _answering(model, question)


def fitted_linear(
    rows: Matrix, labels: np.ndarray, question: Question, *, strength: float = 1.0, tolerance: float = 1e-3
) -> Fitted:
    """Logistic regression, or of numbers ridge regression; the larger `strength` is, the less weights are shrunk.

    Logistic regression stops where no weight's slope is above `tolerance`. Few rows of many rare columns, as of TF-IDF,
    have small slopes from the start: they want less than the usual.
    """
    if question.is_number:
        model: Any = Ridge(alpha=1.0 / strength)
    else:
        steps = int(np.clip(_STEPS_BY_CLASSES // question.num_classes, _MIN_STEPS, _MAX_STEPS))
        model = LogisticRegression(C=strength, max_iter=steps, tol=tolerance)
    with warnings.catch_warnings(), _controller().limit(limits=1):
        # Stopped early it is still a model; what it reaches is measured.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, labels)
    return _answering(model, question)


def constant_answers(labels: np.ndarray, num_rows: int, question: Question) -> np.ndarray:
    """What needs no model: each class in its share of the training labels; their mean, or for `mae` their median."""
    if question.is_number:
        return np.full(num_rows, np.median(labels) if question.metric == "mae" else labels.mean())
    shares = np.bincount(labels, minlength=question.num_classes) / len(labels)
    return np.tile(shares, (num_rows, 1))


def _answering(model: Any, question: Question) -> Fitted:
    def answers(rows: Matrix) -> np.ndarray:
        if not rows.shape[0]:
            return np.zeros(0) if question.is_number else np.zeros((0, question.num_classes))
        with _controller().limit(limits=1):
            if question.is_number:
                return np.asarray(model.predict(rows), np.float64)
            found = np.zeros((rows.shape[0], question.num_classes))
            found[:, model.classes_] = model.predict_proba(rows)
            return found

    return answers


@cache
def _controller() -> ThreadpoolController:
    """Looked for once: finding the thread pools of a process takes longer than a small fit."""
    return ThreadpoolController()
