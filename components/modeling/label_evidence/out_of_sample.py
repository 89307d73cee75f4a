"""Probabilities for examples that a model saw in training: logistic regression on embeddings, never on its own rows.

Shapes: N examples, D numbers an embedding, K classes.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

NUM_FOLDS = 5
# Inverse strengths of the penalty, for rows of a mean squared norm of 1; the one that predicts best is taken.
STRENGTHS = (1.0, 10.0, 100.0)
_MAX_DIMENSIONS = 256
_STEPS = 100
_LEAST = 1e-6


def cross_validated_probabilities(
    embeddings: np.ndarray, labels: np.ndarray, num_classes: int, *, groups: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    """Class probabilities of each example from a model that was fitted to the other folds.

    Parameters
    ----------
    embeddings
        Shape (N, D), finite.
    labels
        Shape (N,), int: the given classes, 0 to K - 1.
    groups
        Shape (N,), int: examples that must lie in one fold; negative is a group of one. None where all are.
    seed
        Of the folds.

    Returns
    -------
    np.ndarray
        Shape (N, K). A class that the other folds lack gets a probability next to 0; with fewer than two classes, or
        fewer than two examples a fold, or no embedding, the classes' shares.
    """
    shares = np.bincount(labels, minlength=num_classes) / max(len(labels), 1)
    folds = stratified_folds(labels, groups, seed=seed)
    if not folds or not embeddings.shape[1]:
        return np.tile(shares, (len(labels), 1))
    vectors = _main_axes(embeddings)
    found = np.full((len(STRENGTHS), len(labels), num_classes), 0.0)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # one that stopped early still ranks
        for train, test in folds:
            for place, strength in enumerate(STRENGTHS):
                found[place, test] = _fitted(vectors, labels, train, test, strength, num_classes)
    found = np.clip(found, _LEAST, None)
    found /= found.sum(axis=2, keepdims=True)
    best: np.ndarray = found[np.log(found[:, np.arange(len(labels)), labels]).mean(axis=1).argmax()]
    return best


def stratified_folds(
    labels: np.ndarray, groups: np.ndarray | None = None, *, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit to and rows to answer, of up to 5 folds with each class in its share and groups whole.

    Parameters
    ----------
    labels, groups, seed
        As of `cross_validated_probabilities`.

    Returns
    -------
    list[tuple[np.ndarray, np.ndarray]]
        Empty with fewer than two classes, or fewer than two examples a fold.
    """
    own = np.arange(len(labels)) if groups is None else np.where(groups < 0, -1 - np.arange(len(labels)), groups)
    counts = np.bincount(labels)
    num_folds = min(NUM_FOLDS, int(counts.max(initial=0)), len(np.unique(own)))
    if len(labels) < 2 * NUM_FOLDS or (counts > 0).sum() < 2 or num_folds < 2:
        return []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        folds = StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
        return list(folds.split(np.zeros(len(labels)), labels, own))


def _fitted(
    vectors: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray, strength: float, num_classes: int
) -> np.ndarray:
    """Probabilities of the rows `test`, shape (B, K), 0 for classes that the rows `train` lack."""
    probabilities = np.zeros((len(test), num_classes))
    present = np.unique(labels[train])
    if len(present) == 1:
        probabilities[:, present[0]] = 1.0
        return probabilities
    model = LogisticRegression(C=strength, max_iter=_STEPS, tol=1e-3).fit(vectors[train], labels[train])
    probabilities[:, model.classes_] = model.predict_proba(vectors[test])
    return probabilities


def _main_axes(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings, centred, on at most 256 main axes, with a mean squared norm of 1: shape (N, d)."""
    vectors = np.asarray(embeddings, dtype=np.float64)
    vectors = vectors - vectors.mean(axis=0)
    if vectors.shape[1] > _MAX_DIMENSIONS:
        _, axes = np.linalg.eigh(vectors.T @ vectors)
        vectors = vectors @ axes[:, -_MAX_DIMENSIONS:]
    norm = float(np.sqrt((vectors**2).sum(axis=1).mean())) or 1.0
    return vectors / norm
