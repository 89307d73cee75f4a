"""What follows a step: a gate, so that a check's report is there when it stops the run, or else what keeps its results.

Both leave what the step made on the workspace, for the page of the run, and so are never taken from a cache.
"""

from collections.abc import Sequence

from kfp.dsl import PipelineTask
from kfp.dsl.pipeline_channel import PipelineArtifactChannel

from components.quality_gate.component import quality_gate
from components.run_page.component import keep_results, write_run_page
from components.shared.runtime.container_images import image, IMAGE_NAMES, image_version
from pipelines.steps.placement import Asked, called, LIGHT, on_cpu, uncached, with_workspace


def gate_after(check: PipelineTask, name: str, *, step: str, claim: Asked) -> PipelineTask:
    """The gate behind a check that is called `step`: it stops the run where the check has failed.

    The check has the outputs `..._verdict`, `..._metrics` and `..._report`.
    """
    made = {kind: _output(check, kind) for kind in ("verdict", "metrics", "report")}
    return _at_once(quality_gate(step=step, **made), f"gate: {name}", claim)


def kept(task: PipelineTask, *, step: str, claim: Asked) -> PipelineTask:
    """A step that keeps the report, the metrics and the release of one that is called `step` and has no gate."""
    made = {kind: _output(task, kind) for kind in ("report", "metrics") if _names(task, kind)}
    if "published" in task.outputs:
        made["release"] = task.outputs["published"]
    return _at_once(keep_results(step=step, **made), f"keep: {step}", claim)


def run_page(steps: Sequence[str], *, claim: Asked) -> PipelineTask:
    """The step that writes the page of a run at its end, whatever has failed: the task of an exit handler."""
    images = {name: image(name) for name in IMAGE_NAMES}
    page = write_run_page(steps=list(steps), version=image_version(), images=images)
    return _at_once(page, "write run page", claim)


def _at_once(task: PipelineTask, name: str, claim: Asked) -> PipelineTask:
    return uncached(with_workspace(called(on_cpu(task, LIGHT), name), claim))


def _names(task: PipelineTask, kind: str) -> list[str]:
    return [output for output in task.outputs if output.endswith(f"_{kind}")]


def _output(task: PipelineTask, kind: str) -> PipelineArtifactChannel:
    (name,) = _names(task, kind)
    return task.outputs[name]
