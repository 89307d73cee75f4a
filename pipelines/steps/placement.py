"""Where a step runs on a cluster, as whom, with what and for how long: one place for all of it."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from kfp import kubernetes
from kfp.dsl import PipelineTask
from kfp.dsl.pipeline_channel import PipelineParameterChannel

from components.reporting.run_pages.failure_notice import RUN_LINK_VARIABLE
from components.shared.contracts.cluster_spec import OBJECT_STORE_SECRET, STORE_VARIABLES
from components.shared.lineage.webhook import WEBHOOK_VARIABLE
from components.shared.runtime.container_images import image_pull_secrets, PULL_SECRETS_VARIABLE
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
from components.shared.runtime.step_record import RUN_VARIABLE, STEP_VARIABLE
from components.shared.tables.personal_key import KEY_VARIABLE

ProfileName = Literal["gpu", "cpu", "nodes"]
PROFILES: tuple[ProfileName, ...] = ("gpu", "cpu", "nodes")


Asked: TypeAlias = str | PipelineParameterChannel


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What a step asks a node for, the most that it may take of it, and for how long.

    Attributes
    ----------
    cpu, cpu_limit, memory, memory_limit
        As Kubernetes writes them, or as an earlier step says.
    scratch
        The most that it may write to /tmp.
    timeout_s
        How long it may take, in seconds, beside the time in which its node fetches the image.
    """

    cpu: Asked
    cpu_limit: Asked
    memory: Asked
    memory_limit: Asked
    scratch: str
    timeout_s: int


# A pod's time begins before its image is there, and the largest image has 7 GB.
IMAGE_PULL_S = 1800
_DATA_S, _MODEL_S, _SCORING_S, _TRAINING_S = 4 * 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600

LIGHT = Size(cpu="100m", cpu_limit="2", memory="512Mi", memory_limit="4Gi", scratch="1Gi", timeout_s=600)
SERVING = Size(cpu="500m", cpu_limit="4", memory="1Gi", memory_limit="16Gi", scratch="10Gi", timeout_s=1800)
# Monitoring and scoring have no problem file that must say more.
MONITORING = Size(cpu="500m", cpu_limit="8", memory="1Gi", memory_limit="32Gi", scratch="50Gi", timeout_s=_DATA_S)
SCORING = Size(cpu="500m", cpu_limit="8", memory="1Gi", memory_limit="32Gi", scratch="200Gi", timeout_s=_SCORING_S)
# Waits for nodes that train, and for their place in the queue.
LAUNCHING = Size(
    cpu="100m", cpu_limit="2", memory="1Gi", memory_limit="16Gi", scratch="10Gi", timeout_s=2 * _TRAINING_S
)

# Watches a canary for as long as its traffic needs.
DEPLOYING = Size(cpu="100m", cpu_limit="2", memory="512Mi", memory_limit="4Gi", scratch="10Gi", timeout_s=_TRAINING_S)

PERSONAL_KEY_SECRET = "pluszero-pii-key"  # noqa: S105 - its name
WEBHOOK_SECRET = "pluszero-webhook"  # noqa: S105 - its name
_BACKOFF_S, _BACKOFF_FACTOR = 30, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How a step reaches what lies outside the pipeline: the volume claim, and the secret for object stores."""

    claim: Asked = WORKSPACE_CLAIM
    secret: Asked = OBJECT_STORE_SECRET


def data_size(cpu: Asked, cpu_limit: Asked, memory: Asked, memory_limit: Asked) -> Size:
    """What a step that reads data may use."""
    return Size(
        cpu=cpu, cpu_limit=cpu_limit, memory=memory, memory_limit=memory_limit, scratch="50Gi", timeout_s=_DATA_S
    )


def model_size(cpu: Asked, cpu_limit: Asked, memory: Asked, memory_limit: Asked) -> Size:
    """What a step that computes with a model may use."""
    return Size(
        cpu=cpu, cpu_limit=cpu_limit, memory=memory, memory_limit=memory_limit, scratch="50Gi", timeout_s=_MODEL_S
    )


def training_size(size: Size) -> Size:
    """What a step that trains may use: what `size` says, for a week."""
    return replace(size, timeout_s=_TRAINING_S)


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
    asked = (size.cpu, size.cpu_limit, size.memory, size.memory_limit)
    # kfp itself hands them on within one graph only, not into a loop.
    task.register_pipeline_channels([said for said in asked if not isinstance(said, str)])
    task.set_cpu_request(size.cpu).set_cpu_limit(size.cpu_limit)
    task.set_memory_request(size.memory).set_memory_limit(size.memory_limit)
    kubernetes.set_timeout(task, seconds=size.timeout_s + IMAGE_PULL_S)
    kubernetes.set_security_context(task, run_as_user=IMAGE_USER, run_as_group=IMAGE_USER, run_as_non_root=True)
    _pulled_by_secrets(task)
    # Bounded, so that a step which fills it is evicted itself, and not its neighbours on the node.
    return kubernetes.empty_dir_mount(task, volume_name="scratch", mount_path=SCRATCH_PATH, size_limit=size.scratch)


def _pulled_by_secrets(task: PipelineTask) -> None:
    """Let the node pull the step's image, and tell the step by which secrets: it may ask for pods itself."""
    if names := image_pull_secrets():
        kubernetes.set_image_pull_secrets(task, list(names))
        task.set_env_variable(PULL_SECRETS_VARIABLE, ",".join(names))


def on_gpu(task: PipelineTask, size: Size, *, profile: ProfileName, gpus: Asked = "1") -> PipelineTask:
    """Put a step on an NVIDIA node, or on any node where the profile is `cpu`.

    `gpu` and `nodes` ask for GPUs with the nodes' label and toleration, for shared memory, and for a place in Kueue's
    queue (a label that means nothing where there is no Kueue).
    """
    on_cpu(task, size)
    if profile != "cpu":
        task.register_pipeline_channels([] if isinstance(gpus, str) else [gpus])
        task.set_accelerator_type(ACCELERATOR).set_accelerator_limit(gpus)
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


def called(task: PipelineTask, name: str) -> PipelineTask:
    """Call a step what people see, and tell it so and which run it belongs to.

    By that it leaves its error on the workspace for the page of the run, if it has one
    (`components.shared.runtime.step_record`). KFP's cache does not look at what only the pod knows.
    """
    kubernetes.use_field_path_as_env(task, env_name=RUN_VARIABLE, field_path="metadata.labels['pipeline/runid']")
    return task.set_display_name(name).set_env_variable(STEP_VARIABLE, name)


def uncached(task: PipelineTask) -> PipelineTask:
    """Run a step each time: it looks at the world outside, or leaves something there."""
    return task.set_caching_options(enable_caching=False)


def with_workspace(task: PipelineTask, claim: Asked = WORKSPACE_CLAIM) -> PipelineTask:
    """Mount the workspace, where checkpoints and the feature store lie, at `WORKSPACE_PATH`."""
    return kubernetes.mount_pvc(task, pvc_name=claim, mount_path=WORKSPACE_PATH)


def with_access(task: PipelineTask, access: Access) -> PipelineTask:
    """Let a step reach what lies outside: the workspace, and object stores by a secret, which may be absent.

    A secret that is not there leaves the step what its account may do (IRSA, Workload Identity).
    """
    kubernetes.use_secret_as_env(
        task, access.secret, secret_key_to_env={name: name for name in STORE_VARIABLES}, optional=True
    )
    return with_workspace(task, access.claim)


def with_personal_key(task: PipelineTask) -> PipelineTask:
    """Give a step the key that hashes personal data, from the secret `pluszero-pii-key`, which may be absent."""
    return kubernetes.use_secret_as_env(
        task, PERSONAL_KEY_SECRET, secret_key_to_env={"key": KEY_VARIABLE}, optional=True
    )


def with_webhook(task: PipelineTask) -> PipelineTask:
    """Let a step say that a run has failed: the webhook's address from the secret `pluszero-webhook`.

    The secret may be absent, and each of its keys: `url`, and `run-link`, an address in which {run} is the run's id.
    """
    return kubernetes.use_secret_as_env(
        task,
        WEBHOOK_SECRET,
        secret_key_to_env={"url": WEBHOOK_VARIABLE, "run-link": RUN_LINK_VARIABLE},
        optional=True,
    )


def retried(task: PipelineTask, size: Size, *, times: int) -> PipelineTask:
    """Try a step again, after half a minute, then after twice as long each time.

    For steps that use a network, and for those that a lost node may end; each must be safe to run again. A step that
    refused its data refuses them again. Which end is tried again, Argo's own setting says: with KFP 2.17's, a lost pod.
    Runs on a desk take the retries away.

    Argo counts the longest time from the start of the first try, ends a later try that goes beyond it, and allows none
    after it: so it is what all tries together may take.
    """
    pauses_s = sum(_BACKOFF_S * _BACKOFF_FACTOR**number for number in range(times))
    longest_s = (times + 1) * (size.timeout_s + IMAGE_PULL_S) + pauses_s
    return task.set_retry(
        num_retries=times,
        backoff_duration=f"{_BACKOFF_S}s",
        backoff_factor=float(_BACKOFF_FACTOR),
        backoff_max_duration=f"{longest_s}s",
    )
