"""The loss: additive over examples, weighted by class, smoothed."""

import math

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight
import torch

from components.training.trainer.losses import class_weights, example_losses, sums_over_processes, WeightedMean


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
    losses = example_losses(logits, torch.tensor([0, 1]))
    assert losses.tolist() == pytest.approx([math.log(4 / 3), math.log(2)])


def test_smoothing_spreads_a_share_of_the_target_over_all_classes():
    logits = torch.tensor([[math.log(3.0), 0.0]])
    smoothed = example_losses(logits, torch.tensor([0]), label_smoothing=0.2).item()
    assert smoothed == pytest.approx(0.9 * math.log(4 / 3) + 0.1 * math.log(4))


def test_a_weighted_mean_is_gathered_a_batch_at_a_time():
    mean = WeightedMean()
    mean.update(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    mean.update(torch.tensor([10.0]), torch.tensor([0.5]))
    total, weight = mean.gathered(over_processes=True)
    assert (total, weight) == (9.0, 2.5)
    mean.restart(2.0, 1.0)
    assert mean.gathered(over_processes=False) == (2.0, 1.0)


def test_alone_a_sum_over_processes_is_the_value_itself():
    assert sums_over_processes([1.5, 2.0]) == [1.5, 2.0]
