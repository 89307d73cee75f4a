"""Runs a compiled pipeline on a cluster, a pod a step, with what Kubeflow Pipelines' launcher does for outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from pathlib import Path
import re
import time
from typing import Any
from uuid import uuid4

from tests.cluster.cluster import Cluster
from tests.cluster.harness.compiled_pipeline import CompiledPipeline, Spec, Step, StepError, Values
from tests.cluster.harness.ended_pod import ended_phase
from tests.cluster.harness.step_pod import ARTIFACTS_PATH, step_pod

_BUCKET = "mlpipeline"


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineRun:
    """A run in a namespace, whose artifacts lie in a folder of this machine.

    Attributes
    ----------
    cluster, namespace
        Where its pods are.
    account
        The account that they run as.
    artifacts
        The folder behind the claim of artifacts.
    patience_s
        How long a step may take.
    taken_s
        How long each step has taken, by its name, its pod's start included.
    cache
        Outputs by name and inputs: as with KFP's cache, a step that is given the same again does not run again.
    """

    cluster: Cluster
    namespace: str
    account: str
    artifacts: Path
    patience_s: float = 900.0
    taken_s: dict[str, float] = field(default_factory=dict)
    cache: dict[str, Values] = field(default_factory=dict)

    def run(self, pipeline: CompiledPipeline, arguments: Mapping[str, Any]) -> dict[str, Values]:
        """Run a pipeline; the outputs of each step by its name.

        Raises
        ------
        StepError
            If a step fails.
        """
        outputs: dict[str, Values] = {}
        run_id = str(uuid4())

        def run_step(step: Step) -> Values:
            outputs[step.name] = self._run_step(step, run_id)
            return outputs[step.name]

        pipeline.run(arguments, run_step)
        return outputs

    def _run_step(self, step: Step, run_id: str) -> Values:
        name = re.sub(r"[^a-z0-9]+", "-", step.name.lower())
        told = executor_input(step, f"{run_id}/{name}")
        key = json.dumps([step.name, told["inputs"]], sort_keys=True)
        if key not in self.cache or not step.may_be_cached:
            begun = time.monotonic()
            self._run_pod(step_pod(step, name=name, account=self.account, executor_input=told, run_id=run_id))
            self.taken_s[step.name] = time.monotonic() - begun
            self.cache[key] = self._outputs(step, told)
        return self.cache[key]

    def _run_pod(self, pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        self.cluster.kubectl("apply", "--validate=strict", "-n", self.namespace, "-f", "-", stdin=json.dumps(pod))
        try:
            self._wait_for(name)
        finally:
            self.cluster.kubectl("delete", "-n", self.namespace, f"pod/{name}")

    def _wait_for(self, name: str) -> None:
        phase = ended_phase(self.cluster, self.namespace, name, patience_s=self.patience_s)
        if phase != "Succeeded":
            described = self.cluster.kubectl("describe", "-n", self.namespace, f"pod/{name}")
            logs = self.cluster.kubectl("logs", "--tail=40", "-n", self.namespace, name, "--ignore-errors")
            raise StepError(f"the step {name} must succeed, it is {phase}:\n{logs}\n{described[-2500:]}")

    def _outputs(self, step: Step, told: Spec) -> Values:
        """Outputs as the launcher reads them: what the step wrote into its own file, else what it was told."""
        file = self._here(told["outputs"]["outputFile"])
        said = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        parameters = dict(said.get("parameterValues", {}))
        for key, each in told["outputs"]["parameters"].items():
            if key not in parameters and self._here(each["outputFile"]).exists():
                parameters[key] = self._here(each["outputFile"]).read_text(encoding="utf-8")
        artifacts = {}
        for key, each in told["outputs"]["artifacts"].items():
            (written,) = said.get("artifacts", {}).get(key, each)["artifacts"]
            artifacts[key] = {**each["artifacts"][0], **written}
        return Values(parameters=parameters, artifacts=artifacts)

    def _here(self, path: str) -> Path:
        return self.artifacts / path.removeprefix(f"{ARTIFACTS_PATH}/")

    def folder_of(self, artifact: Spec) -> Path:
        """Where an artifact lies on this machine."""
        return self.artifacts / artifact["uri"].removeprefix("minio://")


def executor_input(step: Step, folder: str) -> dict[str, Any]:
    """What a step is told of its inputs, and of where its outputs go: with KFP, a folder below that of its run."""
    outputs = step.component.get("outputDefinitions", {})
    place = f"{_BUCKET}/v2/artifacts/{folder}"
    artifacts = {
        key: {
            "artifacts": [{"name": key, "uri": f"minio://{place}/{key}", "metadata": {}, "type": each["artifactType"]}]
        }
        for key, each in outputs.get("artifacts", {}).items()
    }
    files = {key: {"outputFile": f"{ARTIFACTS_PATH}/{place}/outputs/{key}"} for key in outputs.get("parameters", {})}
    return {
        "inputs": {
            "parameterValues": {key: _number(value) for key, value in step.inputs.parameters.items()},
            "artifacts": {key: {"artifacts": [each]} for key, each in step.inputs.artifacts.items()},
        },
        "outputs": {
            "parameters": files,
            "artifacts": artifacts,
            "outputFile": f"{ARTIFACTS_PATH}/{place}/executor_output.json",
        },
    }


def _number(value: Any) -> Any:
    """Compiled pipelines write whole numbers as 0.0; KFP's own programs hand them on as 0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
