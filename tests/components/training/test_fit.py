"""The trainer: it learns, repeats, stops and goes on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from components.modeling.backbones import BackboneConfig
from components.modeling.preprocessing import normalize
from components.shared.feature_store import ImageStore, ImageStoreWriter
from components.training.checkpoints import best_weights, CheckpointFolder, LossCurves
from components.training.fit import fit
from components.training.lightning_module import ImageClassifierModule
from components.training.recipes import full

CPU = torch.device("cpu")
CONFIG = replace(full(BackboneConfig(name="small_cnn")), max_epochs=4, batch_size=16, patience_epochs=4)
# Steps far too large: the second epoch is worse than the first, and patience runs out.
STOPPING = replace(CONFIG, max_epochs=30, patience_epochs=1, learning_rate=0.5)


@pytest.fixture(scope="module")
def store(stripes_store):
    return ImageStore(stripes_store)


@pytest.fixture(scope="module")
def trained(store, tmp_path_factory):
    folder = CheckpointFolder(uri=str(tmp_path_factory.mktemp("trained")))
    return fit(store, CONFIG, seed=5, device=CPU, checkpoints=folder)


@pytest.fixture
def stopped(store, tmp_path):
    """A run that early stopping has ended, and its checkpoint folder."""
    folder = CheckpointFolder(uri=str(tmp_path / "checkpoints"))
    return fit(store, STOPPING, seed=0, device=CPU, checkpoints=folder), folder


def never(*arguments, **settings):
    raise AssertionError("nothing must be trained again")


class KilledError(RuntimeError):
    """Stands for the end of the process."""


def test_it_learns_to_tell_stripes_apart(trained):
    assert trained.curves[-1]["val_accuracy"] > 0.9
    assert trained.curves[-1]["train_loss"] < trained.curves[0]["train_loss"]
    assert [epoch["epoch"] for epoch in trained.curves] == [1, 2, 3, 4]
    assert not trained.resumed


def test_the_best_epochs_weights_are_kept(store, stopped):
    result, _ = stopped
    losses = [epoch["val_loss"] for epoch in result.curves]
    assert result.best_epoch == int(np.argmin(losses)) + 1 < len(losses)
    rows = store.indices("validation")
    with torch.inference_mode():
        logits = result.classifier(normalize(torch.from_numpy(store.gather(rows)), "standard"))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(store.labels[rows])).item()
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_a_seed_repeats_a_run(store, trained, tmp_path):
    again = fit(store, CONFIG, seed=5, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))
    assert again.curves == trained.curves
    for name, value in again.classifier.state_dict().items():
        assert torch.equal(value, trained.classifier.state_dict()[name]), name


def test_another_seed_is_another_run(store, trained, tmp_path):
    config = replace(CONFIG, max_epochs=1)
    other = fit(store, config, seed=6, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))
    assert other.curves[0]["train_loss"] != trained.curves[0]["train_loss"]


@pytest.mark.parametrize("epoch_of_death", [2, 3])
def test_a_killed_run_goes_on_to_the_same_end(store, trained, tmp_path, monkeypatch, epoch_of_death):
    folder = CheckpointFolder(uri=str(tmp_path))
    note = LossCurves.on_train_epoch_end

    def die(self, trainer, pl_module):
        note(self, trainer, pl_module)
        if trainer.current_epoch + 1 == epoch_of_death:
            raise KilledError

    monkeypatch.setattr(LossCurves, "on_train_epoch_end", die)
    with pytest.raises(KilledError):
        fit(store, CONFIG, seed=5, device=CPU, checkpoints=folder)
    monkeypatch.undo()
    resumed = fit(store, CONFIG, seed=5, device=CPU, checkpoints=folder)
    assert resumed.resumed
    assert resumed.curves == trained.curves
    for name, value in resumed.classifier.state_dict().items():
        assert torch.equal(value, trained.classifier.state_dict()[name]), name


def test_a_finished_run_is_not_trained_again(store, tmp_path, monkeypatch):
    folder = CheckpointFolder(uri=str(tmp_path))
    config = replace(CONFIG, max_epochs=2)
    first = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    monkeypatch.setattr(ImageClassifierModule, "training_step", never)
    second = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    assert second.curves == first.curves
    assert torch.equal(second.classifier.head.weight, first.classifier.head.weight)


def test_it_stops_early_and_a_run_killed_then_stops_there_too(store, stopped, monkeypatch):
    first, folder = stopped
    assert len(first.curves) < STOPPING.max_epochs
    monkeypatch.setattr(ImageClassifierModule, "training_step", never)
    assert fit(store, STOPPING, seed=0, device=CPU, checkpoints=folder).curves == first.curves


def test_without_held_out_rows_the_training_loss_decides(store, tmp_path):
    rows = store.indices("train")[:24]
    with ImageStoreWriter(
        tmp_path / "store", class_names=store.class_names, image_shape=store.image_shape, preparation=store.preparation
    ) as writer:
        writer.write(
            example_ids=store.example_ids[rows].tolist(),
            splits=["train"] * len(rows),
            labels=store.labels[rows].tolist(),
            images_BHWC=store.gather(rows),
        )
    folder = CheckpointFolder(uri=str(tmp_path / "checkpoints"))
    result = fit(ImageStore(tmp_path / "store"), replace(CONFIG, max_epochs=2), seed=0, device=CPU, checkpoints=folder)
    assert "val_loss" not in result.curves[0]
    assert result.best_epoch in (1, 2)


def test_a_frozen_backbone_stays_as_published(store, tmp_path):
    backbone = BackboneConfig(name="efficientnet_lite0", pretrained=True, frozen=True)
    config = replace(full(backbone), max_epochs=1, max_examples=16, batch_size=8)
    result = fit(store, config, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))
    from components.modeling.backbones import build_classifier

    published = build_classifier(backbone, num_classes=2, load_pretrained=True).backbone.state_dict()
    for name, value in result.classifier.backbone.state_dict().items():
        assert torch.equal(value, published[name]), name


def test_a_loss_that_explodes_is_an_error(store, tmp_path):
    config = replace(CONFIG, max_epochs=1, learning_rate=1e30)
    with pytest.raises(ValueError, match="the loss must stay finite"):
        fit(store, config, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))


def test_the_last_state_is_kept_after_every_epoch_also_a_worse_one(stopped):
    result, folder = stopped
    assert torch.load(folder.last, weights_only=True)["epoch"] == len(result.curves) - 1
    assert torch.load(folder.best, weights_only=True)["epoch"] == result.best_epoch - 1


def test_a_moved_checkpoint_folder_goes_on_with_its_best_weights(store, stopped, tmp_path):
    expected, folder = stopped
    Path(folder.uri).rename(tmp_path / "moved")
    moved = fit(store, STOPPING, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path / "moved")))
    assert moved.best_epoch == expected.best_epoch
    assert torch.equal(moved.classifier.head.weight, expected.classifier.head.weight)


def test_weights_of_another_epoch_are_refused(stopped):
    result, folder = stopped
    with pytest.raises(ValueError, match=r"best\.ckpt must hold epoch"):
        best_weights(folder, epoch=result.best_epoch + 1)


def test_checkpoints_may_lie_behind_a_uri(store):
    folder = CheckpointFolder(uri="memory://checkpoints/run")
    config = replace(CONFIG, max_epochs=2)
    first = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    assert folder.has_last()
    second = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    assert second.resumed
    assert second.curves == first.curves


@pytest.mark.gpu
def test_it_learns_on_a_gpu_in_mixed_precision(store, tmp_path):
    folder = CheckpointFolder(uri=str(tmp_path))
    result = fit(store, CONFIG, seed=5, device=torch.device("cuda"), checkpoints=folder)
    assert result.curves[-1]["val_accuracy"] > 0.9
