"""The network as Lightning trains it: loss, metrics, optimiser, schedule."""

import math

import pytorch_lightning as pl
from pytorch_lightning.utilities.types import LRSchedulerConfigType, OptimizerLRSchedulerConfig
import torch
from torch.nn import functional
from torchmetrics.classification import MulticlassAccuracy

from components.modeling.augmentation import example_seed
from components.modeling.backbones import Classifier
from components.modeling.preprocessing import Normalization, normalize
from components.training.batches import Batch
from components.training.recipes import TrainingConfig

_WARM_UP_SHARE = 0.05


class ImageClassifierModule(pl.LightningModule):
    """Cross-entropy training of a classifier.

    Parameters
    ----------
    classifier
        The network.
    config
        The recipe.
    normalization
        How uint8 images become floats, on the device.
    num_classes
        Number of outputs.
    seed
        Every step's dropout follows from (seed, step), so that a resumed run repeats it.
    """

    def __init__(
        self,
        classifier: Classifier,
        config: TrainingConfig,
        *,
        normalization: Normalization,
        num_classes: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.classifier = classifier.to(memory_format=torch.channels_last)
        self._config = config
        self._normalization: Normalization = normalization
        self._seed = seed
        self._accuracy = MulticlassAccuracy(num_classes=num_classes, average="micro")

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed dropout."""
        torch.manual_seed(example_seed(seed=self._seed, epoch=self.current_epoch, row=batch_idx))

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Loss of one batch."""
        loss = functional.cross_entropy(self._logits(batch), batch["labels"])
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch["labels"]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and accuracy of one held-out batch."""
        logits = self._logits(batch)
        size = len(batch["labels"])
        self._accuracy(logits, batch["labels"])
        self.log("val_loss", functional.cross_entropy(logits, batch["labels"]), prog_bar=True, batch_size=size)
        self.log("val_accuracy", self._accuracy, prog_bar=True, batch_size=size)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with warm-up and cosine, a step at a time."""
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trainable, lr=self._config.learning_rate, weight_decay=self._config.weight_decay)
        num_steps = max(int(self.trainer.estimated_stepping_batches), 1)
        warm_up = max(int(num_steps * _WARM_UP_SHARE), 1)

        def share(step: int) -> float:
            if step < warm_up:
                return (step + 1) / warm_up
            return 0.5 * (1.0 + math.cos(math.pi * min((step - warm_up) / max(num_steps - warm_up, 1), 1.0)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        each_step: LRSchedulerConfigType = {"scheduler": schedule, "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": each_step}

    def _logits(self, batch: Batch) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(normalize(batch["images"], self._normalization))
        return logits
