"""What models that people's labels alone taught say of examples, never of one whose label they saw.

A model's labels teach none of them: a second model that learns an initial model's labels repeats its mistakes, however
it is cross-validated.

Shapes: N examples, M of them in a view, K classes.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp, softmax

from components.active_learning.disagreement.payload_views import View
from components.modeling.cheap_models.fitting import fitted_linear, fitted_trees, Matrix, MAX_TREE_CLASSES, Question
from components.modeling.label_evidence.label_spreading import LabelGraph
from components.modeling.label_evidence.out_of_sample import stratified_folds

# How much more the main axes count than the others, and how little weights are shrunk: chosen by people's labels.
# The power by the first strength, then the strength.
POWERS, STRENGTHS = (1.0, 2.0, 3.0), (10.0, 3.0, 1.0, 30.0, 100.0)
_LINE_STRENGTH = 3.0
# What the nearest examples say differs little between classes: the power that people's labels are likeliest with.
SHARPNESSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_MAX_CHOOSING = 2_000
_LEAST = 1e-6

# From rows to fit to, their labels and rows to answer, to probabilities (B, K).
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def taught_opinions(
    view: View, labels: np.ndarray, taught: np.ndarray, num_classes: int, groups: np.ndarray | None = None
) -> list[np.ndarray]:
    """Opinions on N examples of models that the labels `taught` taught.

    Parameters
    ----------
    view
        Of N examples.
    labels
        Shape (N,), int.
    taught
        Shape (N,), bool: whose labels teach; what is said of these is cross-validated.
    groups
        Shape (N,), int: whole groups are held out; negative is a group of one. None where there are none.

    Returns
    -------
    list[np.ndarray]
        Up to four of shape (N, K), rows add up to 1; equal probabilities for an example that the view lacks. Empty
        where the labels that teach are too few, or of one class.
    """
    own = taught[view.rows]
    question = Question(num_classes=num_classes, metric="accuracy")
    within = None if groups is None else groups[view.rows]
    folds = _folds(labels[view.rows], own, within)
    if not folds:
        return []
    found = [_by_axes(view.axes, labels[view.rows], own, folds, question)]
    if view.lines is not None:
        line = _line(view.lines, question, _LINE_STRENGTH)
        found.append(_unseen(line, labels[view.rows], own, folds, num_classes))
    if view.trees is not None and num_classes <= MAX_TREE_CLASSES:
        trees = _trees(view.trees, view.num_categories, question)
        found.append(_unseen(trees, labels[view.rows], own, folds, num_classes))
    if num_classes <= MAX_TREE_CLASSES:
        found.append(_by_nearest(view.axes, labels[view.rows], own, folds, num_classes))
    return [_spread(opinion, view.rows, len(labels)) for opinion in found]


def equal_opinion(num_examples: int, num_classes: int) -> np.ndarray:
    """What says nothing: equal probabilities, shape (N, K)."""
    return np.full((num_examples, num_classes), 1.0 / num_classes)


def _folds(labels: np.ndarray, taught: np.ndarray, groups: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of the rows that teach, as rows of the view."""
    rows = np.flatnonzero(taught)
    folds = stratified_folds(labels[rows], None if groups is None else groups[rows])
    return [(rows[train], rows[test]) for train, test in folds]


def _unseen(
    fit: Fit, labels: np.ndarray, taught: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], num_classes: int
) -> np.ndarray:
    """Probabilities (M, K): of rows that teach from the other folds, of all others from all that teach."""
    found = np.zeros((len(labels), num_classes))
    for train, test in folds:
        found[test] = _answers(fit, labels, train, test, num_classes)
    rows, others = np.flatnonzero(taught), np.flatnonzero(~taught)
    found[others] = _answers(fit, labels, rows, others, num_classes)
    found = np.clip(found, _LEAST, None)
    normalised: np.ndarray = found / found.sum(axis=1, keepdims=True)
    return normalised


def _by_axes(
    axes: np.ndarray,
    labels: np.ndarray,
    taught: np.ndarray,
    folds: list[tuple[np.ndarray, np.ndarray]],
    question: Question,
) -> np.ndarray:
    """A linear model on main axes, (M, K), of the power and the strength that predict people's labels best."""
    sizes = np.linalg.norm(axes, axis=0)
    weighted = {power: _scaled(axes * (sizes / sizes.max()) ** (power - 1.0)) for power in POWERS}
    bounded = [(train[:_MAX_CHOOSING], test[:_MAX_CHOOSING]) for train, test in folds]

    def loss(power: float, strength: float) -> float:
        fit, total = _line(weighted[power], question, strength), 0.0
        for train, test in bounded:
            chances = _answers(fit, labels, train, test, question.num_classes)[np.arange(len(test)), labels[test]]
            total -= float(np.log(np.clip(chances, _LEAST, 1.0)).sum())
        return total

    power = min(POWERS, key=lambda each: loss(each, STRENGTHS[0]))
    strength = min(STRENGTHS, key=lambda each: loss(power, each))
    return _unseen(_line(weighted[power], question, strength), labels, taught, folds, question.num_classes)


def _by_nearest(
    axes: np.ndarray,
    labels: np.ndarray,
    taught: np.ndarray,
    folds: list[tuple[np.ndarray, np.ndarray]],
    num_classes: int,
) -> np.ndarray:
    """People's labels spread over the nearest examples, labelled or not, as sharp as these labels want it: (M, K)."""
    graph, rows = LabelGraph(axes), np.flatnonzero(taught)

    def reached(own: np.ndarray, given: np.ndarray, asked: np.ndarray) -> np.ndarray:
        found: np.ndarray = graph.shares(own, given, num_classes)[asked]
        return found

    logs = np.log(_unseen(reached, labels, taught, folds, num_classes))

    def likelihood(power: float) -> float:
        return float((power * logs[rows, labels[rows]] - logsumexp(power * logs[rows], axis=1)).sum())

    power = max(SHARPNESSES, key=likelihood)
    found: np.ndarray = softmax(power * logs, axis=1)
    return found


def _answers(fit: Fit, labels: np.ndarray, rows: np.ndarray, asked: np.ndarray, num_classes: int) -> np.ndarray:
    """Probabilities (B, K) of rows, of a model that others taught; where these are of one class, always that."""
    if len(np.unique(labels[rows])) < 2:
        return np.tile(np.eye(num_classes)[labels[rows[0]]], (len(asked), 1))
    return fit(rows, labels[rows], asked)


def _line(values: Matrix, question: Question, strength: float) -> Fit:
    def fit(rows: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return fitted_linear(values[rows], labels, question, strength=strength)(values[asked])

    return fit


def _trees(values: np.ndarray, num_categories: int, question: Question) -> Fit:
    def fit(rows: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return fitted_trees(values[rows], labels, question, num_categories=num_categories)(values[asked])

    return fit


def _scaled(axes: np.ndarray) -> np.ndarray:
    """Rows of a mean squared norm of 1, so that a strength means the same everywhere."""
    return axes / (float(np.sqrt((axes**2).sum(axis=1).mean())) or 1.0)


def _spread(opinion: np.ndarray, rows: np.ndarray, num_examples: int) -> np.ndarray:
    found = equal_opinion(num_examples, opinion.shape[1])
    found[rows] = opinion
    return found
