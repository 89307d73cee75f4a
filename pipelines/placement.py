"""Where a step runs on a cluster: one place for accelerators, tolerations, resources and timeouts."""

from dataclasses import dataclass
from typing import Literal

from kfp import kubernetes
from kfp.dsl import PipelineTask

ProfileName = Literal["gpu", "cpu"]
PROFILES: tuple[ProfileName, ...] = ("gpu", "cpu")

_ACCELERATOR = "nvidia.com/gpu"
_NODE_LABEL = "nvidia.com/gpu.present"
_SHARED_MEMORY = "8Gi"


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What a step may use: cores, memory, and how long it may take (seconds)."""

    cpu: str
    memory: str
    timeout_s: int


LIGHT = Size(cpu="1", memory="2Gi", timeout_s=600)
DATA = Size(cpu="4", memory="16Gi", timeout_s=4 * 3600)
SERVING = Size(cpu="2", memory="8Gi", timeout_s=1800)
SMOKE = Size(cpu="4", memory="16Gi", timeout_s=1800)
TRAINING = Size(cpu="8", memory="32Gi", timeout_s=7 * 24 * 3600)


def on_cpu(task: PipelineTask, size: Size) -> PipelineTask:
    """Give a step cores and memory, and a time after which it is stopped; it holds no GPU.

    Parameters
    ----------
    task
        The step.
    size
        What it may use.

    Returns
    -------
    PipelineTask
        The same step.
    """
    task.set_cpu_request(size.cpu).set_cpu_limit(size.cpu)
    task.set_memory_request(size.memory).set_memory_limit(size.memory)
    kubernetes.set_timeout(task, seconds=size.timeout_s)
    return task


def on_gpu(task: PipelineTask, size: Size, *, profile: ProfileName) -> PipelineTask:
    """Put a step on an NVIDIA node, or on any node where the profile is `cpu`.

    Parameters
    ----------
    task
        The step.
    size
        What it may use beside the GPU.
    profile
        `gpu` asks for one GPU with the nodes' label and toleration and for shared memory; `cpu` asks for none.

    Returns
    -------
    PipelineTask
        The same step.
    """
    on_cpu(task, size)
    if profile == "gpu":
        task.set_accelerator_type(_ACCELERATOR).set_accelerator_limit(1)
        kubernetes.add_node_selector(task, label_key=_NODE_LABEL, label_value="true")
        kubernetes.add_toleration(task, key=_ACCELERATOR, operator="Exists", effect="NoSchedule")
        kubernetes.empty_dir_mount(
            task,
            volume_name="shm",
            mount_path="/dev/shm",  # noqa: S108 - it is that folder medium="Memory", size_limit=_SHARED_MEMORY
        )
    return task
