"""The trainer: it learns, repeats, stops and goes on."""

from dataclasses import replace
from pathlib import Path
import shutil

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.features import features_from
from components.shared.feature_store.store import FeatureStore
from components.shared.feature_store.writer import FeatureStoreWriter
from components.training.recipes import full
from components.training.trainer.callbacks import LossCurves, StepCheckpoints
from components.training.trainer.checkpoints import best_weights, CheckpointFolder
from components.training.trainer.fit import fit, FitResult
from components.training.trainer.lightning_module import ClassifierModule

CPU = torch.device("cpu")
CONFIG = replace(full(BackboneConfig(name="small_cnn")), max_epochs=4, batch_size=16, patience_epochs=4)
# Steps far too large: the second epoch is worse than the first, and patience runs out.
STOPPING = replace(CONFIG, max_epochs=30, patience_epochs=1, learning_rate=0.5)


@pytest.fixture(scope="module")
def store(stripes_store):
    return FeatureStore(stripes_store)


@pytest.fixture(scope="module")
def trained(store, tmp_path_factory):
    folder = CheckpointFolder(uri=str(tmp_path_factory.mktemp("trained")))
    return fit(store, CONFIG, seed=5, device=CPU, checkpoints=folder)


@pytest.fixture(scope="module")
def first_stopped(store, tmp_path_factory):
    """A run that early stopping has ended, and its checkpoint folder."""
    folder = CheckpointFolder(uri=str(tmp_path_factory.mktemp("stopped") / "checkpoints"))
    return fit(store, STOPPING, seed=0, device=CPU, checkpoints=folder), folder


@pytest.fixture
def stopped(first_stopped, tmp_path):
    """That run and a copy of its checkpoint folder, which a test may change."""
    result, folder = first_stopped
    shutil.copytree(folder.uri, tmp_path / "checkpoints")
    return result, CheckpointFolder(uri=str(tmp_path / "checkpoints"))


def learnt(result: FitResult) -> list[dict[str, float]]:
    """The curves without what they took."""
    names = ("epoch", "train_loss", "val_loss", "val_accuracy")
    return [{name: epoch[name] for name in names if name in epoch} for epoch in result.curves]


def assert_same(one: FitResult, other: FitResult) -> None:
    assert learnt(one) == learnt(other)
    assert one.best_epoch == other.best_epoch
    for name, value in one.classifier.state_dict().items():
        assert torch.equal(value, other.classifier.state_dict()[name]), name


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
        inputs = {name: torch.from_numpy(value) for name, value in store.gather(rows).items()}
        logits = result.classifier(*result.features.tensors(inputs))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(store.labels[rows])).item()
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_a_seed_repeats_a_run(store, trained, tmp_path):
    again = fit(store, CONFIG, seed=5, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))
    assert_same(again, trained)


def test_another_seed_is_another_run(store, trained, tmp_path):
    config = replace(CONFIG, max_epochs=1)
    other = fit(store, config, seed=6, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))
    assert other.curves[0]["train_loss"] != trained.curves[0]["train_loss"]


@pytest.mark.parametrize(
    "batch_of_death",
    [pytest.param(1, marks=pytest.mark.slow), 4, 5, pytest.param(6, marks=pytest.mark.slow), 12],
)
def test_a_run_killed_within_an_epoch_goes_on_from_the_batch(store, trained, tmp_path, monkeypatch, batch_of_death):
    folder = CheckpointFolder(uri=str(tmp_path))
    batches = []
    save = StepCheckpoints.on_train_batch_end

    def die(self, *arguments):
        save(self, *arguments)
        batches.append(1)
        if len(batches) == batch_of_death:
            raise KilledError

    monkeypatch.setattr(StepCheckpoints, "on_train_batch_end", die)
    with pytest.raises(KilledError):
        fit(store, replace(CONFIG, checkpoint_every_s=0.0), seed=5, device=CPU, checkpoints=folder)
    batches.clear()
    monkeypatch.setattr(StepCheckpoints, "on_train_batch_end", lambda self, *arguments: batches.append(1))
    resumed = fit(store, CONFIG, seed=5, device=CPU, checkpoints=folder)
    assert_same(resumed, trained)
    # The last batch of an epoch is saved with the epoch's end.
    saved = batch_of_death - (batch_of_death % 5 == 0)
    assert len(batches) == 20 - saved


@pytest.mark.parametrize("epoch_of_death", [2, pytest.param(3, marks=pytest.mark.slow)])
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
    assert_same(resumed, trained)


def test_a_finished_run_is_not_trained_again(store, tmp_path, monkeypatch):
    folder = CheckpointFolder(uri=str(tmp_path))
    config = replace(CONFIG, max_epochs=2)
    first = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    monkeypatch.setattr(ClassifierModule, "training_step", never)
    second = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    assert learnt(second) == learnt(first)
    assert torch.equal(second.classifier.head.weight, first.classifier.head.weight)


def test_it_stops_early_and_a_run_killed_then_stops_there_too(store, stopped, monkeypatch):
    first, folder = stopped
    assert len(first.curves) < STOPPING.max_epochs
    monkeypatch.setattr(ClassifierModule, "training_step", never)
    assert learnt(fit(store, STOPPING, seed=0, device=CPU, checkpoints=folder)) == learnt(first)


def test_without_held_out_rows_the_training_loss_decides(store, tmp_path):
    rows = store.indices("train")[:24]
    with FeatureStoreWriter(
        tmp_path / "store",
        modality=store.modality,
        class_names=store.class_names,
        input_specs=store.input_specs,
        preparation=store.preparation,
    ) as writer:
        writer.write(
            example_ids=store.example_ids[rows].tolist(),
            splits=["train"] * len(rows),
            labels=store.labels[rows].tolist(),
            inputs=store.gather(rows),
        )
    folder = CheckpointFolder(uri=str(tmp_path / "checkpoints"))
    result = fit(
        FeatureStore(tmp_path / "store"), replace(CONFIG, max_epochs=2), seed=0, device=CPU, checkpoints=folder
    )
    assert "val_loss" not in result.curves[0]
    assert result.best_epoch in (1, 2)


def test_a_frozen_backbone_stays_as_published(store, tmp_path):
    backbone = BackboneConfig(name="efficientnet_lite0", pretrained=True, frozen=True)
    config = replace(full(backbone), max_epochs=1, max_examples=16, batch_size=8)
    result = fit(store, config, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))
    features = features_from(store.modality, store.preparation["preprocessing"], store.path)
    published = build_classifier(backbone, features, num_classes=2, load_pretrained=True).backbone.state_dict()
    for name, value in result.classifier.backbone.state_dict().items():
        assert torch.equal(value, published[name]), name


@pytest.mark.parametrize("num_passes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_gradient_accumulation_is_the_same_step_in_parts(store, tmp_path, num_passes):
    # Batch norm sees parts, not the whole; a frozen backbone has none that learns.
    backbone = BackboneConfig(name="efficientnet_lite0", pretrained=True, frozen=True, dropout=0.0)
    config = replace(full(backbone), max_epochs=2, max_examples=18, batch_size=6)
    whole = fit(store, config, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path / "whole")))
    divided = replace(config, accumulation_passes=num_passes)
    parts = fit(store, divided, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path / "parts")))
    for one, other in zip(learnt(whole), learnt(parts), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_balanced_classes_and_smoothing_change_the_training_loss_alone(store, tmp_path):
    config = replace(CONFIG, max_epochs=1, learning_rate=1e-12)
    plain = fit(store, config, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path / "plain")))
    changed = replace(config, class_weighting="balanced", label_smoothing=0.5)
    other = fit(store, changed, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path / "other")))
    assert other.curves[0]["val_loss"] == pytest.approx(plain.curves[0]["val_loss"], rel=1e-4)
    assert other.curves[0]["train_loss"] != pytest.approx(plain.curves[0]["train_loss"], rel=1e-3)


def test_bfloat16_learns_as_well(store, trained, tmp_path):
    config = replace(CONFIG, precision="bf16", max_epochs=2)
    result = fit(store, config, seed=5, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))
    for rounded, epoch in zip(result.curves, trained.curves[:2], strict=True):
        assert rounded["train_loss"] == pytest.approx(epoch["train_loss"], rel=0.1)
        assert rounded["train_loss"] != epoch["train_loss"]


def test_every_epoch_notes_what_it_took(trained):
    for epoch in trained.curves:
        assert epoch["duration_s"] >= epoch["input_wait_s"] >= 0.0
        assert epoch["cpu_s"] > 0.0


def test_tensorboards_logs_lie_beside_the_checkpoints(store, tmp_path):
    folder = CheckpointFolder(uri=str(tmp_path))
    fit(store, replace(CONFIG, max_epochs=1), seed=5, device=CPU, checkpoints=folder)
    accumulator = EventAccumulator(folder.logs)
    accumulator.Reload()
    assert {"train_loss", "val_loss", "val_accuracy"} <= set(accumulator.Tags()["scalars"])


def test_a_loss_that_explodes_is_an_error(store, tmp_path):
    config = replace(CONFIG, max_epochs=1, learning_rate=1e30)
    with pytest.raises(ValueError, match="the loss must stay finite"):
        fit(store, config, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path)))


def test_the_last_state_is_kept_after_every_epoch_also_a_worse_one(stopped):
    result, folder = stopped
    assert torch.load(folder.last, weights_only=True)["epoch"] == len(result.curves) - 1
    assert torch.load(folder.best(result.best_epoch), weights_only=True)["epoch"] == result.best_epoch - 1


def test_a_moved_checkpoint_folder_goes_on_with_its_best_weights(store, stopped, tmp_path):
    expected, folder = stopped
    Path(folder.uri).rename(tmp_path / "moved")
    moved = fit(store, STOPPING, seed=0, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path / "moved")))
    assert moved.best_epoch == expected.best_epoch
    assert torch.equal(moved.classifier.head.weight, expected.classifier.head.weight)


def test_weights_of_another_epoch_are_refused(stopped):
    result, folder = stopped
    other = result.best_epoch + 1
    with pytest.raises(ValueError, match=r"best-.*\.ckpt must hold the weights of epoch .*, but there is no such file"):
        best_weights(folder, epoch=other)
    Path(folder.best(result.best_epoch)).rename(folder.best(other))
    with pytest.raises(ValueError, match=rf"must hold epoch {other}, got {result.best_epoch}"):
        best_weights(folder, epoch=other)


def test_checkpoints_may_lie_behind_a_uri(store):
    folder = CheckpointFolder(uri="memory://checkpoints/run")
    config = replace(CONFIG, max_epochs=2)
    first = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    assert folder.usable() == folder.last
    second = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    assert second.resumed
    assert learnt(second) == learnt(first)


@pytest.mark.gpu
def test_it_learns_on_a_gpu_in_mixed_precision(store, tmp_path):
    folder = CheckpointFolder(uri=str(tmp_path))
    result = fit(store, CONFIG, seed=5, device=torch.device("cuda"), checkpoints=folder)
    assert result.curves[-1]["val_accuracy"] > 0.9
