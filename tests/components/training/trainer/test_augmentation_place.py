"""Augmentation runs on the CPU or on the device; nothing of a policy is dropped, and a run repeats itself on either."""

import logging

import numpy as np
import pytest
import torch

from components.modeling.augmentation.named_policies import named_policy, read_policy
from components.modeling.backbone_config import BackboneConfig
from components.shared.feature_store.store import FeatureStore
from components.training.trainer.augmentation_place import augments_on_device, placed_augmentation
from components.training.trainer.checkpoints import CheckpointFolder
from components.training.trainer.fit import fit
from components.training.training_config import overridden, TrainingConfig

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
CONFIG = TrainingConfig(
    backbone=BackboneConfig(name="small_cnn"), max_epochs=2, batch_size=16, learning_rate=1e-3, max_examples=48
)


def on(place):
    return overridden(CONFIG, {"augment_on": place})


def trained(store, config, folder):
    return fit(store, config, seed=3, device=CPU, checkpoints=CheckpointFolder(uri=str(folder)))


def test_auto_augments_on_a_gpu_alone_and_the_other_two_insist():
    assert [augments_on_device(on("auto"), device) for device in (CPU, CUDA)] == [False, True]
    assert augments_on_device(on("device"), CPU)
    assert not augments_on_device(on("cpu"), CUDA)
    with pytest.raises(ValueError, match="augment_on must be one of auto, cpu, device, got 'gpu'"):
        on("gpu")


def test_what_the_device_cannot_do_stays_on_the_cpu_and_is_said(caplog):
    policy = read_policy([{"GaussNoise": {"p": 1.0}}, {"HorizontalFlip": {"p": 1.0}}])
    with caplog.at_level(logging.INFO):
        placed = placed_augmentation(policy, on("device"), CPU)
    assert "augmentation on the device: HorizontalFlip; on the CPU with albumentations: GaussNoise" in caplog.text
    image = np.zeros((1, 16, 16, 3), np.uint8)
    image[:, :, :8] = 200
    noisy = image.copy()
    placed.on_cpu.augment_batch(noisy, np.array([5], np.uint32))
    assert not np.array_equal(noisy, image)
    flipped = placed.on_device(torch.from_numpy(image), np.array([5], np.uint32)).numpy()
    np.testing.assert_array_equal(flipped, image[:, :, ::-1])


def test_no_policy_and_no_augmentation_place_nothing():
    for policy, settings in ((None, {}), (named_policy("standard"), {"augment": False})):
        placed = placed_augmentation(policy, overridden(CONFIG, settings), CPU)
        assert placed.on_cpu is None
        assert placed.on_device is None


def test_a_training_that_augments_on_its_device_repeats_itself_and_differs_from_one_without(stripes_store, tmp_path):
    store = FeatureStore(stripes_store)
    first = trained(store, on("device"), tmp_path / "first")
    again = trained(store, on("device"), tmp_path / "again")
    plain = trained(store, overridden(CONFIG, {"augment": False}), tmp_path / "plain")
    losses = [[epoch["train_loss"] for epoch in result.curves] for result in (first, again, plain)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


@pytest.mark.parametrize("place", ["cpu", "device"])
def test_workers_do_not_change_a_training(stripes_store, tmp_path, place):
    store = FeatureStore(stripes_store).with_augmentation(named_policy("heavy"))
    losses = []
    for num_workers in (0, 1, 2):
        config = overridden(on(place), {"num_workers": num_workers})
        result = trained(store, config, tmp_path / str(num_workers))
        losses.append([epoch["train_loss"] for epoch in result.curves])
    assert losses[0] == losses[1] == losses[2]
