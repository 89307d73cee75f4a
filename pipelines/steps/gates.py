"""The gate that follows a check: a step of its own, so that the check's report is there when it stops the run."""

from kfp.dsl import PipelineTask

from components.quality_gate.component import quality_gate
from pipelines.steps.placement import LIGHT, on_cpu


def gate_after(check: PipelineTask, name: str) -> PipelineTask:
    """The gate behind a check with an output `..._verdict`: it stops the run where the check has failed."""
    (output,) = (output for output in check.outputs if output.endswith("_verdict"))
    return on_cpu(quality_gate(verdict=check.outputs[output]).set_display_name(f"gate: {name}"), LIGHT)
