"""An epoch's mean loss: gathered a batch at a time, over all processes."""

import torch

from components.training.trainer.losses import sums_over_processes, WeightedMean


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
