"""The network as Lightning trains it: loss, metrics, optimiser, schedule, and the place to go on from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities.types import LRSchedulerConfigType, OptimizerLRSchedulerConfig
import torch
from torch.utils.data import DataLoader

from components.modeling.augmentation.batch_augmenter import DeviceAugmenter
from components.modeling.augmentation.example_seeds import example_seed
from components.modeling.classifier import Classifier
from components.modeling.features import Features
from components.modeling.task import Task
from components.training.recipes import TrainingConfig
from components.training.trainer.batches import Batch
from components.training.trainer.losses import WeightedMean
from components.training.trainer.schedule import learning_rate_share


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaders:
    """Where batches come from."""

    training: Callable[[int, int], "DataLoader[Batch]"]  # of an epoch, from 0, without so many first batches
    held_out: "DataLoader[Batch] | None"
    num_steps: int  # of the optimiser, an epoch


class ClassifierModule(pl.LightningModule):
    """Training with the task's loss; dropout follows from (seed, epoch, batch), so that a resumed run repeats it."""

    def __init__(
        self,
        classifier: Classifier,
        features: Features,
        task: Task,
        config: TrainingConfig,
        loaders: Loaders,
        *,
        seed: int,
        device_augmenter: DeviceAugmenter | None = None,
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self._features = features
        self._task = task
        self._config = config
        self._loaders = loaders
        self._seed = seed
        self._device_augmenter = device_augmenter
        self._resumed_at: tuple[int, int] | None = None
        self._training_loss = WeightedMean()
        self._held_out_loss = WeightedMean()
        self._held_out_score = WeightedMean()

    def train_dataloader(self) -> "DataLoader[Batch]":
        """Loader of the epoch that begins, or goes on."""
        epoch = self.trainer.current_epoch
        resumed_epoch, num_batches = self._resumed_at or (-1, 0)
        return self._loaders.training(epoch, num_batches if epoch == resumed_epoch else 0)

    def val_dataloader(self) -> Iterable[Batch]:
        """Loader of the held-out rows."""
        return self._loaders.held_out or []

    def on_train_epoch_start(self) -> None:
        """Begin to gather the epoch's loss; Lightning does not call this where an epoch goes on."""
        self._training_loss.restart()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed dropout."""
        place = batch_idx * self.trainer.world_size + self.global_rank
        torch.manual_seed(example_seed(seed=self._seed, epoch=self.current_epoch, row=place))

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Part of the step's loss that this process computes."""
        smoothing = self._config.label_smoothing
        outputs_BK = self._outputs(self._augmented(batch))
        losses_B = self._task.losses(outputs_BK, batch["labels"], label_smoothing=smoothing)
        self._training_loss.update(losses_B, batch["weights"])
        return (losses_B * batch["shares"]).sum()

    def log_training_loss(self) -> None:
        """Log the epoch's mean loss; for the first callback at an epoch's end, before any other reads it."""
        self._log("train_loss", self._training_loss)

    def on_validation_epoch_start(self) -> None:
        """Begin to gather."""
        self._held_out_loss.restart()
        self._held_out_score.restart()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and score of held-out examples, without class weights or smoothing."""
        outputs_BK = self._outputs(batch)
        self._held_out_loss.update(self._task.losses(outputs_BK, batch["labels"]), batch["weights"])
        self._held_out_score.update(self._task.scores(outputs_BK, batch["labels"]), batch["weights"])

    def on_validation_epoch_end(self) -> None:
        """Log the means."""
        self._log("val_loss", self._held_out_loss)
        self._log(self._task.score_name, self._held_out_score)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with warm-up and cosine, a step at a time."""
        config = self._config
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trainable, lr=config.learning_rate, weight_decay=config.weight_decay)
        num_steps = max(self._loaders.num_steps * config.max_epochs, 1)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: learning_rate_share(step, num_steps=num_steps, warm_up_share=config.warm_up_share),
        )
        each_step: LRSchedulerConfigType = {"scheduler": schedule, "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": each_step}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the place in the epoch, and the loss so far of all processes."""
        progress: Any = self.trainer.fit_loop.epoch_loop.batch_progress.current
        total, weight = self._training_loss.gathered(over_processes=True)
        checkpoint["place"] = {
            "epoch": self.trainer.current_epoch,
            "num_batches": progress.processed,
            "loss_total": total,
            "loss_weight": weight,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the place."""
        place = checkpoint["place"]
        self._resumed_at = (place["epoch"], place["num_batches"])
        is_within = place["num_batches"] < self._loaders.num_steps * self._config.accumulation_passes
        if is_within and self.global_rank == 0:
            self._training_loss.restart(place["loss_total"], place["loss_weight"])

    def _augmented(self, batch: Batch) -> Batch:
        if self._device_augmenter is None:
            return batch
        images_BHWC = self._device_augmenter(batch["inputs"]["image"], batch["seeds"])
        return {**batch, "inputs": {**batch["inputs"], "image": images_BHWC}}

    def _outputs(self, batch: Batch) -> torch.Tensor:
        outputs_BK: torch.Tensor = self.classifier(*self._features.tensors(batch["inputs"]))
        return outputs_BK

    def _log(self, name: str, mean: WeightedMean) -> None:
        total, weight = mean.gathered(over_processes=True)
        value = total / weight if weight else float("nan")
        # Every process logs the same value: what Lightning would make of them is that value again.
        self.log(name, torch.tensor(value, dtype=torch.float32), prog_bar=True, sync_dist=True)
