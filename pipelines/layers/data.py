"""The layer `data`: raw data become checked, prepared examples."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import PipelineTask
from kfp.dsl.base_component import BaseComponent
from kfp.dsl.pipeline_channel import PipelineArtifactChannel

from components.data_ingestion.component import ingest_examples
from components.data_validation.component import validate_examples
from components.feature_engineering.component import build_feature_store
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import (
    Access,
    Asked,
    called,
    data_size,
    on_cpu,
    retried,
    Size,
    with_access,
    with_personal_key,
    with_workspace,
)


class DataOutputs(NamedTuple):
    """What the layer hands on: examples, prepared and as they are, and what they look like."""

    examples: dsl.Dataset
    features: dsl.Dataset
    splits: dsl.Artifact
    schema: dsl.Artifact
    statistics: dsl.Artifact


def data_layer() -> BaseComponent:
    """The layer, as kfp compiles it."""

    @dsl.pipeline(name="data", description="Ingest and validate, with a gate after each, and prepare every example.")
    def data(
        source: str,
        problem: str,
        data_fingerprint: str,
        backbone: str,
        preparation: str,
        feature_dir: str,
        workspace_claim: str,
        secret: str,
        cpu: str,
        cpu_limit: str,
        memory: str,
        memory_limit: str,
    ) -> DataOutputs:  # type: ignore[valid-type]
        """From raw data to a feature store.

        Parameters
        ----------
        source
            Where steps find the data.
        problem
            The problem without the sections that later layers take, as JSON.
        data_fingerprint
            Changes when the data change.
        backbone
            The network that examples are prepared for.
        preparation
            How examples are prepared, as JSON.
        feature_dir
            A folder of the workspace for prepared examples; empty passes them between steps as a copy.
        workspace_claim
            The volume claim that steps mount.
        secret
            The secret for outside data.
        cpu, cpu_limit, memory, memory_limit
            What steps ask of a node, and the most that they may take.
        """
        size = data_size(cpu, cpu_limit, memory, memory_limit)
        ingestion = ingest_examples(source=source, problem=problem, data_fingerprint=data_fingerprint)
        called(retried(on_cpu(ingestion, size), size, times=2), "ingest examples")
        with_personal_key(with_access(ingestion, Access(claim=workspace_claim, secret=secret)))
        ingestion_gate = gate_after(ingestion, "ingestion", step="ingest examples", claim=workspace_claim)

        return validated_and_prepared(
            ingestion,
            ingestion_gate,
            backbone=backbone,
            preparation=preparation,
            feature_dir=feature_dir,
            size=size,
            claim=workspace_claim,
        )

    return data


def validated_and_prepared(
    made: PipelineTask,
    gate: PipelineTask,
    *,
    backbone: Asked,
    preparation: Asked,
    feature_dir: Asked,
    size: Size,
    claim: Asked,
) -> DataOutputs:
    """The steps behind the one that made the examples and its gate: validation with a gate, and preparation."""
    examples = made.outputs["examples"]
    validation = validate_examples(examples=examples).after(gate)
    with_workspace(called(on_cpu(validation, size), "validate examples"), claim)
    validation_gate = gate_after(validation, "validation", step="validate examples", claim=claim)
    features = feature_step(
        examples, backbone=backbone, preparation=preparation, feature_dir=feature_dir, size=size, claim=claim
    ).after(validation_gate)
    return DataOutputs(
        examples=examples,
        features=features.outputs["features"],
        splits=made.outputs["splits"],
        schema=validation.outputs["schema"],
        statistics=validation.outputs["statistics"],
    )


def feature_step(
    examples: PipelineArtifactChannel,
    *,
    backbone: Asked,
    preparation: Asked,
    feature_dir: Asked,
    size: Size,
    claim: Asked,
) -> PipelineTask:
    """The step that prepares every example once."""
    features = build_feature_store(
        examples=examples, backbone=backbone, preparation=preparation, feature_dir=feature_dir
    )
    with_workspace(called(on_cpu(features, size), "build feature store"), claim)
    return features
