"""Steps that training and augmentation search share: from checked parameters to a published, probed model."""

from dataclasses import dataclass
from typing import Any

from kfp.dsl import PipelineTask

from components.data_ingestion.component import ingest_examples
from components.data_validation.component import validate_examples
from components.feature_engineering.component import build_feature_store
from components.model_analysis.component import evaluate_model
from components.serving.component import probe_server, publish_model
from components.shared.runtime.container_images import image
from components.training.component import check_inputs, smoke_test, train_model, train_on_nodes
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import (
    Access,
    data_size,
    device_of,
    LAUNCHING,
    LIGHT,
    model_size,
    on_cpu,
    on_gpu,
    ProfileName,
    retried,
    SERVING,
    training_size,
    with_access,
    with_personal_key,
    with_workspace,
)

# The pipeline's parameters by name: `source`, `data_fingerprint`, `recipe`, `backbone`, `seed`, `model_name`,
# `model_root`, `checkpoint_dir`, `feature_dir` and `workspace_claim`.
FormValues = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSteps:
    """Steps that read and validate the data; what follows hangs behind `gate`, the gate after the validation."""

    ingestion: PipelineTask
    validation: PipelineTask
    gate: PipelineTask


def checked_inputs(form: FormValues, problem: Any, *, name: str = "check inputs") -> PipelineTask:
    """The step that checks every parameter, the problem file's text among them, before anything is paid for.

    It looks at the world outside, so that no cache may answer for it.
    """
    inputs = check_inputs(problem=problem, **form).set_display_name(name).set_caching_options(enable_caching=False)
    return with_access(on_cpu(inputs, LIGHT), Access(claim=form["workspace_claim"]))


def data_steps(form: FormValues, inputs: PipelineTask) -> DataSteps:
    """Ingest and validate, with a gate after each."""
    size = data_size(inputs)
    ingestion = ingest_examples(
        source=inputs.outputs["source"],
        problem=inputs.outputs["data_problem"],
        data_fingerprint=inputs.outputs["data_fingerprint"],
    ).set_display_name("ingest examples")
    with_personal_key(with_access(retried(on_cpu(ingestion, size), size, times=2), _access(form, inputs)))
    ingestion_gate = gate_after(ingestion, "ingestion")

    validation = validate_examples(examples=ingestion.outputs["examples"]).after(ingestion_gate)
    on_cpu(validation.set_display_name("validate examples"), size)
    return DataSteps(ingestion=ingestion, validation=validation, gate=gate_after(validation, "validation"))


def _access(form: FormValues, inputs: PipelineTask) -> Access:
    return Access(claim=form["workspace_claim"], secret=inputs.outputs["secret"])


def feature_step(form: FormValues, inputs: PipelineTask, data: DataSteps) -> PipelineTask:
    """The step that prepares every example once."""
    features = build_feature_store(
        examples=data.ingestion.outputs["examples"],
        backbone=form["backbone"],
        preparation=inputs.outputs["preparation"],
        feature_dir=form["feature_dir"],
    ).after(data.gate)
    return with_workspace(
        on_cpu(features.set_display_name("build feature store"), data_size(inputs)), form["workspace_claim"]
    )


def model_steps(form: FormValues, inputs: PipelineTask, data: DataSteps, profile: ProfileName) -> None:
    """From prepared examples to a published, probed model, with a gate after every check."""
    features = feature_step(form, inputs, data)
    smoke = smoke_test(
        features=features.outputs["features"],
        examples=data.ingestion.outputs["examples"],
        recipe=form["recipe"],
        training=inputs.outputs["training"],
        budget=inputs.outputs["budget"],
        seed=form["seed"],
        device=device_of(profile),
    )
    on_gpu(smoke.set_display_name("smoke test"), model_size(inputs), profile=profile)
    with_workspace(smoke, form["workspace_claim"])
    trained = _training_step(form, inputs, data, features, smoke, profile)
    _release_steps(form, inputs, data, trained, profile)


def _training_step(
    form: FormValues,
    inputs: PipelineTask,
    data: DataSteps,
    features: PipelineTask,
    smoke: PipelineTask,
    profile: ProfileName,
) -> PipelineTask:
    settings = {
        "features": features.outputs["features"],
        "schema": data.validation.outputs["schema"],
        "statistics": data.validation.outputs["statistics"],
        "splits": data.ingestion.outputs["splits"],
        "forecast": smoke.outputs["forecast"],
        "recipe": form["recipe"],
        "training": inputs.outputs["training"],
        "seed": form["seed"],
        "checkpoint_dir": inputs.outputs["checkpoint_dir"],
    }
    smoke_gate = gate_after(smoke, "smoke")
    if profile == "nodes":
        size = LAUNCHING
        trained = train_on_nodes(**settings, node_image=image("training"), workspace_claim=form["workspace_claim"])
        on_cpu(trained, size)
    else:
        size = training_size(inputs)
        trained = train_model(**settings, device=device_of(profile))
        on_gpu(trained, size, profile=profile, gpus=inputs.outputs["gpus"])
    with_access(trained.set_display_name("train model").after(smoke_gate), _access(form, inputs))
    # A node that goes away takes nothing with it: the next try goes on from the last checkpoint.
    return retried(trained, size, times=3)


def _release_steps(
    form: FormValues, inputs: PipelineTask, data: DataSteps, trained: PipelineTask, profile: ProfileName
) -> None:
    examples = data.ingestion.outputs["examples"]
    analysis = evaluate_model(
        examples=examples,
        model=trained.outputs["model"],
        target=inputs.outputs["target"],
        recipe=form["recipe"],
        device=device_of(profile),
    ).set_display_name("evaluate model")
    on_gpu(analysis, model_size(inputs), profile=profile)
    analysis_gate = gate_after(analysis, "analysis")

    release = publish_model(
        model=trained.outputs["model"],
        evaluation=analysis.outputs["evaluation"],
        verdict=analysis.outputs["analysis_verdict"],
        model_name=inputs.outputs["model_name"],
        model_root=inputs.outputs["model_root"],
    ).after(analysis_gate)
    retried(on_cpu(release.set_display_name("publish model"), SERVING), SERVING, times=3)
    with_access(release, _access(form, inputs))

    probe = probe_server(
        model=release.outputs["published"],
        examples=examples,
        predictions=analysis.outputs["predictions"],
    ).set_display_name("probe server")
    on_cpu(probe, SERVING)
    gate_after(probe, "serving")
