"""Checks a run's inputs, smoke-tests the training, trains."""

from dataclasses import dataclass
import json
import logging
from pathlib import Path
import tempfile
import time

import fsspec

from components.modeling.backbones import AUTO, backbone_config_from, BackboneConfig, native_image_size
from components.modeling.devices import choose_device, mixed_precision
from components.modeling.gpu_preflight import gpu_preflight, PreflightCheck, require_gpu
from components.modeling.predictor import weights_of
from components.shared.atomic_files import write_json
from components.shared.bundle import BundleConfig, write_bundle
from components.shared.feature_store import ImageStore
from components.shared.fingerprints import fingerprint_json
from components.shared.model_name import check_model_name
from components.shared.problem import parse_problem
from components.shared.source_fingerprint import job_fingerprint
from components.shared.sources import check_source, readable_store_errors
from components.shared.verdict import Verdict, write_verdict
from components.training.checkpoints import run_folder, sole_trainer
from components.training.fit import fit
from components.training.recipes import check_recipe, recipe_config
from components.training.smoke import smoke_checks, SmokeCheck
from components.training.smoke_report import smoke_report
from components.training.training_report import training_report

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedInputs:
    """The problem file in two parts, so that a changed target does not repeat what it does not touch.

    Attributes
    ----------
    data_problem
        JSON text: everything but the target.
    target
        JSON text: the target.
    """

    data_problem: str
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeResult:
    """Whether the smoke test passed, why, and how long it took (seconds)."""

    passed: bool
    reason: str
    duration_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingResult:
    """What training came to: losses of the best epoch; `val_*` are absent where nothing was held out."""

    metrics: dict[str, float]
    backbone: str
    resumed: bool


def check_inputs(
    *,
    source: str,
    problem: str,
    recipe: str,
    backbone: str,
    seed: int,
    model_name: str,
    checkpoint_dir: str,
    model_root: str,
    feature_dir: str = "",
) -> CheckedInputs:
    """Check a run's parameters before anything is paid for.

    Parameters
    ----------
    source
        Where the data are.
    problem
        The problem file's text; empty where everything is inferred.
    recipe, backbone, seed
        How to train.
    model_name
        What the model will be called.
    checkpoint_dir, model_root
        Folders or URIs that this run writes to.
    feature_dir
        A folder that all steps mount, for the feature store; empty for none.

    Returns
    -------
    CheckedInputs
        The problem, in canonical JSON.

    Raises
    ------
    ValueError
        If a parameter is wrong; the message says which, and what it may be.
    FileNotFoundError
        If there is nothing at `source`.
    """
    parsed = parse_problem(problem).to_dict()
    if parsed["modality"] not in (None, "image"):
        raise ValueError(f"the training pipeline takes images, got the modality {parsed['modality']!r}")
    if backbone != AUTO:
        native_image_size(BackboneConfig(name=backbone))
    check_recipe(recipe)
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    check_model_name(model_name)
    check_source(source)
    for name, uri in (("checkpoint_dir", checkpoint_dir), ("model_root", model_root)):
        _check_writable(name, uri)
    if feature_dir:
        _check_feature_dir(feature_dir)
    target = parsed.pop("target")
    return CheckedInputs(data_problem=_canonical(parsed), target=_canonical(target))


def smoke_test(
    *,
    features_path: str | Path,
    recipe: str,
    seed: int,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
    device: str = "auto",
) -> SmokeResult:
    """Train one iteration and one epoch on a tiny sample, and say whether the full run may be paid for.

    Parameters
    ----------
    features_path
        The feature store.
    recipe
        The recipe of the full run.
    seed
        The run's seed.
    report_path, verdict_path, metrics_path
        Files, written.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    ValueError
        If the recipe or device is unknown.
    """
    started = time.monotonic()
    store = ImageStore(features_path)
    config = recipe_config(recipe, backbone_config_from(store.preparation["backbone"]))
    # Who insists on a GPU hears first whether there is one.
    checks = [_as_smoke_check(check) for check in gpu_preflight([tempfile.gettempdir()])] if device == "cuda" else []
    if not any(check.finding for check in checks):
        checks += smoke_checks(store, config.backbone, seed=seed, device=choose_device(device))
    findings = tuple(check.finding for check in checks if check.finding is not None)
    reason = f"all {len(checks)} checks hold"
    if findings:
        reason = f"{findings[0].name}: {findings[0].message}; {findings[0].remedy}"
    verdict = Verdict(check="smoke", passed=not findings, reason=reason, findings=findings)
    duration_s = round(time.monotonic() - started, 2)
    smoke_report(checks, verdict, config, duration_s=duration_s).write(report_path)
    write_verdict(verdict_path, verdict)
    write_json(metrics_path, {"num_checks": len(checks), "num_failed": len(findings), "duration_s": duration_s})
    return SmokeResult(passed=verdict.passed, reason=reason, duration_s=duration_s)


def train_model(
    *,
    features_path: str | Path,
    schema_path: str | Path | None,
    statistics_path: str | Path | None,
    recipe: str,
    seed: int,
    checkpoint_dir: str,
    model_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    device: str = "auto",
) -> TrainingResult:
    """Train, and write the model bundle.

    A run that was killed goes on from its last checkpoint: checkpoints lie under a name made of code, data, recipe
    and seed, and only one trainer works on them at a time.

    Parameters
    ----------
    features_path
        The feature store.
    schema_path, statistics_path
        The training data's schema (a file) and statistics (a folder), kept in the bundle; None leaves them out.
    recipe
        One of the recipes.
    seed
        Decides everything random.
    checkpoint_dir
        A folder or URI that outlives this step.
    model_path
        The bundle's folder, written.
    report_path, metrics_path
        Files, written.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    ValueError
        If recipe or device are unknown, there is nothing to learn from, or the loss is not finite.
    """
    store = ImageStore(features_path)
    if device == "cuda":
        # The smoke test may have run on another node.
        require_gpu([tempfile.gettempdir()])
    where = choose_device(device)
    config = recipe_config(recipe, backbone_config_from(store.preparation["backbone"]))
    key = {
        "code": job_fingerprint("components.training.fit", "fit"),
        "data": store.fingerprint(),
        "config": config.to_dict(),
        "seed": seed,
        "precision": mixed_precision(where),
    }
    folder = run_folder(checkpoint_dir, fingerprint_json(key))
    with sole_trainer(folder):
        result = fit(store, config, seed=seed, device=where, checkpoints=folder)
    best = next(epoch for epoch in result.curves if epoch["epoch"] == result.best_epoch)
    metrics = {"epochs": float(len(result.curves)), **{"best_epoch" if n == "epoch" else n: v for n, v in best.items()}}
    bundle = BundleConfig(
        task="image_classification",
        class_names=store.class_names,
        backbone=config.backbone.to_dict(),
        preprocessing=store.preparation["preprocessing"],
        label_version=store.preparation["label_version"],
        training={
            "recipe": recipe,
            "seed": seed,
            "config": config.to_dict(),
            "augmentation": store.preparation["augmentation"],
            "num_examples": result.num_examples,
            "metrics": metrics,
        },
    )
    write_bundle(model_path, bundle, weights_of(result.classifier), files=_baseline_files(schema_path, statistics_path))
    training_report(result, config, metrics).write(report_path)
    write_json(metrics_path, metrics)
    return TrainingResult(metrics=metrics, backbone=config.backbone.name, resumed=result.resumed)


def _as_smoke_check(check: PreflightCheck) -> SmokeCheck:
    return SmokeCheck(name=check.name, measured=check.measured, finding=check.finding)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _check_feature_dir(folder: str) -> None:
    if "://" in folder or not Path(folder).is_absolute():
        raise ValueError(
            f"feature_dir must be the absolute path of a folder that steps mount, or empty, got {folder!r}: "
            "a feature store is memory-mapped, which only files can be"
        )
    _check_writable("feature_dir", folder)


def _check_writable(name: str, uri: str) -> None:
    if not uri.strip():
        raise ValueError(f"{name} must be a folder or a URI, got nothing")
    with readable_store_errors(f"{name} must be a folder or a URI that can be written, but {uri} cannot"):
        filesystem, path = fsspec.core.url_to_fs(uri)
        filesystem.makedirs(path, exist_ok=True)
        probe = f"{path.rstrip('/')}/.writable"
        filesystem.pipe_file(probe, b"")
        filesystem.rm_file(probe)


def _baseline_files(schema_path: str | Path | None, statistics_path: str | Path | None) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    if schema_path is not None:
        files["schema.pbtxt"] = Path(schema_path).read_bytes()
    if statistics_path is not None:
        for file in sorted(Path(statistics_path).iterdir()):
            files[f"statistics/{file.name}"] = file.read_bytes()
    return files
