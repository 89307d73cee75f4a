"""The guard admits labels that help, and no others."""

import numpy as np
import pytest

from components.active_learning.pseudo_labels.calibration import class_thresholds
from components.active_learning.pseudo_labels.guard import Decision, HarmCheck, judged, PoolAnswers
from components.active_learning.pseudo_labels.self_training import PeopleLabels
from components.active_learning.pseudo_labels.stand_ins import linear_stand_in
from components.drift.paired_shares import paired_shares
from components.modeling.label_evidence.label_spreading import LabelGraph
from tests.components.active_learning.pseudo_labels.planted_pools import planted, PlantedPool


def _decision(case: PlantedPool) -> Decision:
    num_train, num_classes = len(case.labels), case.num_classes
    people = PeopleLabels(train=case.labels, held_out=case.validation_truth, num_classes=num_classes)
    view = LabelGraph(np.concatenate([case.train, case.pool]))
    answers = PoolAnswers(
        probabilities=case.pool_answers,
        thresholds=class_thresholds(case.pool_answers, case.validation_answers, case.validation_truth),
        second=view.classes(np.arange(num_train), case.labels, num_classes)[num_train:],
    )
    stand_in = linear_stand_in("logistic regression", case.train, case.validation, case.pool)
    return judged([stand_in], people, answers, second_view=view)


def _gain(case: PlantedPool, decision: Decision) -> float:
    """Of test accuracy, by what is admitted."""
    assert decision.admitted is not None
    reading = linear_stand_in("", case.train, case.test, case.pool)
    more = np.concatenate([reading.train, reading.pool[decision.admitted.rows]])
    fits = [(reading.train, case.labels), (more, np.concatenate([case.labels, decision.admitted.classes]))]
    models = [reading.fitted(rows, labels, case.num_classes) for rows, labels in fits]
    without, with_them = ((model(reading.held_out).argmax(axis=1) == case.test_truth).mean() for model in models)
    return float(with_them - without)


@pytest.mark.parametrize("kind", ["blobs", "three_blobs"])
def test_labels_are_admitted_in_clusters_and_gain(kind: str) -> None:
    case = planted(kind, 0)
    decision = _decision(case)

    assert decision.reason.startswith("200 labels by the model are admitted")
    assert _gain(case, decision) >= 0.03


def test_labels_are_refused_with_the_figures_where_clusters_are_not_the_classes() -> None:
    decision = _decision(planted("topics", 1))

    assert decision.admitted is None
    assert "it is not shown that they help" in decision.reason
    assert "95 % interval" in decision.reason


def test_of_a_model_that_is_sure_and_wrong_only_right_labels_are_admitted() -> None:
    case = planted("blobs", 0, is_stale=True)
    decision = _decision(case)
    answered = case.pool_answers.argmax(axis=1)

    assert (answered != case.pool_truth).mean() > 0.2
    assert decision.admitted is not None
    assert (decision.admitted.classes != case.pool_truth[decision.admitted.rows]).mean() < 0.05
    assert _gain(case, decision) > 0.0


def test_few_labels_of_one_class_are_enough_where_clusters_say_the_rest() -> None:
    case = planted("blobs", 45)
    decision = _decision(case)

    assert np.bincount(case.labels).tolist() == [3, 17]
    assert _gain(case, decision) >= 0.03


def test_the_decision_is_always_the_same() -> None:
    first, second = (_decision(planted("blobs", 1, num_train=16, num_validation=4)) for _ in range(2))

    assert first.reason == second.reason
    assert (first.admitted is None) == (second.admitted is None)


def test_too_few_labels_are_named() -> None:
    case = planted("blobs", 0)
    people = PeopleLabels(train=np.array([0, 0, 0, 1]), held_out=np.zeros(0, np.int64), num_classes=2)
    stand_in = linear_stand_in("", case.train[:4], case.validation[:0], case.pool)
    answers = PoolAnswers(probabilities=case.pool_answers, thresholds=np.zeros(2))
    decision = judged([stand_in], people, answers, second_view=LabelGraph(np.concatenate([case.train[:4], case.pool])))

    assert decision.admitted is None
    assert "2 training examples of each of two classes" in decision.reason
    assert "the classes have 3, 1" in decision.reason
    assert "no cheap model" in judged([], people, answers, second_view=None).reason


@pytest.mark.parametrize(("lost", "is_worse"), [(0, False), (2, False), (3, True), (12, True)])
def test_losing_more_labels_than_chance_readily_loses_is_harm(lost: int, is_worse: bool) -> None:
    more, without = np.ones(40, bool), np.ones(40, bool)
    more[:lost] = False
    check = HarmCheck(stand_in="", times=1, where="validation", people=paired_shares(more, without))

    assert check.is_worse == is_worse
