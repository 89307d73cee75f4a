"""Checkpoints: where they lie, who may write them, what a resumed run finds there."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import fcntl
import itertools
import logging
import os
from pathlib import Path
import time
from typing import Any

import fsspec
import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, Checkpoint, EarlyStopping
from pytorch_lightning.plugins.io import TorchCheckpointIO
import torch

from components.shared.atomic_files import atomic_file

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_TRIES = 1.0
_TRIES_BETWEEN_MESSAGES = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointFolder:
    """The folder of one run: one combination of code, data, recipe and seed.

    Attributes
    ----------
    uri
        A local path or an fsspec URI.
    """

    uri: str

    @property
    def last(self) -> str:
        """The checkpoint that a resumed run starts from; it may not be there yet."""
        return f"{self.uri.rstrip('/')}/last.ckpt"

    @property
    def best(self) -> str:
        """The weights of the best epoch so far."""
        return f"{self.uri.rstrip('/')}/best.ckpt"

    def has_last(self) -> bool:
        """Whether there is something to resume from."""
        filesystem, path = fsspec.core.url_to_fs(self.last)
        return bool(filesystem.exists(path))


def run_folder(checkpoint_dir: str, run_key: str) -> CheckpointFolder:
    """Folder of one run below the pipeline's checkpoint folder.

    Parameters
    ----------
    checkpoint_dir
        The pipeline's parameter.
    run_key
        Fingerprint of code, data, recipe and seed.

    Raises
    ------
    ValueError
        If `checkpoint_dir` is empty.
    """
    if not checkpoint_dir.strip():
        raise ValueError("checkpoint_dir must be a folder or a URI that outlives the step, got nothing")
    return CheckpointFolder(uri=f"{checkpoint_dir.rstrip('/')}/{run_key}")


@contextlib.contextmanager
def sole_trainer(folder: CheckpointFolder) -> Iterator[None]:
    """Hold the folder's lock, so that no two trainers ever work in it at once.

    A trainer that lost its runner may still be at work: this one waits until it has ended, however that comes, and
    then resumes from what it left. The system frees the lock of a process that dies. A folder behind a URI has no
    lock: the cluster runs one pod a task.

    Parameters
    ----------
    folder
        The run's checkpoint folder; a local one is made where it is missing.
    """
    filesystem, path = fsspec.core.url_to_fs(folder.uri)
    if not isinstance(filesystem, fsspec.implementations.local.LocalFileSystem):
        yield
        return
    Path(path).mkdir(parents=True, exist_ok=True)
    with open(Path(path) / "lock", "a+", encoding="ascii") as lock:
        _wait_for(lock)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _wait_for(lock: Any) -> None:
    for attempt in itertools.count():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt % _TRIES_BETWEEN_MESSAGES == 0:
                lock.seek(0)
                logger.warning("another trainer (process %s) holds %s: waiting for it to end", lock.read(), lock.name)
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            return


class LossCurves(Callback):
    """Keeps the curves in the checkpoint, so that a resumed run reports all of them."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the epoch's metrics."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.epochs.append({"epoch": float(trainer.current_epoch + 1), **metrics})

    def best_epoch(self, monitored: str) -> int:
        """The first epoch with the lowest value of a metric, from 1; one that is no number is never best."""
        values = [epoch[monitored] for epoch in self.epochs]
        return int(self.epochs[int(np.argmin(np.nan_to_num(values, nan=np.inf)))]["epoch"])

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint keeps."""
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what the checkpoint kept."""
        self.epochs = list(state_dict["epochs"])


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that still stops when the run was killed just after it had decided to."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once where patience had run out before the run was killed."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class EpochCheckpoints(Checkpoint):
    """Writes the best weights and the whole state at the end of every epoch, each whole or not at all.

    What is best is read off the curves, which the checkpoint itself holds: nothing depends on where the folder was
    when the run began.

    Parameters
    ----------
    folder
        Where to.
    curves
        The callback that notes the metrics. Lightning calls it before this one, and this one last of all, when early
        stopping has decided.
    monitored
        The metric whose lowest value is best.
    """

    def __init__(self, folder: CheckpointFolder, curves: LossCurves, *, monitored: str) -> None:
        self._folder = folder
        self._curves = curves
        self._monitored = monitored

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; the best first, for a run that is killed in between repeats the epoch."""
        if self._curves.best_epoch(self._monitored) == trainer.current_epoch + 1:
            trainer.save_checkpoint(self._folder.best, weights_only=True)
        trainer.save_checkpoint(self._folder.last)


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a local checkpoint beside its place and renames it: a kill leaves the one before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Save; behind a URI the store decides when an object appears."""
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        with atomic_file(path) as part:
            torch.save(checkpoint, part)


def best_weights(folder: CheckpointFolder, *, epoch: int) -> dict[str, torch.Tensor]:
    """Weights of the best epoch.

    Parameters
    ----------
    folder
        The run's folder.
    epoch
        Which epoch they must be of, from 1.

    Raises
    ------
    ValueError
        If the file holds another epoch.
    """
    with fsspec.open(folder.best, "rb") as file:
        content = torch.load(file, map_location="cpu", weights_only=True)
    if content["epoch"] + 1 != epoch:
        raise ValueError(
            f"{folder.best} must hold epoch {epoch}, got {content['epoch'] + 1}: remove {folder.uri} to train anew"
        )
    weights: dict[str, torch.Tensor] = content["state_dict"]
    return weights
