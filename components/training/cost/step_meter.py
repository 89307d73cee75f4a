"""What a training takes, step by step, as it runs."""

from dataclasses import dataclass, field
import time
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
import torch

from components.training.trainer.batches import Batch


@dataclass(kw_only=True, slots=True)
class EpochCosts:
    """What one epoch took; a cost is seconds and processor seconds, shape (2,)."""

    began: np.ndarray  # both clocks
    # A batch's number of examples, and its cost.
    steps: list[tuple[int, np.ndarray]] = field(default_factory=list)
    held_out: list[tuple[int, np.ndarray]] = field(default_factory=list)


class CostMeter(Callback):
    """Reads the clocks at every batch, when the device has done what it was given."""

    def __init__(self) -> None:
        self.epochs: list[EpochCosts] = []
        self.began = self.ended = np.zeros(2)
        self._last = np.zeros(2)

    def totals(self) -> np.ndarray:
        """Shape (E, 2): the cost of every epoch, from its start to the next one's, checkpoints included."""
        bounds = [*(epoch.began for epoch in self.epochs), self.ended]
        return np.diff(np.stack(bounds), axis=0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training begins."""
        self.began = self._read()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """An epoch begins."""
        self.epochs.append(EpochCosts(began=self._read()))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """A batch was learnt from."""
        before = self._last
        self.epochs[-1].steps.append((len(batch["labels"]), self._read() - before))

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Held-out batches begin."""
        self._read()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """A held-out batch was predicted."""
        before = self._last
        self.epochs[-1].held_out.append((len(batch["labels"]), self._read() - before))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training ends."""
        self.ended = self._read()

    def _read(self) -> np.ndarray:
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        self._last = np.array([time.perf_counter(), time.process_time()])
        return self._last
