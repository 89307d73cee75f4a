"""Training that is killed, told to stop, or runs out of disk at any moment goes on to the same end.

`PLUSZERO_INTERRUPTIONS=20` sets how many runs are interrupted.
"""

from dataclasses import replace
import multiprocessing
import os
import resource
import signal
import time

import numpy as np
import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.shared.feature_store.store import FeatureStore
from components.training.recipes import full
from components.training.trainer.checkpoints import CheckpointFolder, sole_trainer
from components.training.trainer.fit import finished, fit
from components.training.trainer.worker import TrainingRequest, work

RUNS = int(os.environ.get("PLUSZERO_INTERRUPTIONS", "4"))
KINDS = ("killed", "told to stop", "disk full")
CONFIG = replace(
    full(BackboneConfig(name="small_cnn")), max_epochs=4, batch_size=16, patience_epochs=4, checkpoint_every_s=0.0
)


@pytest.fixture(scope="module")
def store(stripes_store):
    return FeatureStore(stripes_store)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """As in the interrupted processes: the order of additions decides the last digits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def uninterrupted(store, tmp_path_factory):
    folder = CheckpointFolder(uri=str(tmp_path_factory.mktemp("uninterrupted")))
    began = time.monotonic()
    result = fit(store, CONFIG, seed=5, device=torch.device("cpu"), checkpoints=folder)
    return result, time.monotonic() - began


@pytest.fixture(scope="module")
def processes():
    """Processes that have torch imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["components.training.trainer.worker"])
    return context


def interrupt(training, kind):
    if kind == "disk full":
        resource.prlimit(training.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    else:
        os.kill(training.pid, signal.SIGKILL if kind == "killed" else signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize("run", range(RUNS))
def test_every_restart_goes_on_and_the_end_is_the_same(store, uninterrupted, processes, tmp_path, monkeypatch, run):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    whole, duration_s = uninterrupted
    rng = np.random.default_rng(run)
    folder = CheckpointFolder(uri=str(tmp_path))
    request = TrainingRequest(
        features_path=str(store.path), config=CONFIG, seed=5, device="cpu", checkpoints_uri=folder.uri
    )
    reached = 0
    for kind in rng.permutation(KINDS):
        training = processes.Process(target=work, args=(request,))
        training.start()
        training.join(timeout=rng.uniform(0.1, 1.5) * duration_s)
        if training.is_alive():
            interrupt(training, kind)
        training.join(timeout=120)
        assert training.exitcode is not None
        usable = folder.usable()
        if usable is not None:
            steps = torch.load(usable, weights_only=True)["global_step"]
            assert steps >= reached, "a restart must not lose what was reached"
            reached = steps
    with sole_trainer(folder):
        assert not list(tmp_path.glob(".*.part"))
        work(request)
    curves = finished(store, CONFIG, checkpoints=folder, resumed=True).curves
    for one, other in zip(curves, whole.curves, strict=True):
        for name in ("train_loss", "val_loss", "val_accuracy"):
            assert one[name] == pytest.approx(other[name], abs=1e-6), name


def test_a_damaged_checkpoint_is_never_loaded_and_the_one_before_is(store, tmp_path, caplog):
    folder = CheckpointFolder(uri=str(tmp_path))
    cpu = torch.device("cpu")
    fit(store, replace(CONFIG, max_epochs=2), seed=5, device=cpu, checkpoints=folder)
    content = bytearray((tmp_path / "last.ckpt").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "last.ckpt").write_bytes(content)
    assert folder.usable() == folder.previous
    assert "last.ckpt is damaged" in caplog.text
    (tmp_path / "previous.ckpt").write_bytes(b"")
    assert folder.usable() is None
