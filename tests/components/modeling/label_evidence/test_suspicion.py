"""Suspicion finds labels that were changed, and leaves healthy ones alone."""

from cleanlab.rank import get_label_quality_scores
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score, roc_auc_score

from components.modeling.label_evidence.out_of_sample import cross_validated_probabilities
from components.modeling.label_evidence.suspicion import confident_joint, label_suspicion
from tests.components.model_analysis.label_errors.planted_labels import KINDS, planted


@pytest.mark.parametrize("kind", KINDS)
def test_changed_labels_rank_above_cleanlabs_ranking(kind: str) -> None:
    gains = []
    for source in ("digits", "odd digits", "tumours"):
        case = planted(source, kind, 0.15, seed=1)
        ours = label_suspicion(case.probabilities, case.labels, case.features).scores
        cleanlab = 1.0 - get_label_quality_scores(case.labels, case.probabilities)
        gains.append(average_precision_score(case.is_wrong, ours) - average_precision_score(case.is_wrong, cleanlab))

    assert np.mean(gains) > 0.03
    assert min(gains) > -0.02


def test_mistakes_of_one_class_rank_first_without_embeddings() -> None:
    case = planted("odd digits", "one_way", 0.2, seed=2)

    ours = label_suspicion(case.probabilities, case.labels).scores
    cleanlab = 1.0 - get_label_quality_scores(case.labels, case.probabilities)

    found, theirs = (average_precision_score(case.is_wrong, scores) for scores in (ours, cleanlab))
    assert found > theirs + 0.1


def test_suspected_labels_are_mostly_wrong_and_the_suggested_one_is_mostly_true() -> None:
    case = planted("digits", "evenly", 0.15, seed=3)

    found = label_suspicion(case.probabilities, case.labels, case.features)

    assert case.is_wrong[found.suspected].mean() > 0.9
    assert found.suspected[case.is_wrong].mean() > 0.7
    assert (found.suggested[found.suspected] == case.truth[found.suspected]).mean() > 0.9
    assert (found.suggested != case.labels).all()


def test_few_labels_are_suspected_where_none_was_changed() -> None:
    case = planted("digits", "evenly", 0.0, seed=4)

    assert label_suspicion(case.probabilities, case.labels, case.features).suspected.mean() < 0.03


def test_classes_that_are_only_given_by_mistake_spoil_no_ranking() -> None:
    gains = []
    for seed in range(4):
        features, labels, truth = strays(seed)
        probabilities = cross_validated_probabilities(features, labels, 10)
        ours = label_suspicion(probabilities, labels, features).scores
        cleanlab = 1.0 - get_label_quality_scores(labels, probabilities)
        found, theirs = (roc_auc_score(labels != truth, scores) for scores in (ours, cleanlab))
        gains.append(found - theirs)

    assert min(gains) > 0.0


def strays(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two look-alike digits, some taken for each other and some for anything: features, given and true labels."""
    rng = np.random.default_rng(seed)
    features, digits = load_digits(return_X_y=True)
    rows = np.flatnonzero(np.isin(digits, (3, 8)))
    features = features[rows] + rng.normal(0.0, 6.0, (len(rows), features.shape[1]))
    truth = (digits[rows] == 8).astype(np.int64)
    draws = rng.random(len(rows))
    labels = np.where(draws < 0.12, 1 - truth, truth)
    return features, np.where(draws > 0.93, rng.integers(2, 10, len(rows)), labels), truth


def test_the_joint_is_that_of_hand_counted_examples() -> None:
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.1, 0.9]] + [[0.1, 0.9]] * 5)
    labels = np.array([0] * 5 + [1] * 5)

    joint = confident_joint(probabilities, labels)

    assert joint.sum() == pytest.approx(1.0)
    assert np.diag(joint).tolist() == pytest.approx([0.4, 0.5])
    # one mistake of 10, drawn two thirds to the mean of both cells
    assert joint[0, 1] == pytest.approx(0.1 / 3 + 0.05 * 2 / 3)


def test_one_class_and_no_examples_give_no_suspicion() -> None:
    one = label_suspicion(np.ones((3, 1)), np.zeros(3, int))
    none = label_suspicion(np.empty((0, 2)), np.empty(0, int))

    assert not one.suspected.any()
    assert none.scores.shape == (0,)


@pytest.mark.parametrize(
    ("probabilities", "labels", "embeddings", "message"),
    [
        (np.ones((2, 2)) / 2, np.zeros(3, int), None, "must have the shape"),
        (np.full((2, 2), np.nan), np.zeros(2, int), None, "probabilities must be finite"),
        (np.ones((2, 2)) / 2, np.array([0, 2]), None, "labels must be class indices from 0 to 1"),
        (np.ones((2, 2)) / 2, np.zeros(2, int), np.ones((3, 2)), "embeddings must have 2 rows"),
        (np.ones((2, 2)) / 2, np.zeros(2, int), np.full((2, 2), np.inf), "embeddings must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(
    probabilities: np.ndarray, labels: np.ndarray, embeddings: np.ndarray | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        label_suspicion(probabilities, labels, embeddings)
