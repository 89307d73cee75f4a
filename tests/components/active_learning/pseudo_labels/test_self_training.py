"""What two halves agree on, and how the choice among trials is paid for."""

from dataclasses import replace

import numpy as np
import pytest

from components.active_learning.pseudo_labels.self_training import (
    accuracy_by_agreement,
    MIN_AGREEMENT,
    PeopleLabels,
    Recipe,
    self_training,
    SelfTraining,
    with_common_p_values,
)
from components.active_learning.pseudo_labels.stand_ins import linear_stand_in
from components.modeling.label_evidence.label_spreading import LabelGraph
from tests.components.active_learning.pseudo_labels.planted_pools import planted


def _trials(kind: str, seed: int) -> list[SelfTraining]:
    case = planted(kind, seed)
    people = PeopleLabels(train=case.labels, held_out=case.validation_truth, num_classes=case.num_classes)
    view = LabelGraph(np.concatenate([case.train, case.pool]))
    recipes = (Recipe(teacher="itself", times=10),)
    stand_in = linear_stand_in("linear", case.train, case.validation, case.pool)
    return self_training(stand_in, people, recipes=recipes, second_view=view)


def test_independent_answers_of_known_accuracy_agree_as_the_formula_says() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200_000)
    first, second = (np.where(rng.random(len(truth)) < 0.8, truth, 1 - truth) for _ in range(2))
    kappa = 2.0 * (first == second).mean() - 1.0

    assert accuracy_by_agreement(kappa, 2) == pytest.approx(0.8, abs=0.005)
    assert accuracy_by_agreement(-0.1, 4) == 0.25


def test_halves_of_clustered_labels_come_to_agree_and_people_say_so_too() -> None:
    [trial] = _trials("blobs", 0)

    assert trial.agreement_with > trial.agreement_without + 0.2
    assert trial.gain_low > 0.0
    assert trial.people.difference > 0.05
    assert trial.people.num_examples == 6 * (20 + 2 * 10)


def test_halves_that_agree_slightly_are_no_sign_of_clusters() -> None:
    [trial] = with_common_p_values(_trials("blobs", 0))

    assert trial.is_shown(0.1)
    assert not replace(trial, agreement_with=MIN_AGREEMENT - 0.01).is_shown(0.1)


def test_clusters_that_are_not_the_classes_do_not_raise_accuracy_on_people() -> None:
    [trial] = _trials("topics", 1)

    assert trial.people.difference < 0.03


def test_the_best_of_many_worthless_trials_is_not_significant() -> None:
    [trial] = _trials("blobs", 0)
    rng = np.random.default_rng(2)
    worthless = [replace(trial, label_gains=rng.integers(-1, 2, 30).astype(float)) for _ in range(40)]
    alone = [with_common_p_values([item])[0].p_better for item in worthless]

    assert min(alone) < 0.05
    assert min(item.p_better for item in with_common_p_values(worthless)) > 0.1
    assert with_common_p_values([trial])[0].p_better < 0.01
