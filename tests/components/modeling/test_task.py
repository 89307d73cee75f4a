"""A class or a number: targets, losses, scores and answers, against closed forms."""

import math

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight
import torch

from components.modeling.answers import TargetScale
from components.modeling.task import class_weights, ClassTask, fit_target_scale, NumberTask, task_from
from components.shared.runtime.errors import ContractError

HOUSES = NumberTask(TargetScale(mean=200.0, std=50.0))


def test_balanced_weights_are_scikit_learns():
    labels = np.array([0] * 70 + [1] * 20 + [2] * 10)
    ours = class_weights(labels, num_classes=3, balanced=True)
    np.testing.assert_allclose(ours, compute_class_weight("balanced", classes=np.arange(3), y=labels))
    assert ours[labels].mean() == pytest.approx(1.0)


def test_a_class_without_rows_and_unbalanced_classes_weigh_one():
    assert class_weights(np.array([0, 0, 2]), num_classes=3, balanced=True)[1] == 1.0
    assert class_weights(np.array([0, 0, 2]), num_classes=3, balanced=False).tolist() == [1.0, 1.0, 1.0]


def test_the_loss_of_an_example_is_the_negative_logarithm_of_its_labels_probability():
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    losses = ClassTask(2).losses(logits, torch.tensor([0, 1]))
    assert losses.tolist() == pytest.approx([math.log(4 / 3), math.log(2)])


def test_smoothing_spreads_a_share_of_the_target_over_all_classes():
    logits = torch.tensor([[math.log(3.0), 0.0]])
    smoothed = ClassTask(2).losses(logits, torch.tensor([0]), label_smoothing=0.2).item()
    assert smoothed == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4))


def test_the_lowest_loss_of_smoothed_labels_is_their_entropy():
    assert ClassTask(3).lowest_loss(0.0) == 0.0
    expected = -(0.95 * math.log(0.95) + 0.05 * math.log(0.05))
    assert ClassTask(2).lowest_loss(0.1) == pytest.approx(expected)


def test_one_class_is_no_classification():
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 1"):
        ClassTask(1)


def test_a_number_is_learnt_on_the_scale_of_the_training_labels():
    labels = np.array([100.0, 200.0, np.nan, 300.0])
    scale = fit_target_scale(labels)
    assert (scale.mean, scale.std) == (200.0, pytest.approx(np.std([100.0, 200.0, 300.0])))
    targets = NumberTask(scale).targets(labels[[0, 1, 3]])
    assert targets.dtype == np.float32
    assert targets.mean() == pytest.approx(0.0)
    assert targets.std() == pytest.approx(1.0)


def test_the_loss_of_a_number_is_its_squared_error_in_standard_deviations():
    outputs, targets = torch.tensor([[1.0], [-1.0]]), torch.tensor([0.0, -1.5])
    assert HOUSES.losses(outputs, targets).tolist() == [1.0, 0.25]
    assert HOUSES.scores(outputs, targets).tolist() == [50.0, 25.0]
    assert HOUSES.chance_losses(np.array([1.0, -3.0]), np.ones(2)) == (5.0, 5.0)
    assert HOUSES.lowest_loss(0.0) == 0.0


def test_a_number_is_answered_in_its_own_unit():
    answers = HOUSES.answers(torch.tensor([[1.0], [-0.5]]))
    assert answers.numbers_B.tolist() == [250.0, 175.0]
    assert answers.probabilities_BK.shape == (2, 0)
    assert HOUSES.differences(answers, HOUSES.answers(torch.tensor([[0.0], [-0.5]]))).tolist() == [1.0, 0.0]


def test_large_numbers_keep_their_digits():
    task = NumberTask(TargetScale(mean=1.7e12, std=3.0))
    labels = np.array([1.7e12 - 3.0, 1.7e12 + 1.5])
    answers = task.answers(torch.from_numpy(task.targets(labels))[:, None])
    np.testing.assert_allclose(answers.numbers_B, labels, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "found"), [([3.0, 3.0, np.nan], "2 labels, all 3"), ([np.nan], "no label"), ([], "no label")]
)
def test_numbers_that_do_not_differ_teach_nothing(labels, found):
    with pytest.raises(ValueError, match=f"must be numbers that differ, got {found}"):
        fit_target_scale(np.array(labels))


def test_what_is_for_classes_alone_is_refused_for_a_number():
    with pytest.raises(ValueError, match="class_weighting must be none"):
        HOUSES.weights(np.ones(3), balanced=True)
    with pytest.raises(ValueError, match="label_smoothing must be 0"):
        HOUSES.losses(torch.zeros(1, 1), torch.zeros(1), label_smoothing=0.1)


def test_a_bundle_says_its_task():
    number = task_from("tabular_regression", (), {"columns": [], "target": {"mean": 1.0, "std": 2.0}})
    assert (number.is_regression, number.num_outputs) == (True, 1)
    assert task_from("text_classification", ("a", "b", "c"), {}).num_outputs == 3
    for preprocessing in ({}, {"target": {"mean": 1.0}}, {"target": {"mean": 1.0, "std": 0.0}}, {"target": None}):
        with pytest.raises(ContractError, match="std"):
            task_from("tabular_regression", (), preprocessing)
