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
    DATA,
    device_of,
    LAUNCHING,
    LIGHT,
    on_cpu,
    on_gpu,
    ProfileName,
    retried,
    SERVING,
    SMOKE,
    TRAINING,
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
    """The step that checks every parameter, the problem file's text among them, before anything is paid for."""
    given = {key: value for key, value in form.items() if key != "workspace_claim"}
    inputs = check_inputs(problem=problem, **given).set_display_name(name)
    return with_workspace(on_cpu(inputs, LIGHT), form["workspace_claim"])


def data_steps(form: FormValues, inputs: PipelineTask) -> DataSteps:
    """Ingest and validate, with a gate after each."""
    ingestion = ingest_examples(
        source=form["source"], problem=inputs.outputs["data_problem"], data_fingerprint=form["data_fingerprint"]
    ).set_display_name("ingest examples")
    retried(on_cpu(ingestion, DATA), times=2)
    ingestion_gate = gate_after(ingestion, "ingestion")

    validation = validate_examples(examples=ingestion.outputs["examples"]).after(ingestion_gate)
    on_cpu(validation.set_display_name("validate examples"), DATA)
    return DataSteps(ingestion=ingestion, validation=validation, gate=gate_after(validation, "validation"))


def feature_step(form: FormValues, inputs: PipelineTask, data: DataSteps) -> PipelineTask:
    """The step that prepares every example once."""
    features = build_feature_store(
        examples=data.ingestion.outputs["examples"],
        backbone=form["backbone"],
        preparation=inputs.outputs["preparation"],
        feature_dir=form["feature_dir"],
    ).after(data.gate)
    return with_workspace(on_cpu(features.set_display_name("build feature store"), DATA), form["workspace_claim"])


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
    with_workspace(on_gpu(smoke.set_display_name("smoke test"), SMOKE, profile=profile), form["workspace_claim"])
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
        "checkpoint_dir": form["checkpoint_dir"],
    }
    claim = form["workspace_claim"]
    smoke_gate = gate_after(smoke, "smoke")
    if profile == "nodes":
        trained = train_on_nodes(**settings, node_image=image("training"), workspace_claim=claim)
        on_cpu(trained, LAUNCHING)
    else:
        trained = on_gpu(train_model(**settings, device=device_of(profile)), TRAINING, profile=profile)
    with_workspace(trained.set_display_name("train model").after(smoke_gate), claim)
    # A node that goes away takes nothing with it: the next try goes on from the last checkpoint.
    return retried(trained, times=3)


def _release_steps(
    form: FormValues, inputs: PipelineTask, data: DataSteps, trained: PipelineTask, profile: ProfileName
) -> None:
    examples = data.ingestion.outputs["examples"]
    analysis = evaluate_model(
        examples=examples,
        model=trained.outputs["model"],
        target=inputs.outputs["target"],
        device=device_of(profile),
    ).set_display_name("evaluate model")
    on_gpu(analysis, DATA, profile=profile)
    analysis_gate = gate_after(analysis, "analysis")

    release = publish_model(
        model=trained.outputs["model"],
        evaluation=analysis.outputs["evaluation"],
        verdict=analysis.outputs["verdict"],
        model_name=form["model_name"],
        model_root=form["model_root"],
    ).after(analysis_gate)
    retried(on_cpu(release.set_display_name("publish model"), SERVING), times=3)

    probe = probe_server(
        model=release.outputs["published"],
        examples=examples,
        predictions=analysis.outputs["predictions"],
    ).set_display_name("probe server")
    on_cpu(probe, SERVING)
    gate_after(probe, "serving")
