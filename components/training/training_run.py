"""A planned training: run in one process or several, and written as bundle, report and logs."""

from dataclasses import dataclass, replace
import logging
from pathlib import Path
from typing import Any

import fsspec
import torch

from components.modeling.backbone_config import backbone_config_from
from components.modeling.gpu.devices import choose_device, mixed_precision
from components.modeling.predictor import Predictor, weights_of
from components.shared.contracts.bundle import BundleConfig, FEATURES_FOLDER, write_bundle
from components.shared.contracts.bundle_fetch import published_version
from components.shared.contracts.embedding_reference import EMBEDDING_REFERENCE_FILE
from components.shared.contracts.split_record import SPLITS_FILE
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.code_fingerprint import job_fingerprint
from components.shared.runtime.custom_code import custom_code_fingerprint
from components.shared.runtime.fingerprints import fingerprint_json
from components.shared.runtime.json_values import without_nan
from components.shared.runtime.step_record import keep_results, KIND_FILES, this_step
from components.shared.tables.repair_spec import repairs_from
from components.training.cost.forecast import read_forecast
from components.training.held_out_embeddings import held_out_reference
from components.training.recipes import recipe_config
from components.training.trainer.augmentation_place import augments_on_device
from components.training.trainer.checkpoints import CheckpointFolder, run_folder
from components.training.trainer.fit import finished, fit, FitResult
from components.training.trainer.processes import num_local_processes
from components.training.trainer.worker import train_in_processes, TrainingRequest
from components.training.training_config import overridden, training_changes, TrainingConfig
from components.training.training_report import training_report

logger = logging.getLogger(__name__)

_SPENT = ("duration_s", "cpu_s", "input_wait_s")
# They do not change the trained model: a run resumes where they have changed.
_NOT_IN_KEY = ("num_workers", "num_processes", "num_nodes", "checkpoint_every_s", "accumulation_passes", "compile")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingResult:
    """The result of a training: losses of the best epoch; `val_*` are absent where nothing was held out."""

    metrics: dict[str, float]
    backbone: str
    resumed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingInputs:
    """What a training reads.

    Attributes
    ----------
    features
        The feature store.
    schema, statistics
        The training data's schema (a file) and statistics (a folder), kept in the bundle; None leaves them out.
    splits
        The ingestion's split record (a file), kept in the bundle too; None leaves it out.
    forecast
        What the smoke test expected the training to take, compared in the report; None for none.
    """

    features: str | Path
    schema: str | Path | None = None
    statistics: str | Path | None = None
    splits: str | Path | None = None
    forecast: str | Path | None = None

    def baseline_files(self) -> dict[str, bytes]:
        """Schema, statistics and splits of the training data, as the bundle keeps them."""
        files: dict[str, bytes] = {}
        if self.schema is not None:
            files["schema.pbtxt"] = Path(self.schema).read_bytes()
        if self.statistics is not None:
            for file in sorted(Path(self.statistics).iterdir()):
                files[f"statistics/{file.name}"] = file.read_bytes()
        if self.splits is not None:
            files[SPLITS_FILE] = Path(self.splits).read_bytes()
        return files


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingOutputs:
    """Where a training writes: the bundle's folder, the report, the metrics, and the folder of TensorBoard's logs."""

    model: str | Path
    report: str | Path
    metrics: str | Path
    logs: str | Path


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedTraining:
    """A training to run: data, recipe, seed, device, and the folder of its checkpoints."""

    store: FeatureStore
    config: TrainingConfig
    recipe: str
    seed: int
    device: torch.device
    folder: CheckpointFolder


def configured(store: FeatureStore, recipe: str, training: str, warm_start: str = "") -> TrainingConfig:
    """A recipe's config for the store's backbone and what the problem file changes of it; see the job `train_model`."""
    backbone = backbone_config_from(store.preparation["backbone"])
    config = overridden(recipe_config(recipe, backbone), training_changes(training))
    if warm_start:
        config = replace(config, warm_start=warm_start)
    if store.is_regression and (config.label_smoothing or config.class_weighting != "none"):
        raise ValueError(
            "the section training of the problem file must leave label_smoothing and class_weighting alone where the "
            f"label is a number, got {config.label_smoothing:g} and {config.class_weighting}: they are for classes"
        )
    return config


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
    """Decide on a training; `on_gpu_nodes`: other machines train, on GPUs, and this process waits for them."""
    where = choose_device(device)
    backbone = config.backbone
    is_augmented = config.augment and store.preparation["augmentation"] is not None
    learnt = {name: value for name, value in config.to_dict().items() if name not in _NOT_IN_KEY}
    key = {
        "code": job_fingerprint("components.training.trainer.fit", "fit"),
        "own_model": custom_code_fingerprint(backbone.name) if backbone.is_custom_model else None,
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
    planned: PlannedTraining, result: FitResult, inputs: TrainingInputs, outputs: TrainingOutputs
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
        # Stores of earlier releases do not know them.
        label=store.preparation.get("label", {}),
        column_roles=store.preparation.get("source_roles", {}),
        repairs=repairs_from(store.preparation.get("repairs", [])),
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
    files = {**inputs.baseline_files(), **features}
    reference = held_out_reference(Predictor(result.classifier, bundle, result.features, device=planned.device), store)
    if reference is not None:
        files[EMBEDDING_REFERENCE_FILE] = reference.to_bytes()
    write_bundle(outputs.model, bundle, weights_of(result.classifier), files=files)
    forecast = None if inputs.forecast is None else read_forecast(inputs.forecast)
    training_report(result, config, metrics, forecast=forecast).write(outputs.report)
    write_json(outputs.metrics, metrics)
    _copy_logs(planned.folder, outputs.logs)
    curves = Path(outputs.logs) / KIND_FILES["curves"]
    write_json(curves, without_nan(result.curves))
    keep_results(this_step(), {"report": outputs.report, "metrics": outputs.metrics, "curves": curves})
    return TrainingResult(metrics=metrics, backbone=config.backbone.name, resumed=result.resumed)


def run_training(planned: PlannedTraining, lock: int | None) -> FitResult:
    """Train as planned, in this process or several of this node; these inherit the folder's `lock` descriptor."""
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
