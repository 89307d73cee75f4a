"""KFP faces of training."""

from typing import NamedTuple

from kfp import dsl

from components.shared.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def check_inputs(
    source: str,
    problem: str,
    data_fingerprint: str,
    recipe: str,
    backbone: str,
    seed: int,
    model_name: str,
    checkpoint_dir: str,
    feature_dir: str,
    model_root: str,
) -> NamedTuple("Inputs", [("data_problem", str), ("target", str)]):  # type: ignore[valid-type]
    """Check every parameter of a run before anything is paid for.

    Parameters
    ----------
    source
        Where the data are: digits, pets, a path or a URI.
    problem
        The problem file's text; empty where everything is inferred.
    data_fingerprint
        Changes when the data change; it keeps the cache honest.
    recipe
        How to train: full, fine_tune or smoke.
    backbone
        auto, small_cnn, efficientnet_lite0 or timm:<name>.
    seed
        Decides everything random.
    model_name
        What the model will be called.
    checkpoint_dir
        A folder or URI that outlives the run.
    feature_dir
        A folder that all steps mount, for the feature store; empty passes it between steps as a copy.
    model_root
        A folder or URI that models are published to.

    Returns
    -------
    data_problem
        The problem without its target, as JSON.
    target
        The target, as JSON.
    """
    from components.training.jobs import check_inputs as job

    training = {"recipe": recipe, "backbone": backbone, "checkpoint_dir": checkpoint_dir, "feature_dir": feature_dir}
    release = {"model_name": model_name, "model_root": model_root}
    checked = job(source=source, problem=problem, seed=seed, **training, **release)
    return (checked.data_problem, checked.target)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def smoke_test(
    features: dsl.Input[dsl.Dataset],
    recipe: str,
    seed: int,
    device: str,
    report: dsl.Output[dsl.HTML],
    verdict: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Train one iteration and one epoch on a tiny sample, before training is paid for.

    Parameters
    ----------
    features
        The feature store.
    recipe
        The recipe of the full run.
    seed
        The run's seed.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    report
        Every check with what it measured.
    verdict
        Whether the full run may start.
    metrics
        Number of checks, and how long they took.
    """
    from components.training.jobs import smoke_test as job

    paths = {"report_path": report.path, "verdict_path": verdict.path, "metrics_path": metrics.path}
    result = job(features_path=features.path, recipe=recipe, seed=seed, device=device, **paths)
    metrics.log_metric("duration_s", result.duration_s)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def train_model(
    features: dsl.Input[dsl.Dataset],
    schema: dsl.Input[dsl.Artifact],
    statistics: dsl.Input[dsl.Artifact],
    recipe: str,
    seed: int,
    checkpoint_dir: str,
    device: str,
    model: dsl.Output[dsl.Model],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
) -> None:
    """Train a model; a run that was interrupted goes on from its last checkpoint.

    Parameters
    ----------
    features
        The feature store.
    schema
        The training data's schema, kept in the bundle.
    statistics
        The training data's statistics, kept in the bundle.
    recipe
        full, fine_tune or smoke.
    seed
        Decides everything random.
    checkpoint_dir
        A folder or URI that outlives this step.
    device
        auto, cpu or cuda; cuda insists on a GPU.

    Returns
    -------
    model
        The model bundle: config, safetensors, schema, statistics.
    report
        Loss curves and settings.
    metrics
        Losses of the best epoch.
    """
    from components.training.jobs import train_model as job

    paths = {"features_path": features.path, "schema_path": schema.path, "statistics_path": statistics.path}
    outputs = {"model_path": model.path, "report_path": report.path, "metrics_path": metrics.path}
    result = job(**paths, **outputs, recipe=recipe, seed=seed, checkpoint_dir=checkpoint_dir, device=device)
    metrics.metadata.update(result.metrics)
    model.metadata.update(backbone=result.backbone, **result.metrics)
