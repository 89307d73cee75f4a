"""Training in several processes: the same curves as in one, and a way to stop."""

from dataclasses import replace
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.images.features import ImageFeatures
from components.shared.feature_store.store import FeatureStore
from components.shared.feature_store.writer import FeatureStoreWriter
from components.training.recipes import full
from components.training.trainer.checkpoints import CheckpointFolder, sole_trainer
from components.training.trainer.fit import finished, fit
from components.training.trainer.processes import num_local_processes
from components.training.trainer.worker import INTERRUPTED, read_request, train_in_processes, TrainingRequest

CPU = torch.device("cpu")
MODEL = """
from torch import nn

def build(config):
    side = config.features.image_size
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3 * side * side, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, config.num_classes)
    )
"""


@pytest.fixture
def store(tmp_path, monkeypatch, stripes) -> FeatureStore:
    """81 training examples of unequal classes, for a model without batch norm (whose statistics are a process's)."""
    (tmp_path / "team_models.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PLUSZERO_OWN_CODE", "team_models:build")
    features = ImageFeatures(image_size=24)
    preparation = {
        "backbone": BackboneConfig(name="team_models:build").to_dict(),
        "preprocessing": features.to_dict(),
        "augmentation": None,
        "label_version": 1,
    }
    with FeatureStoreWriter(
        tmp_path / "store",
        modality="image",
        class_names=("across", "down"),
        input_specs=features.input_specs,
        preparation=preparation,
    ) as writer:
        for label, num_train in ((0, 60), (1, 21)):
            splits = ["train"] * num_train + ["validation"] * 5
            writer.write(
                example_ids=[f"{label}-{number}" for number in range(len(splits))],
                splits=splits,
                labels=[label] * len(splits),
                inputs={"image": np.stack([stripes(label, seed) for seed in range(len(splits))])},
            )
    return FeatureStore(tmp_path / "store")


@pytest.fixture
def config(store):
    backbone = BackboneConfig(name="team_models:build")
    return replace(
        full(backbone), max_epochs=3, batch_size=16, learning_rate=1e-3, patience_epochs=9, class_weighting="balanced"
    )


def request_of(store, config, folder):
    return TrainingRequest(
        features_path=str(store.path), config=config, seed=5, device="cpu", checkpoints_uri=folder.uri
    )


@pytest.mark.slow
@pytest.mark.parametrize("num_passes", [1, 2])
def test_two_processes_have_the_loss_curve_of_one(store, config, tmp_path, num_passes):
    alone = fit(store, config, seed=5, device=CPU, checkpoints=CheckpointFolder(uri=str(tmp_path / "alone")))
    folder = CheckpointFolder(uri=str(tmp_path / "together"))
    divided = replace(config, accumulation_passes=num_passes)
    with sole_trainer(folder) as lock:
        train_in_processes(request_of(store, divided, folder), num_processes=2, lock=lock)
    together = finished(store, divided, checkpoints=folder, resumed=False)
    for name in ("train_loss", "val_loss", "val_accuracy"):
        one, two = ([epoch[name] for epoch in result.curves] for result in (alone, together))
        np.testing.assert_allclose(two, one, atol=1e-5)
    # What two processes left, one goes on from.
    longer = fit(store, config, seed=5, device=CPU, checkpoints=folder)
    assert longer.resumed
    assert len(longer.curves) == 3


@pytest.mark.slow
def test_told_to_stop_it_saves_and_another_number_of_processes_goes_on(store, config, tmp_path):
    endless = replace(config, max_epochs=10_000, checkpoint_every_s=1000.0)
    folder = CheckpointFolder(uri=str(tmp_path / "checkpoints"))
    uri = request_of(store, endless, folder).write()
    assert read_request(uri).config == endless
    with subprocess.Popen([sys.executable, "-m", "components.training.trainer.worker", uri]) as training:
        try:
            waited = time.monotonic()
            while not Path(folder.last).exists() and time.monotonic() - waited < 120:
                time.sleep(0.05)
            training.send_signal(signal.SIGTERM)
            assert training.wait(timeout=60) == INTERRUPTED
        finally:
            training.kill()
    num_epochs = len(finished(store, endless, checkpoints=folder, resumed=False).curves)
    last = replace(config, max_epochs=num_epochs + 1)
    with sole_trainer(folder) as lock:
        train_in_processes(request_of(store, last, folder), num_processes=2, lock=lock)
    assert len(finished(store, last, checkpoints=folder, resumed=True).curves) == num_epochs + 1


@pytest.mark.slow
def test_a_process_that_fails_is_an_error(store, config, tmp_path):
    folder = CheckpointFolder(uri=str(tmp_path / "checkpoints"))
    wrong = replace(request_of(store, config, folder), features_path=str(tmp_path / "none"))
    with pytest.raises(RuntimeError, match="all 2 training processes must end well, but they exited with 1"):
        train_in_processes(wrong, num_processes=2, lock=None)


def test_a_cpu_trains_in_one_process_unless_told_otherwise(config):
    assert num_local_processes(config, CPU) == 1
    assert num_local_processes(replace(config, num_processes=2), CPU) == 2
