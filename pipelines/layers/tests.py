"""The layer `tests`: one iteration and one epoch on a tiny sample, before the training is paid for."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.training.component import smoke_test
from pipelines.steps.gates import gate_after
from pipelines.steps.placement import called, device_of, model_size, on_gpu, ProfileName, with_workspace


class TestOutputs(NamedTuple):
    """What the layer hands on: what the full training is expected to cost."""

    forecast: dsl.Artifact


def tests_layer(profile: ProfileName) -> BaseComponent:
    """The layer for one kind of cluster, as kfp compiles it."""

    @dsl.pipeline(name="tests", description="Test the training on a tiny sample, and forecast what the full one costs.")
    def tests(
        features: dsl.Input[dsl.Dataset],
        examples: dsl.Input[dsl.Dataset],
        recipe: str,
        training: str,
        budget: str,
        asked_classes: str,
        seed: int,
        workspace_claim: str,
        cpu: str,
        cpu_limit: str,
        memory: str,
        memory_limit: str,
    ) -> TestOutputs:  # type: ignore[valid-type]
        """From prepared examples to a forecast, behind a gate.

        Parameters
        ----------
        features, examples
            The feature store, and the example table that it was built from.
        recipe, training, seed
            How the full run trains; what the problem file changes of it, as JSON.
        budget
            What the training may cost, as JSON.
        asked_classes
            The classes that the problem file names for the analysis, as JSON: whether the data have them.
        workspace_claim
            The volume claim that steps mount.
        cpu, cpu_limit, memory, memory_limit
            What steps ask of a node, and the most that they may take.
        """
        smoke = smoke_test(
            features=features,
            examples=examples,
            recipe=recipe,
            training=training,
            budget=budget,
            asked_classes=asked_classes,
            seed=seed,
            device=device_of(profile),
        )
        on_gpu(called(smoke, "smoke test"), model_size(cpu, cpu_limit, memory, memory_limit), profile=profile)
        with_workspace(smoke, workspace_claim)
        gate_after(smoke, "smoke", step="smoke test", claim=workspace_claim)
        return TestOutputs(forecast=smoke.outputs["forecast"])

    return tests
