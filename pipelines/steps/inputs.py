"""The first step of training and augmentation search, and the parameters that it hands on."""

from typing import Any

from kfp.dsl import PipelineTask

from components.training.component import check_inputs
from pipelines.steps.placement import Access, called, LIGHT, on_cpu, uncached, with_access

# The parameters of `check_inputs` by name, but for the problem.
FormValues = dict[str, Any]

_SIZES = ("cpu", "cpu_limit", "memory", "memory_limit")


def checked_inputs(form: FormValues, problem: Any, *, name: str = "check inputs") -> PipelineTask:
    """The step that checks every parameter, the problem file among them, before anything is paid for.

    It looks at the world outside, so that no cache may answer for it.
    """
    inputs = called(on_cpu(check_inputs(problem=problem, **form), LIGHT), name)
    return with_access(uncached(inputs), Access(claim=form["workspace_claim"]))


def size_of(inputs: PipelineTask, kind: str) -> dict[str, Any]:
    """What steps of a kind, `data` or `training`, may use, as the problem file says to `inputs` in `cluster:`."""
    return {name: inputs.outputs[f"{kind}_{name}"] for name in _SIZES}
