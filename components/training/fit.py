"""One trainer for every recipe: smoke and full training differ in their config alone."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import logging
import tempfile
from typing import Any
import warnings

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
import torch

from components.modeling.augmentation import Augmenter
from components.modeling.backbones import build_classifier, Classifier
from components.modeling.devices import mixed_precision
from components.modeling.preprocessing import preprocessing_from
from components.shared.cores import available_cores
from components.shared.feature_store import ImageStore
from components.training.batches import batch_loader, StoredImages, tiny_sample
from components.training.checkpoints import (
    best_weights,
    CheckpointFolder,
    EpochCheckpoints,
    LossCurves,
    ResumableEarlyStopping,
    WholeCheckpoints,
)
from components.training.lightning_module import ImageClassifierModule
from components.training.recipes import TrainingConfig

logger = logging.getLogger(__name__)

_MAX_WORKERS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """A trained network and how it got there.

    Attributes
    ----------
    classifier
        With the weights of the best epoch, in evaluation mode, on the CPU.
    curves
        A dictionary an epoch: `epoch` from 1, `train_loss`, and `val_loss`, `val_accuracy` where rows were held out.
    best_epoch
        The epoch with the lowest monitored loss, from 1.
    num_examples
        How many examples were learnt from.
    resumed
        Whether the run went on from a checkpoint.
    """

    classifier: Classifier
    curves: tuple[dict[str, float], ...]
    best_epoch: int
    num_examples: int
    resumed: bool


def fit(
    store: ImageStore, config: TrainingConfig, *, seed: int, device: torch.device, checkpoints: CheckpointFolder
) -> FitResult:
    """Train, going on from the folder's last checkpoint where there is one.

    Parameters
    ----------
    store
        The feature store; rows of `train` are learnt from, rows of `validation` choose the best epoch.
    config
        The recipe.
    seed
        Decides initial weights, order, augmentation and dropout.
    device
        Where it computes.
    checkpoints
        Where the state is kept at the end of every epoch.

    Returns
    -------
    FitResult
        The best epoch's network.

    Raises
    ------
    ValueError
        If there are fewer than two training examples, or the loss is not finite.
    """
    train_rows, validation_rows = _rows(store, config)
    torch.manual_seed(seed)
    classifier = build_classifier(config.backbone, num_classes=len(store.class_names), load_pretrained=True)
    module = ImageClassifierModule(
        classifier,
        config,
        normalization=preprocessing_from(store.preparation["preprocessing"]).normalization,
        num_classes=len(store.class_names),
        seed=seed,
    )
    monitored = "val_loss" if len(validation_rows) else "train_loss"
    curves = LossCurves()
    saving = EpochCheckpoints(checkpoints, curves, monitored=monitored)
    stopping = ResumableEarlyStopping(
        monitor=monitored, patience=config.patience_epochs, check_finite=False, check_on_train_epoch_end=True
    )
    resumed = checkpoints.has_last()
    if resumed:
        logger.info("resuming from the last checkpoint")
    with _quiet_lightning():
        trainer = _trainer(config, device, [curves, stopping, saving, TQDMProgressBar(refresh_rate=10, leave=False)])
        trainer.fit(
            module,
            *_loaders(store, config, seed, device, train_rows, validation_rows),
            ckpt_path=checkpoints.last if resumed else None,
            weights_only=True,
        )
    _check_finite(curves, monitored)
    best_epoch = curves.best_epoch(monitored)
    module.load_state_dict(best_weights(checkpoints, epoch=best_epoch))
    return FitResult(
        classifier=module.classifier.cpu().eval(),
        curves=tuple(curves.epochs),
        best_epoch=best_epoch,
        num_examples=len(train_rows),
        resumed=resumed,
    )


def _rows(store: ImageStore, config: TrainingConfig) -> tuple[np.ndarray, np.ndarray]:
    rows = tiny_sample(store.indices("train"), store.labels, max_examples=config.max_examples)
    if len(rows) < 2:
        raise ValueError(f"training must have at least 2 labelled examples in the train split, got {len(rows)}")
    held_out = tiny_sample(store.indices("validation"), store.labels, max_examples=config.max_examples)
    return rows, held_out


def _loaders(
    store: ImageStore,
    config: TrainingConfig,
    seed: int,
    device: torch.device,
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
) -> tuple[Any, Any]:
    augmenter = Augmenter(store.preparation["augmentation"]) if config.augment else None
    pinned = device.type == "cuda"
    num_workers = config.num_workers
    if num_workers is None:
        num_workers = min(available_cores(), _MAX_WORKERS) if pinned else 0
    training = batch_loader(
        StoredImages(store, augmenter=augmenter, seed=seed),
        train_rows,
        seed=seed,
        batch_size=min(config.batch_size, len(train_rows)),
        shuffled=True,
        num_workers=num_workers,
        pinned=pinned,
    )
    if not len(validation_rows):
        return training, None
    held_out = batch_loader(
        StoredImages(store, augmenter=None, seed=seed),
        validation_rows,
        seed=seed,
        batch_size=config.batch_size,
        shuffled=False,
        num_workers=num_workers,
        pinned=pinned,
    )
    return training, held_out


def _trainer(config: TrainingConfig, device: torch.device, callbacks: list[Callback]) -> pl.Trainer:
    return pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision=mixed_precision(device),
        max_epochs=config.max_epochs,
        callbacks=callbacks,
        plugins=[WholeCheckpoints()],
        logger=False,
        deterministic="warn",
        num_sanity_val_steps=0,
        enable_model_summary=False,
        default_root_dir=tempfile.gettempdir(),
    )


@contextlib.contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence notices about choices that were made on purpose."""
    notices = logging.getLogger("pytorch_lightning")
    level = notices.level
    notices.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*")
        warnings.filterwarnings("ignore", message=".*have no `val_dataloader`. Skipping val loop.*")
        warnings.filterwarnings("ignore", message=".*module\\(s\\) in eval mode at the start of training.*")
        warnings.filterwarnings("ignore", message=".*Starting from v1.9.0, `tensorboardX` has been removed.*")
        yield
    notices.setLevel(level)


def _check_finite(curves: LossCurves, monitored: str) -> None:
    for epoch in curves.epochs:
        loss = epoch.get("train_loss", float("nan"))
        if not np.isfinite(loss) or not np.isfinite(epoch[monitored]):
            raise ValueError(
                f"the loss must stay finite, but was {loss} in epoch {epoch['epoch']:.0f}: "
                "lower the learning rate, or look for broken images or labels"
            )
