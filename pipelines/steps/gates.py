"""What follows: a gate after a check, so that its report is there when it stops the run, and the page after a run.

A gate leaves what the check made on the workspace, for the page, and so is never taken from a cache.
"""

from collections.abc import Sequence

from kfp.dsl import PipelineTask
from kfp.dsl.pipeline_channel import PipelineArtifactChannel

from components.quality_gate.component import quality_gate
from components.run_page.component import write_run_page
from components.shared.runtime.container_images import image, IMAGE_NAMES, image_version
from pipelines.steps.named_components import under_name
from pipelines.steps.placement import Asked, called, LIGHT, on_cpu, uncached, with_webhook, with_workspace


def gate_after(check: PipelineTask, name: str, *, step: str, claim: Asked) -> PipelineTask:
    """The gate behind a check that is called `step`: it stops the run where the check has failed.

    The check has the outputs `..._verdict`, `..._metrics` and `..._report`. An empty `step` leaves nothing for a page.
    """
    made = {kind: _output(check, kind) for kind in ("verdict", "metrics", "report")}
    return _light_step(under_name(quality_gate, f"gate-{name}")(step=step, **made), f"gate: {name}", claim)


def run_page(kind: str, steps: Sequence[str], *, claim: Asked) -> PipelineTask:
    """The step that writes the page of a run at its end, whatever has failed: the task of an exit handler."""
    images = {name: image(name) for name in IMAGE_NAMES}
    page = write_run_page(kind=kind, steps=list(steps), version=image_version(), images=images)
    return with_webhook(_light_step(page, "write run page", claim))


def _light_step(task: PipelineTask, name: str, claim: Asked) -> PipelineTask:
    return uncached(with_workspace(called(on_cpu(task, LIGHT), name), claim))


def _output(check: PipelineTask, kind: str) -> PipelineArtifactChannel:
    (name,) = (output for output in check.outputs if output.endswith(f"_{kind}"))
    return check.outputs[name]
