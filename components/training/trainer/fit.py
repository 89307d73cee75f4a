"""One trainer for every recipe and modality: smoke and full training differ in their config alone."""

from collections.abc import Iterator, Sequence
import contextlib
from dataclasses import dataclass
import logging
import shutil
import tempfile
import warnings

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
import torch
from torch.utils.data import DataLoader

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.classifier import build_classifier, Classifier
from components.modeling.features import Features, features_from
from components.modeling.gpu.devices import mixed_precision
from components.modeling.task import stored_task
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.cores import available_cores
from components.training.trainer.augmentation_place import placed_augmentation
from components.training.trainer.batches import Batch, batch_loader, StoredExamples
from components.training.trainer.callbacks import (
    best_epoch,
    EpochCheckpoints,
    LossCurves,
    ResumableEarlyStopping,
    StepCheckpoints,
)
from components.training.trainer.checkpoints import best_weights, CheckpointFolder, read_checkpoint, WholeCheckpoints
from components.training.trainer.epoch_batches import Division, EpochBatches, HeldOutBatches
from components.training.trainer.lightning_module import ClassifierModule, Loaders
from components.training.trainer.processes import process_group, ProcessGroup, trainer_placement
from components.training.trainer.tiny_sample import tiny_sample
from components.training.trainer.warm_start import start_from_bundle
from components.training.training_config import TrainingConfig

logger = logging.getLogger(__name__)

_MAX_WORKERS = 8
_ADAPT_BATCH = 1024
# Images are large, and a sample of them is enough; it is spread over the store, whatever that is sorted by.
_ADAPT_IMAGES, _ADAPT_IMAGE_BATCH = 4096, 64
_CLASSIFIER_PREFIX = "classifier."


@dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """The trained network of the best epoch, in evaluation mode, on the CPU, and how it got there."""

    classifier: Classifier
    features: Features
    # An epoch each: `epoch` from 1, `train_loss`; with held-out rows `val_loss` and `val_accuracy`, or `val_mae` (in
    # the label's unit) where the label is a number; what it took: `duration_s`, `cpu_s`, `input_wait_s`.
    curves: tuple[dict[str, float], ...]
    best_epoch: int
    num_examples: int
    resumed: bool


def fit(
    store: FeatureStore,
    config: TrainingConfig,
    *,
    seed: int,
    device: torch.device,
    checkpoints: CheckpointFolder,
    observers: Sequence[Callback] = (),
) -> FitResult:
    """Train in this process, going on from the folder's last checkpoint where there is one.

    Rows of `train` are learnt from, rows of `validation` choose the best epoch. `observers` are further callbacks that
    watch and change nothing.

    Raises
    ------
    ValueError
        If there are fewer than two training examples, or the loss is not finite.
    TrainingInterruptedError
        If the process was told to stop; the state is saved.
    """
    resumed = train(store, config, seed=seed, device=device, checkpoints=checkpoints, observers=observers)
    return finished(store, config, checkpoints=checkpoints, resumed=resumed)


def train(
    store: FeatureStore,
    config: TrainingConfig,
    *,
    seed: int,
    device: torch.device,
    checkpoints: CheckpointFolder,
    observers: Sequence[Callback] = (),
) -> bool:
    """Train to the end, alone or as one of torchrun's processes; returns whether it went on from a checkpoint."""
    train_rows, validation_rows = _rows(store, config)
    features = features_from(store.modality, store.preparation["preprocessing"], store.path)
    usable = checkpoints.usable()
    group = process_group()
    augmentation = placed_augmentation(store.preparation["augmentation"], config, device)
    loaders = _loaders(store, config, seed, device, group, augmentation.on_cpu, train_rows, validation_rows)
    classifier = untrained_classifier(store, features, config, seed, train_rows, is_fresh=usable is None)
    module = ClassifierModule(
        classifier, features, stored_task(store), config, loaders, seed=seed, device_augmenter=augmentation.on_device
    )
    if usable is not None:
        logger.info("resuming from %s", usable.rpartition("/")[2])
    with _quiet_lightning():
        trainer = _trainer(config, device, group, checkpoints, _monitored(validation_rows), observers)
        trainer.fit(module, ckpt_path=usable, weights_only=True)
    return usable is not None


def finished(store: FeatureStore, config: TrainingConfig, *, checkpoints: CheckpointFolder, resumed: bool) -> FitResult:
    """Read the result of a finished training from its checkpoint folder; `ValueError` if a loss was not finite."""
    train_rows, validation_rows = _rows(store, config)
    epochs = read_checkpoint(checkpoints.last)["callbacks"]["LossCurves"]["epochs"]
    monitored = _monitored(validation_rows)
    _check_finite(epochs, monitored)
    best = best_epoch(epochs, monitored)
    features = features_from(store.modality, store.preparation["preprocessing"], store.path)
    num_outputs = stored_task(store).num_outputs
    classifier = build_classifier(config.backbone, features, num_classes=num_outputs, load_pretrained=False)
    weights = best_weights(checkpoints, epoch=best)
    classifier.load_state_dict({name.removeprefix(_CLASSIFIER_PREFIX): value for name, value in weights.items()})
    return FitResult(
        classifier=classifier.eval(),
        features=features,
        curves=tuple(epochs),
        best_epoch=best,
        num_examples=len(train_rows),
        resumed=resumed,
    )


def _monitored(validation_rows: np.ndarray) -> str:
    return "val_loss" if len(validation_rows) else "train_loss"


def _rows(store: FeatureStore, config: TrainingConfig) -> tuple[np.ndarray, np.ndarray]:
    rows = tiny_sample(store.indices("train"), store.labels, max_examples=config.max_examples)
    if len(rows) < 2:
        raise ValueError(f"training must have at least 2 labelled examples in the train split, got {len(rows)}")
    held_out = tiny_sample(store.indices("validation"), store.labels, max_examples=config.max_examples)
    return rows, held_out


def untrained_classifier(
    store: FeatureStore,
    features: Features,
    config: TrainingConfig,
    seed: int,
    train_rows: np.ndarray,
    *,
    is_fresh: bool = True,
) -> Classifier:
    """The network as training begins with it; unless `is_fresh`, a checkpoint's weights follow."""
    torch.manual_seed(seed)
    num_outputs = stored_task(store).num_outputs
    classifier = build_classifier(config.backbone, features, num_classes=num_outputs, load_pretrained=is_fresh)
    if is_fresh:
        rows, size = _adaptation(store.modality, train_rows)
        parts = np.array_split(rows, -(-len(rows) // size))
        classifier.adapt(_tensors(store, features, rows) for rows in parts)
        if config.warm_start:
            start_from_bundle(classifier, config.warm_start, task=store.task, class_names=store.class_names)
    if store.modality == "image":
        classifier = classifier.to(memory_format=torch.channels_last)
    if config.compile:
        if shutil.which("cc") is None:
            raise ValueError("compile must have a C compiler where training runs, but there is none: set it to false")
        classifier.compile()
    return classifier


def _adaptation(modality: str, train_rows: np.ndarray) -> tuple[np.ndarray, int]:
    """The rows that a fresh network may look at before it trains, and how many of them at once."""
    if modality != "image":
        return train_rows, _ADAPT_BATCH
    chosen = np.linspace(0, len(train_rows) - 1, min(len(train_rows), _ADAPT_IMAGES)).astype(np.int64)
    return train_rows[chosen], _ADAPT_IMAGE_BATCH


def _tensors(store: FeatureStore, features: Features, rows: np.ndarray) -> tuple[torch.Tensor, ...]:
    return features.tensors({name: torch.from_numpy(value) for name, value in store.gather(rows).items()})


def _loaders(
    store: FeatureStore,
    config: TrainingConfig,
    seed: int,
    device: torch.device,
    group: ProcessGroup,
    augmenter: Augmenter | None,
    train_rows: np.ndarray,
    validation_rows: np.ndarray,
) -> Loaders:
    balanced = config.class_weighting == "balanced"
    weights = stored_task(store).weights(store.labels[train_rows], balanced=balanced)
    division = Division(num_processes=group.num_processes, rank=group.rank, num_passes=config.accumulation_passes)
    pinned = device.type == "cuda"
    num_workers = _num_workers(config, device)
    learnt_from = StoredExamples(store, augmenter=augmenter, seed=seed)

    def batches(epoch: int, first: int) -> EpochBatches:
        size = config.step_size(len(train_rows))
        return EpochBatches(
            train_rows, weights, seed=seed, epoch=epoch, batch_size=size, division=division, first=first
        )

    def training(epoch: int, first: int) -> "DataLoader[Batch]":
        return batch_loader(learnt_from, batches(epoch, first), num_workers=num_workers, pinned=pinned)

    held_out = None
    if len(validation_rows):
        rows = HeldOutBatches(validation_rows, batch_size=config.batch_size, division=division)
        unchanged = StoredExamples(store, augmenter=None, seed=seed)
        held_out = batch_loader(unchanged, rows, num_workers=num_workers, pinned=pinned)
    return Loaders(training=training, held_out=held_out, num_steps=len(batches(0, 0)) // config.accumulation_passes)


def _num_workers(config: TrainingConfig, device: torch.device) -> int:
    if config.num_workers is not None:
        return config.num_workers
    return min(available_cores(), _MAX_WORKERS) if device.type == "cuda" else 0


def _trainer(
    config: TrainingConfig,
    device: torch.device,
    group: ProcessGroup,
    checkpoints: CheckpointFolder,
    monitored: str,
    observers: Sequence[Callback],
) -> pl.Trainer:
    curves = LossCurves()
    callbacks: list[Callback] = [
        curves,
        ResumableEarlyStopping(
            monitor=monitored, patience=config.patience_epochs, check_finite=False, check_on_train_epoch_end=True
        ),
        StepCheckpoints(checkpoints, every_s=config.checkpoint_every_s),
        EpochCheckpoints(checkpoints, curves, monitored=monitored),
        *observers,
    ]
    if group.rank == 0:
        callbacks.append(TQDMProgressBar(refresh_rate=10, leave=False))
    return pl.Trainer(
        **trainer_placement(group, device),
        precision=mixed_precision(device, config.precision),
        accumulate_grad_batches=config.accumulation_passes,
        gradient_clip_val=config.max_gradient_norm,
        max_epochs=config.max_epochs,
        limit_val_batches=1.0 if monitored == "val_loss" else 0,
        # Every epoch's loader begins where it should, whatever was trained before it.
        reload_dataloaders_every_n_epochs=1,
        callbacks=callbacks,
        plugins=[WholeCheckpoints()],
        logger=TensorBoardLogger(checkpoints.uri, name="tensorboard", version=""),
        log_every_n_steps=1,
        deterministic="warn",
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=group.rank == 0,
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
        warnings.filterwarnings("ignore", message=".*resuming from a checkpoint that ended before the epoch ended.*")
        yield
    notices.setLevel(level)


def _check_finite(epochs: list[dict[str, float]], monitored: str) -> None:
    for epoch in epochs:
        loss = epoch.get("train_loss", float("nan"))
        if not np.isfinite(loss) or not np.isfinite(epoch[monitored]):
            raise ValueError(
                f"the loss must stay finite, but was {loss} in epoch {epoch['epoch']:.0f}: "
                "lower the learning rate, or look for broken examples or labels"
            )
