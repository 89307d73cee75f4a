"""The layer `analysis`: what the model gets right and wrong, before anything ships."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.model_analysis.component import (
    analyse_errors,
    assess_fairness,
    assess_language_bias,
    compare_with_champion,
    evaluate_model,
    find_weak_slices,
    rank_label_errors,
    summarise_analysis,
)
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import (
    Access,
    called,
    device_of,
    LIGHT,
    model_size,
    on_cpu,
    on_gpu,
    ProfileName,
    uncached,
    with_access,
    with_workspace,
)

# Steps that compute little, on a sample: they wait for no GPU.
_CPU = "cpu"


class AnalysisOutputs(NamedTuple):
    """What the layer hands on: how good the model is, on which rows, whether it may ship, and what else was found."""

    evaluation: dsl.Artifact
    predictions: dsl.Dataset
    verdict: dsl.Artifact
    analysis_summary: dsl.Artifact


def analysis_layer(profile: ProfileName) -> BaseComponent:
    """The layer for one kind of cluster, as kfp compiles it."""

    @dsl.pipeline(name="analysis", description="How good the model is, where and why it errs, and whether it may ship.")
    def analysis(
        examples: dsl.Input[dsl.Dataset],
        model: dsl.Input[dsl.Model],
        target: str,
        fairness: str,
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
        """From a model bundle to its evaluation and what else is asked of it, then a gate behind each check.

        Parameters
        ----------
        examples
            The example table.
        model
            The bundle.
        target
            What the model must reach, as JSON.
        fairness
            How groups of people are compared, as JSON.
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
        on_gpu(called(evaluated, "evaluate model"), size, profile=profile)
        scored = {"examples": examples, "predictions": evaluated.outputs["predictions"]}
        compared = compare_with_champion(
            **scored, model_name=model_name, model_root=model_root, target=target, recipe=recipe, device=device
        )
        on_gpu(called(uncached(compared), "compare with champion"), size, profile=profile)
        fair = assess_fairness(**scored, target=target, fairness=fairness, recipe=recipe)
        asked = assess_language_bias(model=model, settings=language_bias, recipe=recipe, device=_CPU)
        weak = find_weak_slices(**scored)
        doubted = rank_label_errors(**scored, model=model, audit="", device=_CPU)
        erred = analyse_errors(**scored, model=model, device=_CPU)
        for step, name in (
            (fair, "assess fairness"),
            (asked, "assess language bias"),
            (weak, "find weak slices"),
            (doubted, "rank label errors"),
            (erred, "analyse errors"),
        ):
            on_cpu(called(step, name), size)
        # Its corpus may be a team's own file.
        uncached(asked)
        summarised = summarise_analysis(
            evaluation=evaluated.outputs["evaluation"],
            evaluation_verdict=evaluated.outputs["analysis_verdict"],
            champion_verdict=compared.outputs["champion_verdict"],
            fairness_verdict=fair.outputs["fairness_verdict"],
            language_bias_verdict=asked.outputs["language_bias_verdict"],
            fairness_measures=fair.outputs["fairness_measures"],
            weak_slices=weak.outputs["weak_slices"],
            label_errors=doubted.outputs["label_errors"],
            errors_analysis=erred.outputs["errors_analysis"],
        )
        called(uncached(on_cpu(summarised, LIGHT)), "summarise analysis")
        with_access(compared, Access(claim=workspace_claim, secret=secret))
        for step in (evaluated, fair, asked, weak, doubted, erred, summarised):
            with_workspace(step, workspace_claim)
        for step, gate, name in (
            (evaluated, "analysis", "evaluate model"),
            (compared, "champion", "compare with champion"),
            (fair, "fairness", "assess fairness"),
            (asked, "language bias", "assess language bias"),
        ):
            # A model that is refused has been analysed to the end: its reports say why.
            gate_after(step, gate, step=name, claim=workspace_claim).after(summarised)
        return AnalysisOutputs(
            evaluation=evaluated.outputs["evaluation"],
            predictions=evaluated.outputs["predictions"],
            verdict=summarised.outputs["summary_verdict"],
            analysis_summary=summarised.outputs["analysis_summary"],
        )

    return analysis
