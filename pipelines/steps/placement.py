"""Where a step runs on a cluster, as whom, with what and for how long: one place for all of it."""

from dataclasses import dataclass
from typing import Literal

from kfp import kubernetes
from kfp.dsl import PipelineTask
from kfp.dsl.pipeline_channel import PipelineParameterChannel

from components.shared.runtime.gpu_placement import (
    ACCELERATOR,
    IMAGE_USER,
    NODE_LABEL,
    NODE_LABEL_VALUE,
    QUEUE,
    QUEUE_LABEL,
    SCRATCH_PATH,
    SHARED_MEMORY,
    SHARED_MEMORY_PATH,
    TOLERATION,
    WORKSPACE_CLAIM,
    WORKSPACE_PATH,
)

ProfileName = Literal["gpu", "cpu", "nodes"]
PROFILES: tuple[ProfileName, ...] = ("gpu", "cpu", "nodes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What a step may use: cores, memory, scratch space in /tmp, and how long it may take (seconds)."""

    cpu: str
    memory: str
    scratch: str
    timeout_s: int


LIGHT = Size(cpu="1", memory="2Gi", scratch="1Gi", timeout_s=600)
DATA = Size(cpu="4", memory="16Gi", scratch="50Gi", timeout_s=4 * 3600)
SERVING = Size(cpu="2", memory="8Gi", scratch="10Gi", timeout_s=1800)
SMOKE = Size(cpu="4", memory="16Gi", scratch="10Gi", timeout_s=1800)
TRAINING = Size(cpu="8", memory="32Gi", scratch="50Gi", timeout_s=7 * 24 * 3600)
# Waits for nodes that train, and for their place in the queue.
LAUNCHING = Size(cpu="1", memory="8Gi", scratch="10Gi", timeout_s=14 * 24 * 3600)


def device_of(profile: ProfileName) -> str:
    """The `device` argument of steps that compute with a model.

    On GPU nodes they insist on CUDA: a week on a CPU by accident is dearer than a step that fails. The `cpu` profile
    says `auto`, for it is also what runs on a desk, and a desk may have a GPU.
    """
    return "auto" if profile == "cpu" else "cuda"


def on_cpu(task: PipelineTask, size: Size) -> PipelineTask:
    """Give a step what it may use, a time after which it is stopped, and a user that is not root; it holds no GPU.

    KFP itself forbids privilege escalation, drops all capabilities and sets the seccomp profile of every step.
    """
    task.set_cpu_request(size.cpu).set_cpu_limit(size.cpu)
    task.set_memory_request(size.memory).set_memory_limit(size.memory)
    kubernetes.set_timeout(task, seconds=size.timeout_s)
    kubernetes.set_security_context(task, run_as_user=IMAGE_USER, run_as_group=IMAGE_USER, run_as_non_root=True)
    # Bounded, so that a step which fills it is evicted itself, and not its neighbours on the node.
    return kubernetes.empty_dir_mount(task, volume_name="scratch", mount_path=SCRATCH_PATH, size_limit=size.scratch)


def on_gpu(task: PipelineTask, size: Size, *, profile: ProfileName) -> PipelineTask:
    """Put a step on an NVIDIA node, or on any node where the profile is `cpu`.

    `gpu` and `nodes` ask for one GPU with the nodes' label and toleration, for shared memory, and for a place in
    Kueue's queue (a label that means nothing where there is no Kueue).
    """
    on_cpu(task, size)
    if profile != "cpu":
        task.set_accelerator_type(ACCELERATOR).set_accelerator_limit(1)
        kubernetes.add_node_selector(task, label_key=NODE_LABEL, label_value=NODE_LABEL_VALUE)
        kubernetes.add_toleration(task, **TOLERATION)
        kubernetes.add_pod_label(task, label_key=QUEUE_LABEL, label_value=QUEUE)
        kubernetes.empty_dir_mount(
            task,
            volume_name="shm",
            mount_path=SHARED_MEMORY_PATH,
            medium="Memory",
            size_limit=SHARED_MEMORY,
        )
    return task


def with_workspace(task: PipelineTask, claim: str | PipelineParameterChannel = WORKSPACE_CLAIM) -> PipelineTask:
    """Mount the workspace, where checkpoints and the feature store lie, at `WORKSPACE_PATH`."""
    return kubernetes.mount_pvc(task, pvc_name=claim, mount_path=WORKSPACE_PATH)


def retried(task: PipelineTask, *, times: int) -> PipelineTask:
    """Try a step again, after half a minute, then after twice as long each time, up to ten minutes.

    For steps that use a network, and for those that a lost node may end; each must be safe to run again. A step that
    refused its data refuses them again. Runs on a desk take the retries away.
    """
    return task.set_retry(num_retries=times, backoff_duration="30s", backoff_factor=2.0, backoff_max_duration="600s")
