"""Classes get labels in the proportions of people's labels."""

import numpy as np

from components.active_learning.pseudo_labels.class_cap import capped_choice


def _answers(*counts: int) -> np.ndarray:
    """So many sure answers of each class."""
    return np.eye(len(counts))[np.repeat(np.arange(len(counts)), counts)] * 0.9 + 0.1 / len(counts)


def test_each_class_gets_at_most_so_many_for_each_label_of_people() -> None:
    answers = _answers(50, 50)
    chosen = capped_choice(answers, np.ones(100, bool), np.array([2, 4]), 5)

    assert np.bincount(answers[chosen].argmax(axis=1)).tolist() == [10, 20]


def test_a_class_that_the_model_likes_to_answer_does_not_crowd_out_the_others() -> None:
    answers = _answers(900, 20)
    chosen = capped_choice(answers, np.ones(920, bool), np.array([10, 10]), 10)

    assert np.bincount(answers[chosen].argmax(axis=1)).tolist() == [40, 20]


def test_only_candidates_are_chosen_and_always_the_same() -> None:
    answers, candidates = _answers(30, 30), np.arange(60) % 2 == 0
    chosen = capped_choice(answers, candidates, np.array([5, 5]), 2)

    assert len(chosen) == 20
    assert candidates[chosen].all()
    assert chosen.tolist() == capped_choice(answers, candidates, np.array([5, 5]), 2).tolist()


def test_a_class_without_labels_by_people_gets_none() -> None:
    assert np.bincount(
        _answers(9, 9)[capped_choice(_answers(9, 9), np.ones(18, bool), np.array([3, 0]), 1)].argmax(1)
    ).tolist() == [3]
    assert not len(capped_choice(_answers(9, 9), np.ones(18, bool), np.array([0, 0]), 1))
