"""How probably each stored label is wrong: what people's labels, the label's writer and the nearest examples say.

Shapes: N examples, K classes, M opinions, k neighbours.

References
----------
Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied Statistics 28
(1979): how often those who give labels are right, estimated beside the true classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.active_learning.disagreement.compared_rows import ComparedRows
from components.active_learning.disagreement.payload_views import View
from components.active_learning.disagreement.taught_opinions import equal_opinion, taught_opinions
from components.modeling.label_evidence.joint_opinion import joint_opinion
from components.modeling.label_evidence.neighbour_votes import nearest_neighbours
from components.modeling.label_evidence.neighbourhoods import neighbourhoods, NO_ROW, with_contradictions
from components.modeling.label_evidence.out_of_sample import cross_validated_probabilities

NUM_NEIGHBOURS = 10
# Fewer validation labels by people do not weigh opinions; then all count alike.
MIN_WEIGHING = 30
_CAUTION = 10.0
# People are right 19 times in 20 before anything is known, worth 20 labels.
_PRIOR_RIGHT, _PRIOR_LABELS, _STEPS = 0.95, 20.0, 30
_LEAST = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelDoubts:
    """What is thought of N stored labels.

    Attributes
    ----------
    scores
        Shape (N,), 0 to 1: the probability that the stored label is wrong, as far as the opinions are right.
    truth
        Shape (N, K): probabilities of the true class.
    opinions
        Shape (N, M), int: the class that each opinion of people's labels favours.
    neighbours
        Shape (N, k), int, rows of the nearest examples; k is 0 where nothing is known of them.
    contradicted_by
        Shape (N,), int: row of a near duplicate with another label; `NO_ROW` where there is none.
    by_people
        Whether people's labels alone taught the opinions; else there were too few, and all labels did.
    """

    scores: np.ndarray
    truth: np.ndarray
    opinions: np.ndarray
    neighbours: np.ndarray
    contradicted_by: np.ndarray
    by_people: bool


def label_doubts(rows: ComparedRows, views: Sequence[View], initial: np.ndarray | None = None) -> LabelDoubts:
    """Doubt stored labels.

    Models that people's training labels alone taught answer every example out of sample; where they and the writer of
    a label differ, one of them is wrong. The model that is being trained is heard where it did not see a label, or
    contradicts it all the same. Validation labels by people say how much each opinion counts. A label by a model is one
    more opinion, as sure as that model was; a label by a person is a fact that is wrong at a rate, which is estimated,
    and more often where annotators did not agree.

    Parameters
    ----------
    rows
        N labels.
    views
        Of these N examples, the most trustworthy first.
    initial
        Shape (N, K), `nan` where not known: what the model that wrote labels says.
    """
    num_examples, num_classes = rows.probabilities.shape
    taught = rows.by_people & rows.trained_on
    found = [each for view in views for each in taught_opinions(view, rows.labels, taught, num_classes, rows.groups)]
    by_people = bool(found)
    if not found:
        found = [_of_all_labels(view, rows) for view in views]
    known = rows.by_people & (rows.splits == "validation")
    known = known if known.sum() >= MIN_WEIGHING else np.zeros(num_examples, bool)
    opinions = [*found, _writers_opinion(rows, initial)]
    truth = joint_opinion(opinions, rows.labels, known=known, caution=_CAUTION)
    heard = rows.differ | ~rows.trained_on  # elsewhere the model may repeat by heart what it was taught
    own = np.asarray(rows.probabilities, np.float64)
    truth[heard] = joint_opinion([*opinions, own], rows.labels, known=known, caution=_CAUTION)[heard]
    for source in ("person", "rule"):
        given = rows.sources == source
        truth[given] = _with_fallible_labels(truth[given], rows.labels[given], rows.agreements[given])
    scores = 1.0 - truth[np.arange(num_examples), rows.labels]
    around = _axes(views, num_examples)
    contradicted_by = neighbourhoods(around, rows.labels, rows.content_ids).contradicted_by
    return LabelDoubts(
        scores=with_contradictions(scores, contradicted_by),
        truth=truth,
        opinions=np.array([opinion.argmax(axis=1) for opinion in found]).T.reshape(num_examples, len(found)),
        neighbours=_neighbours(around),
        contradicted_by=contradicted_by,
        by_people=by_people,
    )


def contradicting(doubts: LabelDoubts, row: int) -> int | None:
    """The near duplicate with another label of a row, None where there is none."""
    other = int(doubts.contradicted_by[row])
    return None if other == NO_ROW else other


def _of_all_labels(view: View, rows: ComparedRows) -> np.ndarray:
    """What all labels say of each other, cross-validated: mistakes that are made alike everywhere are not seen."""
    groups = None if rows.groups is None else rows.groups[view.rows]
    found = equal_opinion(*rows.probabilities.shape)
    found[view.rows] = cross_validated_probabilities(view.axes, rows.labels[view.rows], found.shape[1], groups=groups)
    return found


def _writers_opinion(rows: ComparedRows, initial: np.ndarray | None) -> np.ndarray:
    """What the writer of labels thinks, (N, K): equal probabilities of people's training labels, which it may know.

    Where its answers are not given it is as sure of its label as the table says; else as sure as a coin.
    """
    num_examples, num_classes = rows.probabilities.shape
    opinion = equal_opinion(num_examples, num_classes)
    sure = rows.label_probabilities
    told = np.flatnonzero((rows.sources == "model") & np.isfinite(sure))
    opinion[told] = ((1.0 - sure[told]) / max(num_classes - 1, 1))[:, None]
    opinion[told, rows.labels[told]] = sure[told]
    if initial is not None:
        answered = np.isfinite(initial).all(axis=1) & ~(rows.by_people & rows.trained_on)
        opinion[answered] = initial[answered]
    return opinion


def _with_fallible_labels(opinion: np.ndarray, labels: np.ndarray, agreements: np.ndarray) -> np.ndarray:
    """Probabilities of the true class, (B, K), when these labels were given by somebody who sometimes errs."""
    num_labels, num_classes = opinion.shape
    if not num_labels or num_classes < 2:
        return opinion
    places, share = np.arange(num_labels), np.nan_to_num(agreements, nan=1.0)
    right = _PRIOR_RIGHT
    for _ in range(_STEPS):
        rates = np.clip(right * share, 1.0 / num_classes, 1.0 - _LEAST)
        likelihoods = np.tile(((1.0 - rates) / (num_classes - 1))[:, None], (1, num_classes))
        likelihoods[places, labels] = rates
        truth = opinion * likelihoods
        truth /= truth.sum(axis=1, keepdims=True)
        counted = truth[places, labels].sum() + _PRIOR_RIGHT * _PRIOR_LABELS
        right = float(counted / (num_labels + _PRIOR_LABELS))
    return truth


def _axes(views: Sequence[View], num_examples: int) -> np.ndarray:
    """The first view that sees all examples, (N, A); A is 0 where none does."""
    whole = [view.axes for view in views if len(view.rows) == num_examples]
    return whole[0] if whole else np.zeros((num_examples, 0))


def _neighbours(axes: np.ndarray) -> np.ndarray:
    if not axes.shape[1] or len(axes) <= NUM_NEIGHBOURS:
        return np.zeros((len(axes), 0), np.int64)
    return nearest_neighbours(axes, NUM_NEIGHBOURS)[0]
