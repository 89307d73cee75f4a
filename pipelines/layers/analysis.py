"""The layer `analysis`: what the model gets right and wrong, before anything ships."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.model_analysis.component import assess_language_bias, compare_with_champion, evaluate_model
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import (
    Access,
    called,
    device_of,
    model_size,
    on_cpu,
    on_gpu,
    ProfileName,
    uncached,
    with_access,
    with_workspace,
)


class AnalysisOutputs(NamedTuple):
    """What the layer hands on: how good the model is, on which rows, and whether it may ship."""

    evaluation: dsl.Artifact
    predictions: dsl.Dataset
    analysis_verdict: dsl.Artifact


def analysis_layer(profile: ProfileName) -> BaseComponent:
    """The layer for one kind of cluster, as kfp compiles it."""

    @dsl.pipeline(name="analysis", description="Evaluate the model on rows that it has not seen, behind gates.")
    def analysis(
        examples: dsl.Input[dsl.Dataset],
        model: dsl.Input[dsl.Model],
        target: str,
        language_bias: str,
        recipe: str,
        model_name: str,
        model_root: str,
        workspace_claim: str,
        secret: str,
        cpu: str,
        cpu_limit: str,
        memory: str,
        memory_limit: str,
    ) -> AnalysisOutputs:  # type: ignore[valid-type]
        """From a model bundle to its evaluation and what else is asked of it, each behind a gate.

        Parameters
        ----------
        examples
            The example table.
        model
            The bundle.
        target
            What the model must reach, as JSON.
        language_bias
            What a text model is asked about people, as JSON.
        recipe
            How it was trained: a smoke run is not held to the target.
        model_name, model_root
            What the model is called, and where its champion is looked for.
        workspace_claim
            The volume claim that steps mount.
        secret
            The secret for outside data.
        cpu, cpu_limit, memory, memory_limit
            What steps ask of a node, and the most that they may take.
        """
        size, device = model_size(cpu, cpu_limit, memory, memory_limit), device_of(profile)
        evaluated = evaluate_model(examples=examples, model=model, target=target, recipe=recipe, device=device)
        with_workspace(on_gpu(called(evaluated, "evaluate model"), size, profile=profile), workspace_claim)
        gate_after(evaluated, "analysis", step="evaluate model", claim=workspace_claim)

        compared = compare_with_champion(
            examples=examples,
            predictions=evaluated.outputs["predictions"],
            model_name=model_name,
            model_root=model_root,
            target=target,
            recipe=recipe,
            device=device,
        )
        on_gpu(called(compared, "compare with champion"), size, profile=profile)
        with_access(uncached(compared), Access(claim=workspace_claim, secret=secret))
        gate_after(compared, "champion", step="compare with champion", claim=workspace_claim)

        asked = assess_language_bias(model=model, settings=language_bias, recipe=recipe, device="cpu")
        with_workspace(called(on_cpu(asked, size), "assess language bias"), workspace_claim)
        gate_after(asked, "language bias", step="assess language bias", claim=workspace_claim)
        return AnalysisOutputs(
            evaluation=evaluated.outputs["evaluation"],
            predictions=evaluated.outputs["predictions"],
            analysis_verdict=evaluated.outputs["analysis_verdict"],
        )

    return analysis
