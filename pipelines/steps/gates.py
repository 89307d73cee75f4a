"""The gate that follows a check: a step of its own, so that the check's report is there when it stops the run."""

from kfp.dsl import PipelineTask

from components.quality_gate.component import quality_gate
from pipelines.steps.placement import LIGHT, on_cpu


def gate_after(check: PipelineTask, name: str) -> PipelineTask:
    """The step that stops the run where a check has failed; what follows hangs behind it.

    Parameters
    ----------
    check
        A step with the output `verdict`.
    name
        What the verdict is about, for people.

    Returns
    -------
    PipelineTask
        The gate.
    """
    return on_cpu(quality_gate(verdict=check.outputs["verdict"]).set_display_name(f"gate: {name}"), LIGHT)
