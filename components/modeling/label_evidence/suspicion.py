"""How suspicious each given label is: confident learning on what a model and the nearest examples say.

Shapes: N examples, K classes, D numbers an embedding, M opinions (the model's, and the neighbours' at two distances).

References
----------
C. G. Northcutt, L. Jiang, I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70, 2021:
the thresholds and the joint distribution of given and true labels.
"""

from dataclasses import dataclass

import numpy as np

from components.modeling.label_evidence.joint_opinion import joint_opinion
from components.modeling.label_evidence.neighbour_votes import nearest_neighbours, neighbour_votes

# A few neighbours see near duplicates, many outvote the wrong labels among them.
NEIGHBOURS = (10, 40)
_LEAST = 1e-6
_STEPS = 30
# What is left of the first opinion, so that two labels that are both next to sure differ still.
_DOUBT = 0.01


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelSuspicion:
    """What is thought of N given labels.

    Attributes
    ----------
    scores
        Shape (N,), 0 to 1, the higher the more suspicious: the probability that the label is wrong, as far as the
        opinions are right. A rank, not a share: how many labels are wrong is for an audit to say.
    suspected
        Shape (N,), bool: more probably wrong than right.
    suggested
        Shape (N,), int: the most probable class that is not the given one; the given one where there is no other.
    """

    scores: np.ndarray
    suspected: np.ndarray
    suggested: np.ndarray


def label_suspicion(
    probabilities: np.ndarray, labels: np.ndarray, embeddings: np.ndarray | None = None
) -> LabelSuspicion:
    """Suspicion of given labels.

    Where there are embeddings, the labels of the nearest examples are opinions beside the model's. The opinions are
    joined so that they predict the given labels best, and the joint distribution of given and true labels, estimated
    by confident learning, turns "which label was given" into "which label is true".

    Parameters
    ----------
    probabilities
        Shape (N, K), rows add up to 1: what a model that did not see the example's label says.
    labels
        Shape (N,), int: the given class of each example, 0 to K - 1.
    embeddings
        Shape (N, D), finite; None, or D of 0, where there are none.

    Returns
    -------
    LabelSuspicion
        With one class, or no example, nothing is suspected.

    Raises
    ------
    ValueError
        If shapes disagree, a probability or an embedding is not finite, or a label is no class.
    """
    _check(probabilities, labels, embeddings)
    num_classes = probabilities.shape[1]
    if len(labels) < 2 or num_classes < 2:
        return LabelSuspicion(scores=np.zeros(len(labels)), suspected=np.zeros(len(labels), bool), suggested=labels)
    opinions = [np.asarray(probabilities, dtype=np.float64)]
    if embeddings is not None and embeddings.shape[1]:
        neighbours, _ = nearest_neighbours(embeddings, max(NEIGHBOURS))
        opinions += [neighbour_votes(neighbours[:, :number], labels, num_classes) for number in NEIGHBOURS]
    given = joint_opinion(opinions, labels)
    joint = confident_joint(given, labels)
    true = _true_label_probabilities(given, labels, joint)
    rows = np.arange(len(labels))
    scores = 1.0 - true[rows, labels]
    true[rows, labels] = -1.0
    return LabelSuspicion(scores=scores, suspected=scores > 0.5, suggested=true.argmax(axis=1))


def confident_joint(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Confident learning's joint distribution of given and true labels.

    An example counts as truly of its most probable class where it reaches the threshold of that: the mean probability
    of the class where it is the given label. Of a class that is given a few times and never truly there the threshold
    is next to nothing: by the most probable class whose threshold is reached, as in the reference, many doubtful
    examples would be truly of it. Cells off the diagonal hold one example more each, spread as if all mistakes were
    alike, so that a rate of few examples is not believed.

    Returns
    -------
    np.ndarray
        Shape (K, K), given label by true one, adds up to 1.
    """
    num_classes = probabilities.shape[1]
    counts_of = np.bincount(labels, minlength=num_classes)
    sums = np.bincount(labels, weights=probabilities[np.arange(len(labels)), labels], minlength=num_classes)
    thresholds = np.where(counts_of > 0, sums / np.maximum(counts_of, 1), 1.0)
    true = probabilities.argmax(axis=1)
    counted = probabilities[np.arange(len(labels)), true] >= thresholds[true] - _LEAST
    counts = np.zeros((num_classes, num_classes))
    np.add.at(counts, (labels[counted], true[counted]), 1.0)
    np.fill_diagonal(counts, np.maximum(np.diag(counts), 1.0))
    joint = counts / counts.sum(axis=1, keepdims=True) * (counts_of / len(labels))[:, None]
    return _cautious(joint, num_examples=len(labels))


def _cautious(joint: np.ndarray, *, num_examples: int) -> np.ndarray:
    """The joint with its mistakes drawn to their mean, as a Dirichlet prior of one example a cell does."""
    num_cells = joint.size - len(joint)
    mistakes = joint.copy()
    np.fill_diagonal(mistakes, 0.0)
    total = mistakes.sum()
    weight = num_cells / (num_cells + total * num_examples)
    drawn = (1.0 - weight) * mistakes + weight * total / num_cells
    np.fill_diagonal(drawn, np.diag(joint))
    return drawn


def _true_label_probabilities(given: np.ndarray, labels: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Probabilities of the true label, (N, K), by Bayes' rule, when this label was given.

    Which labels would be given, (N, K), is first taken back to which are true by expectation maximisation.
    """
    rates = joint / np.maximum(joint.sum(axis=0, keepdims=True), _LEAST)  # of a given label (row) under a true one
    true = given.copy()
    for _ in range(_STEPS):
        true *= (given / np.maximum(true @ rates.T, _LEAST)) @ rates
        true /= np.maximum(true.sum(axis=1, keepdims=True), _LEAST)
    true = (1.0 - _DOUBT) * true + _DOUBT * given
    posterior = rates[labels] * true
    normalised: np.ndarray = posterior / np.maximum(posterior.sum(axis=1, keepdims=True), 1e-300)
    return normalised


def _check(probabilities: np.ndarray, labels: np.ndarray, embeddings: np.ndarray | None) -> None:
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            f"probabilities must have the shape (N, K) and labels (N,), got {probabilities.shape} and {labels.shape}"
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities must be finite, got one that is not: score the examples again")
    if not np.issubdtype(labels.dtype, np.integer) or (
        len(labels) and not 0 <= labels.min() <= labels.max() < probabilities.shape[1]
    ):
        raise ValueError(f"labels must be class indices from 0 to {probabilities.shape[1] - 1}: leave out the others")
    if embeddings is not None and (embeddings.ndim != 2 or len(embeddings) != len(labels)):
        raise ValueError(f"embeddings must have {len(labels)} rows, one an example, got the shape {embeddings.shape}")
    if embeddings is not None and not np.isfinite(embeddings).all():
        raise ValueError("embeddings must be finite, got one that is not: score the examples again")
