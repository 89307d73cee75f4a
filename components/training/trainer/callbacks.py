"""What happens at the end of batches and epochs: curves, checkpoints, early stopping, being told to stop."""

import logging
import signal
import threading
import time
from types import FrameType
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, Checkpoint, EarlyStopping

from components.training.trainer.checkpoints import CheckpointFolder
from components.training.trainer.lightning_module import ClassifierModule
from components.training.trainer.losses import sums_over_processes

logger = logging.getLogger(__name__)


class TrainingInterruptedError(RuntimeError):
    """Training was told to stop, and has saved its state."""


class LossCurves(Callback):
    """Keeps the curves in the checkpoint, so that a resumed run reports all of them.

    Beside the metrics, every epoch notes what it took: `duration_s` and `input_wait_s` (seconds, of this process) and
    `cpu_s` (processor seconds of all threads of this process), also where an interruption came in between.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self._spent = {"duration_s": 0.0, "cpu_s": 0.0, "input_wait_s": 0.0}
        self._clock = (0.0, 0.0)
        self._waiting_since = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clocks."""
        self._clock = (time.perf_counter(), time.process_time())
        self._waiting_since = time.perf_counter()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wait for the first batch."""
        self._waiting_since = time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note how long the batch was waited for."""
        self._spent["input_wait_s"] += time.perf_counter() - self._waiting_since

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Wait for the next batch."""
        self._waiting_since = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the epoch's metrics and what it took."""
        self._read_clocks()
        cast(ClassifierModule, pl_module).log_training_loss()
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.epochs.append({"epoch": float(trainer.current_epoch + 1), **metrics, **self._spent})
        self._spent = dict.fromkeys(self._spent, 0.0)

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint keeps."""
        self._read_clocks()
        return {"epochs": self.epochs, "spent": dict(self._spent)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what the checkpoint kept."""
        self.epochs = list(state_dict["epochs"])
        self._spent = dict(state_dict["spent"])

    def _read_clocks(self) -> None:
        now = (time.perf_counter(), time.process_time())
        self._spent["duration_s"] += now[0] - self._clock[0]
        self._spent["cpu_s"] += now[1] - self._clock[1]
        self._clock = now


def best_epoch(epochs: list[dict[str, float]], monitored: str) -> int:
    """The first epoch with the lowest value of a metric, from 1; one that is no number is never best."""
    values = [epoch[monitored] for epoch in epochs]
    return int(epochs[int(np.argmin(np.nan_to_num(values, nan=np.inf)))]["epoch"])


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that still stops when the run was killed just after it had decided to."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once where patience had run out before the run was killed."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class EpochCheckpoints(Checkpoint):
    """Writes the best weights and the whole state at the end of every epoch, each whole or not at all.

    The best epoch (lowest `monitored`) is read off the curves, which the checkpoint itself holds: nothing depends on
    where the folder was when the run began. Lightning calls `curves` before this callback, and this one last of all,
    when early stopping has decided.
    """

    def __init__(self, folder: CheckpointFolder, curves: LossCurves, *, monitored: str) -> None:
        self._folder = folder
        self._curves = curves
        self._monitored = monitored

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; the best first, for a run that is killed in between repeats the epoch."""
        best = best_epoch(self._curves.epochs, self._monitored)
        if best == trainer.current_epoch + 1:
            trainer.save_checkpoint(self._folder.best(trainer.current_epoch + 1), weights_only=True)
        trainer.save_checkpoint(self._folder.last)
        if trainer.is_global_zero:
            self._folder.keep_best(best)


class StepCheckpoints(Checkpoint):
    """Saves within an epoch: every `every_s` seconds, and at once when the process is told to stop (SIGTERM).

    Kubernetes sends SIGTERM before it takes a node away, and kills half a minute later; the step in hand is finished,
    the state saved, and training ends with `TrainingInterruptedError`, to be tried again.
    """

    def __init__(self, folder: CheckpointFolder, *, every_s: float) -> None:
        self._folder = folder
        self._every_s = every_s
        self._saved_at = 0.0
        self._told_to_stop = False
        self._handler: Any = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Install the handler; Lightning's own talks to other processes within the signal, and may hang there."""
        self._saved_at = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGTERM, self._note)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save where it is time to; the end of an epoch is saved elsewhere."""
        loop = trainer.fit_loop.epoch_loop
        if loop.batch_progress.is_last_batch or loop._should_accumulate():
            return
        is_due = time.monotonic() - self._saved_at >= self._every_s
        told, due = sums_over_processes([float(self._told_to_stop), float(is_due and trainer.is_global_zero)])
        if told or due:
            self._save(trainer, must=bool(told))
        if told:
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to wait anew."""
        self._saved_at = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop where the signal came after the last batch: the epoch's end has been saved."""
        if sums_over_processes([float(self._told_to_stop)])[0]:
            self._stop(trainer)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Restore the former handler."""
        if self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)
            self._handler = None

    def _save(self, trainer: pl.Trainer, *, must: bool) -> None:
        self._saved_at = time.monotonic()
        try:
            trainer.save_checkpoint(self._folder.last)
        except OSError as error:
            if must:
                raise
            logger.warning("%s; training goes on meanwhile", error)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._told_to_stop = True

    def _stop(self, trainer: pl.Trainer) -> None:
        raise TrainingInterruptedError(
            f"training was told to stop in epoch {trainer.current_epoch + 1}, and its state is saved: "
            "the same run again goes on from there"
        )
