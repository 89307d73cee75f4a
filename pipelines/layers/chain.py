"""The layers one after another, as training and augmentation search chain them."""

from dataclasses import dataclass

from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent
from kfp.dsl.pipeline_channel import PipelineArtifactChannel

from pipelines.layers.analysis import analysis_layer
from pipelines.layers.data import data_layer
from pipelines.layers.release import release_layer
from pipelines.layers.tests import tests_layer
from pipelines.layers.training import training_layer
from pipelines.steps.inputs import FormValues, size_of
from pipelines.steps.placement import Asked, ProfileName

# Steps that leave something for the page of the run, in their order.
STEP_NAMES = (
    "check inputs",
    "ingest examples",
    "validate examples",
    "build feature store",
    "smoke test",
    "train model",
    "evaluate model",
    "compare with champion",
    "assess fairness",
    "assess language bias",
    "find weak slices",
    "rank label errors",
    "analyse errors",
    "summarise analysis",
    "publish model",
    "probe server",
    "deploy release",
)

# What the analysis takes of the checked inputs.
_ANALYSED = ("target", "fairness", "language_bias", "model_name", "model_root", "secret")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layers:
    """The layers for one kind of cluster; kfp compiles a pipeline before another one that holds it."""

    data: BaseComponent
    tests: BaseComponent
    training: BaseComponent
    analysis: BaseComponent
    release: BaseComponent


def layers_of(profile: ProfileName) -> Layers:
    """The layers for one kind of cluster, as kfp compiles them."""
    return Layers(
        data=data_layer(),
        tests=tests_layer(profile),
        training=training_layer(profile),
        analysis=analysis_layer(profile),
        release=release_layer(),
    )


def checked_data(layers: Layers, form: FormValues, inputs: PipelineTask) -> PipelineTask:
    """The layer `data` of a run."""
    return layers.data(
        source=inputs.outputs["source"],
        problem=inputs.outputs["data_problem"],
        data_fingerprint=inputs.outputs["data_fingerprint"],
        backbone=form["backbone"],
        preparation=inputs.outputs["preparation"],
        feature_dir=form["feature_dir"],
        workspace_claim=form["workspace_claim"],
        secret=inputs.outputs["secret"],
        **size_of(inputs, "data"),
    )


def released_model(
    layers: Layers, form: FormValues, inputs: PipelineTask, data: PipelineTask, features: PipelineTask
) -> PipelineTask:
    """The layers from the examples that `features` has prepared to a published, probed model."""
    tested = tested_training(layers, form, inputs, data, features)
    trained = trained_model(layers, form, inputs, data, features, tested)
    return analysed_release(layers, form, inputs, examples=data.outputs["examples"], model=trained.outputs["model"])


def tested_training(
    layers: Layers, form: FormValues, inputs: PipelineTask, data: PipelineTask, features: PipelineTask
) -> PipelineTask:
    """The layer `tests` of a run."""
    return layers.tests(
        features=features.outputs["features"],
        examples=data.outputs["examples"],
        recipe=form["recipe"],
        **{name: inputs.outputs[name] for name in ("training", "budget", "asked_classes")},
        seed=form["seed"],
        workspace_claim=form["workspace_claim"],
        **size_of(inputs, "training"),
    )


def trained_model(
    layers: Layers,
    form: FormValues,
    inputs: PipelineTask,
    data: PipelineTask,
    features: PipelineTask,
    tested: PipelineTask,
    *,
    warm_start: Asked = "",
) -> PipelineTask:
    """The layer `training` of a run, behind its tests; `warm_start` is a bundle that it goes on from."""
    return layers.training(
        features=features.outputs["features"],
        **{name: data.outputs[name] for name in ("schema", "statistics", "splits")},
        forecast=tested.outputs["forecast"],
        recipe=form["recipe"],
        training=inputs.outputs["training"],
        seed=form["seed"],
        checkpoint_dir=inputs.outputs["checkpoint_dir"],
        warm_start=warm_start,
        workspace_claim=form["workspace_claim"],
        secret=inputs.outputs["secret"],
        gpus=inputs.outputs["gpus"],
        **size_of(inputs, "training"),
    ).after(tested)


def analysed_release(
    layers: Layers,
    form: FormValues,
    inputs: PipelineTask,
    *,
    examples: PipelineArtifactChannel,
    model: PipelineArtifactChannel,
) -> PipelineTask:
    """The layers `analysis` and `release` of a run."""
    claim = form["workspace_claim"]
    analysed = layers.analysis(
        examples=examples,
        model=model,
        **{name: inputs.outputs[name] for name in _ANALYSED},
        recipe=form["recipe"],
        workspace_claim=claim,
        **size_of(inputs, "training"),
    )
    return layers.release(
        examples=examples,
        model=model,
        **analysed.outputs,
        model_name=inputs.outputs["model_name"],
        model_root=inputs.outputs["model_root"],
        deploy=inputs.outputs["deploy"],
        workspace_claim=claim,
        secret=inputs.outputs["secret"],
        registry=inputs.outputs["registry"],
    ).after(analysed)
