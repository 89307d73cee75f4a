"""The layer `analysis`: what the model gets right and wrong, before anything ships."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.model_analysis.component import evaluate_model
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import called, device_of, model_size, on_gpu, ProfileName, with_workspace


class AnalysisOutputs(NamedTuple):
    """What the layer hands on: how good the model is, on which rows, and whether it may ship."""

    evaluation: dsl.Artifact
    predictions: dsl.Dataset
    analysis_verdict: dsl.Artifact


def analysis_layer(profile: ProfileName) -> BaseComponent:
    """The layer for one kind of cluster, as kfp compiles it."""

    @dsl.pipeline(name="analysis", description="Evaluate the model on rows that it has not seen, behind a gate.")
    def analysis(
        examples: dsl.Input[dsl.Dataset],
        model: dsl.Input[dsl.Model],
        target: str,
        recipe: str,
        workspace_claim: str,
        cpu: str,
        cpu_limit: str,
        memory: str,
        memory_limit: str,
    ) -> AnalysisOutputs:  # type: ignore[valid-type]
        """From a model bundle to its evaluation, behind a gate.

        Parameters
        ----------
        examples
            The example table.
        model
            The bundle.
        target
            What the model must reach, as JSON.
        recipe
            How it was trained: a smoke run is not held to the target.
        workspace_claim
            The volume claim that steps mount.
        cpu, cpu_limit, memory, memory_limit
            What steps ask of a node, and the most that they may take.
        """
        evaluated = evaluate_model(
            examples=examples, model=model, target=target, recipe=recipe, device=device_of(profile)
        )
        on_gpu(called(evaluated, "evaluate model"), model_size(cpu, cpu_limit, memory, memory_limit), profile=profile)
        with_workspace(evaluated, workspace_claim)
        gate_after(evaluated, "analysis", step="evaluate model", claim=workspace_claim)
        return AnalysisOutputs(
            evaluation=evaluated.outputs["evaluation"],
            predictions=evaluated.outputs["predictions"],
            analysis_verdict=evaluated.outputs["analysis_verdict"],
        )

    return analysis
