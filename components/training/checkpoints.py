"""Checkpoints: where they lie, who may write them, what a resumed run finds there."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import fcntl
import logging
import os
from pathlib import Path
import time
from typing import Any

import fsspec
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

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
    for attempt in range(1_000_000_000):
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


def checkpoint_callback(folder: CheckpointFolder, *, monitored: str) -> ModelCheckpoint:
    """Writes the last and the best state at the end of every epoch, each whole or not at all.

    Parameters
    ----------
    folder
        Where to.
    monitored
        The metric whose lowest value is best.
    """
    return ModelCheckpoint(
        dirpath=folder.uri,
        filename="best-{epoch:04d}",
        monitor=monitored,
        mode="min",
        save_top_k=1,
        save_last=True,
        save_on_train_epoch_end=True,
        auto_insert_metric_name=False,
    )
