"""Cheap probes: small classifiers that say whether features carry a label at all, and the scores they are judged by.

A probe is fitted on rows (N, D) with labels (N,) and gives K classes and the probabilities (M, K) of M other rows. It
sees what a simple model can see; what it does not find, a trained model may still find.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias
import warnings

import numpy as np
from scipy import sparse
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from sklearn.naive_bayes import ComplementNB
from threadpoolctl import ThreadpoolController

Matrix: TypeAlias = np.ndarray | sparse.csr_matrix
Probe: TypeAlias = Callable[[Matrix, np.ndarray, Matrix], tuple[np.ndarray, np.ndarray]]

# Trees are asked only where a table is dense, narrow and has few classes: elsewhere a hundred fits cost too much.
MAX_TREE_COLUMNS = 100
FEW_CLASSES = 10
# Of every interval in this room.
CONFIDENCE = 0.95
_LINEAR_STRENGTH = 10.0
# Steps of the optimiser, fewer where each costs more.
_FEWEST_STEPS, _MOST_STEPS, _STEPS_BY_CLASSES = 10, 100, 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeEffort:
    """How many fits of cheap probes a judgement is worth."""

    num_folds: int = 5  # of the cross-validation, 2 or more
    num_permutations: int = 20  # of the labels, 5 or more
    num_sizes: int = 6  # training sizes of the learning curve, geometrically spaced, 4 or more
    num_repeats: int = 10  # random splits into training and test rows, 4 or more


def linear_probe(train: Matrix, labels: np.ndarray, test: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression; rows are scaled to a mean squared norm of 1, so that one penalty fits any width."""
    norm = np.sqrt(_mean_square_norm(train)) or 1.0
    steps = np.clip(_STEPS_BY_CLASSES // len(np.unique(labels)), _FEWEST_STEPS, _MOST_STEPS)
    model = LogisticRegression(C=_LINEAR_STRENGTH, max_iter=int(steps), tol=1e-3)
    with warnings.catch_warnings():
        # A probe that stopped early still ranks rows; its score says how well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train / norm, labels)
    return model.classes_, model.predict_proba(test / norm)


def tree_probe(train: Matrix, labels: np.ndarray, test: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Few and small gradient-boosted trees of dense rows: they see thresholds and interactions, a linear probe not."""
    model = HistGradientBoostingClassifier(
        max_iter=20,
        learning_rate=0.3,
        max_leaf_nodes=12,
        max_bins=64,
        min_samples_leaf=int(np.clip(len(labels) // 40, 3, 20)),
        early_stopping=False,
        random_state=0,
    )
    model.fit(train, labels)
    return model.classes_, model.predict_proba(test)


def naive_bayes_probe(train: Matrix, labels: np.ndarray, test: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Complement naive Bayes: one look at the data, for many classes in many sparse columns of 0 or more.

    J. D. M. Rennie et al., "Tackling the Poor Assumptions of Naive Bayes Text Classifiers", ICML 2003.
    """
    model = ComplementNB()
    model.fit(train, labels)
    return model.classes_, model.predict_proba(test)


def probes_for(features: Matrix, *, num_classes: int) -> Mapping[str, Probe]:
    """The probes worth fitting, by their name for people, the simplest first.

    CSR values must be 0 or more where there are many classes.
    """
    probes: dict[str, Probe] = {"logistic regression": linear_probe}
    if sparse.issparse(features) and num_classes > FEW_CLASSES:
        return {"naive Bayes": naive_bayes_probe}
    narrow = not sparse.issparse(features) and features.shape[1] <= MAX_TREE_COLUMNS
    if narrow and num_classes <= FEW_CLASSES:
        probes["boosted trees"] = tree_probe
    return probes


def class_scores(
    probe: Probe, features: Matrix, labels: np.ndarray, *, train: np.ndarray, test: np.ndarray, num_classes: int
) -> np.ndarray:
    """Probabilities that a probe fitted on rows `train` gives to rows `test`, shape (B, K).

    0 for a class that the training rows lack; with one class only, all of it is that class.
    """
    scores_BK = np.zeros((len(test), num_classes))
    present = np.unique(labels[train])
    if len(present) == 1:
        scores_BK[:, present[0]] = 1.0
        return scores_BK
    # Many small fits: threads of one fit would wait for one another longer than they compute.
    with _thread_pools().limit(limits=1):
        classes, probabilities = probe(features[train], labels[train], features[test])
    scores_BK[:, classes] = probabilities
    return scores_BK


def macro_roc_auc(labels: np.ndarray, scores_NK: np.ndarray) -> float:
    """Area under the ROC curve, 0 to 1, of scores (N, K), one class against the rest, averaged over classes.

    0.5 by chance whatever the classes' shares; `nan` where no class has rows both in and out of it. The area is the
    Wilcoxon statistic (J. A. Hanley and B. J. McNeil, Radiology 143, 1982).
    """
    is_class_NK = labels[:, None] == np.arange(scores_NK.shape[1])
    positives = is_class_NK.sum(axis=0)
    negatives = len(labels) - positives
    judged = (positives > 0) & (negatives > 0)
    if not judged.any():
        return float("nan")
    rank_sums = (rankdata(scores_NK, axis=0) * is_class_NK).sum(axis=0)[judged]
    wins = rank_sums - positives[judged] * (positives[judged] + 1) / 2
    return float(np.mean(wins / (positives[judged] * negatives[judged])))


def metric_score(metric: str, labels: np.ndarray, scores_NK: np.ndarray) -> float:
    """A target metric of the problem file, 0 to 1, from scores (N, K); `nan` for `roc_auc` of a single class."""
    predicted = scores_NK.argmax(axis=1)
    averaged = {"macro_f1": f1_score, "macro_precision": precision_score, "macro_recall": recall_score}
    if metric == "roc_auc":
        return macro_roc_auc(labels, scores_NK)
    if metric == "accuracy":
        return float(accuracy_score(labels, predicted))
    if metric not in averaged:
        raise ValueError(f"metric must be accuracy, roc_auc or one of {', '.join(averaged)}, got {metric!r}")
    present = np.unique(labels)
    return float(averaged[metric](labels, predicted, labels=present, average="macro", zero_division=0))


@cache
def _thread_pools() -> ThreadpoolController:
    # Looking for the loaded libraries takes milliseconds, as long as a small fit.
    return ThreadpoolController()


def _mean_square_norm(matrix: Matrix) -> float:
    squares = np.square(matrix) if isinstance(matrix, np.ndarray) else matrix.multiply(matrix)
    return float(squares.sum()) / max(matrix.shape[0], 1)
