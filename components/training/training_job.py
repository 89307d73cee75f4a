"""Trains, and writes the model bundle, the report and TensorBoard's logs."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
import logging
from pathlib import Path
import tempfile
from typing import Any

import fsspec
import torch

from components.modeling.backbone_config import backbone_config_from
from components.modeling.devices import choose_device, mixed_precision
from components.modeling.gpu_preflight import require_gpu
from components.modeling.predictor import weights_of
from components.shared.atomic_files import write_json
from components.shared.bundle import BundleConfig, FEATURES_FOLDER, write_bundle
from components.shared.bundle_fetch import published_version
from components.shared.feature_store import FeatureStore
from components.shared.fingerprints import fingerprint_json
from components.shared.own_code import own_code_fingerprint
from components.shared.source_fingerprint import job_fingerprint
from components.training.augmentation_place import augments_on_device
from components.training.checkpoints import CheckpointFolder, run_folder, sole_trainer
from components.training.fit import finished, fit, FitResult
from components.training.forecast import read_forecast
from components.training.processes import num_local_processes
from components.training.recipes import recipe_config
from components.training.training_config import overridden, TrainingConfig
from components.training.training_report import training_report
from components.training.worker import train_in_processes, TrainingRequest

logger = logging.getLogger(__name__)

_SPENT = ("duration_s", "cpu_s", "input_wait_s")
# They say how a training runs, not what comes of it: a run goes on where they have changed.
_NOT_IN_KEY = ("num_workers", "num_processes", "num_nodes", "checkpoint_every_s", "accumulation_passes", "compile")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingResult:
    """What training came to: losses of the best epoch; `val_*` are absent where nothing was held out."""

    metrics: dict[str, float]
    backbone: str
    resumed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingOutputs:
    """Where a training writes: the bundle's folder, the report, the metrics, and the folder of TensorBoard's logs."""

    model_path: str | Path
    report_path: str | Path
    metrics_path: str | Path
    logs_path: str | Path


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedTraining:
    """A training that is decided on: data, recipe, seed, device, and the folder of its checkpoints."""

    store: FeatureStore
    config: TrainingConfig
    recipe: str
    seed: int
    device: torch.device
    folder: CheckpointFolder


def train_model(
    *,
    features_path: str | Path,
    schema_path: str | Path | None,
    statistics_path: str | Path | None,
    forecast_path: str | Path | None,
    recipe: str,
    training: str,
    seed: int,
    checkpoint_dir: str,
    model_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    logs_path: str | Path,
    device: str = "auto",
) -> TrainingResult:
    """Train on this node, and write the model bundle.

    A run that was killed goes on from its last checkpoint: checkpoints lie under a name made of code, data, recipe
    and seed, and only one trainer works on them at a time.

    Parameters
    ----------
    features_path
        The feature store.
    schema_path, statistics_path
        The training data's schema (a file) and statistics (a folder), kept in the bundle; None leaves them out.
    forecast_path
        What the smoke test expected the training to take, compared in the report; None for none.
    recipe
        One of the recipes.
    training
        JSON: what the problem file changes of it; empty for nothing.
    seed
        Decides everything random.
    checkpoint_dir
        A folder or URI that outlives this step.
    model_path, logs_path
        Folders, written: the bundle, and TensorBoard's logs.
    report_path, metrics_path
        Files, written.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    ValueError
        If recipe, settings or device are unknown, there is nothing to learn from, or the loss is not finite.
    TrainingInterruptedError
        If the process was told to stop (SIGTERM); the same call again goes on.
    """
    outputs = TrainingOutputs(
        model_path=model_path, report_path=report_path, metrics_path=metrics_path, logs_path=logs_path
    )
    if device == "cuda":
        # The smoke test may have run on another node.
        require_gpu([tempfile.gettempdir()])
    store = FeatureStore(features_path)
    planned = planned_training(store, configured(store, recipe, training), recipe, seed, checkpoint_dir, device)
    if planned.config.num_nodes > 1:
        raise ValueError(
            f"num_nodes must be 1 where training runs within its step, got {planned.config.num_nodes}: "
            "run the pipeline's version for several nodes, training-nodes"
        )
    with sole_trainer(planned.folder) as lock:
        result = run_training(planned, lock)
        return write_outputs(
            planned,
            result,
            outputs,
            baseline=baseline_files(schema_path, statistics_path),
            forecast_path=forecast_path,
        )


def configured(store: FeatureStore, recipe: str, training: str) -> TrainingConfig:
    """A recipe's config for the store's backbone, with what the problem file changes of it; see `train_model`."""
    backbone = backbone_config_from(store.preparation["backbone"])
    return overridden(recipe_config(recipe, backbone), json.loads(training or "{}"))


def planned_training(
    store: FeatureStore,
    config: TrainingConfig,
    recipe: str,
    seed: int,
    checkpoint_dir: str,
    device: str,
    *,
    on_gpu_nodes: bool = False,
) -> PlannedTraining:
    """Decide on a training; see `train_model` for the arguments.

    `on_gpu_nodes` says that others train, on GPUs, and this process waits for them.
    """
    where = choose_device(device)
    backbone = config.backbone
    is_augmented = config.augment and store.preparation["augmentation"] is not None
    learnt = {name: value for name, value in config.to_dict().items() if name not in _NOT_IN_KEY}
    key = {
        "code": job_fingerprint("components.training.fit", "fit"),
        "own_model": own_code_fingerprint(backbone.name) if backbone.is_own_model else None,
        "data": store.fingerprint(),
        "config": learnt,
        "warm_start": published_version(config.warm_start) if config.warm_start else None,
        "seed": seed,
        "precision": mixed_precision(where, config.precision),
        "augments_on_device": is_augmented and (on_gpu_nodes or augments_on_device(config, where)),
    }
    folder = run_folder(checkpoint_dir, fingerprint_json(key))
    return PlannedTraining(store=store, config=config, recipe=recipe, seed=seed, device=where, folder=folder)


def write_outputs(
    planned: PlannedTraining,
    result: FitResult,
    outputs: TrainingOutputs,
    *,
    baseline: Mapping[str, bytes],
    forecast_path: str | Path | None,
) -> TrainingResult:
    """Write bundle, report, metrics and logs of a finished training."""
    config, store = planned.config, planned.store
    best = next(epoch for epoch in result.curves if epoch["epoch"] == result.best_epoch)
    learnt = {"best_epoch" if name == "epoch" else name: best[name] for name in best if name not in _SPENT}
    learnt = {"epochs": float(len(result.curves)), **learnt}
    metrics = {**learnt, **{name: sum(epoch[name] for epoch in result.curves) for name in _SPENT}}
    bundle = BundleConfig(
        task=store.task,
        class_names=store.class_names,
        backbone=config.backbone.to_dict(),
        preprocessing=store.preparation["preprocessing"],
        label_version=store.preparation["label_version"],
        training={
            "recipe": planned.recipe,
            "seed": planned.seed,
            "config": config.to_dict(),
            "augmentation": store.preparation["augmentation"],
            "num_examples": result.num_examples,
            # Without seconds: the same training is the same version of the model.
            "metrics": learnt,
        },
    )
    features = {f"{FEATURES_FOLDER}/{name}": content for name, content in store.feature_files.items()}
    write_bundle(outputs.model_path, bundle, weights_of(result.classifier), files={**baseline, **features})
    forecast = None if forecast_path is None else read_forecast(forecast_path)
    training_report(result, config, metrics, forecast=forecast).write(outputs.report_path)
    write_json(outputs.metrics_path, metrics)
    _copy_logs(planned.folder, outputs.logs_path)
    return TrainingResult(metrics=metrics, backbone=config.backbone.name, resumed=result.resumed)


def baseline_files(schema_path: str | Path | None, statistics_path: str | Path | None) -> dict[str, bytes]:
    """Schema and statistics of the training data, as the bundle keeps them."""
    files: dict[str, bytes] = {}
    if schema_path is not None:
        files["schema.pbtxt"] = Path(schema_path).read_bytes()
    if statistics_path is not None:
        for file in sorted(Path(statistics_path).iterdir()):
            files[f"statistics/{file.name}"] = file.read_bytes()
    return files


def run_training(planned: PlannedTraining, lock: int | None) -> FitResult:
    """Train as planned, in this process or in several of this node.

    Parameters
    ----------
    planned
        The training; its folder's lock is held.
    lock
        The lock's file descriptor, which processes inherit; None where the folder has none.
    """
    settings: dict[str, Any] = {"seed": planned.seed, "device": planned.device, "checkpoints": planned.folder}
    num_processes = num_local_processes(planned.config, planned.device)
    if num_processes == 1:
        return fit(planned.store, planned.config, **settings)
    resumed = planned.folder.usable() is not None
    request = TrainingRequest(
        features_path=str(planned.store.path),
        config=planned.config,
        seed=planned.seed,
        device=planned.device.type,
        checkpoints_uri=planned.folder.uri,
    )
    train_in_processes(request, num_processes=num_processes, lock=lock)
    return finished(planned.store, planned.config, checkpoints=planned.folder, resumed=resumed)


def _copy_logs(folder: CheckpointFolder, target: str | Path) -> None:
    Path(target).mkdir(parents=True, exist_ok=True)
    filesystem, path = fsspec.core.url_to_fs(folder.logs)
    for file in filesystem.find(path):
        name = file.rpartition("/")[2]
        if name.startswith("events."):
            (Path(target) / name).write_bytes(filesystem.cat_file(file))
