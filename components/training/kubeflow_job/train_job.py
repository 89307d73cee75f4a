"""A train job: one command on every node, what it needs there, and what a backend can do with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re
from typing import Literal, Protocol

from components.shared.contracts.cluster_spec import StepSize

Phase = Literal["queued", "starting", "running", "complete", "failed"]

# Trainer takes names of RFC 1035; the first node's host is called NAME-node-0-0, and a host's name has 63 characters.
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_MAX_NAME_LENGTH = 50
_NAME_PREFIX = "train-"
_RUN_KEY = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")

# What Trainer's torch runtime sets itself, and torchrun reads.
_RESERVED_PREFIX = "PET_"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainJob:
    """What to run on every node, and what a node needs.

    torchrun finds its settings in the environment (`PET_NNODES`, `PET_NPROC_PER_NODE`, `PET_NODE_RANK`,
    `PET_MASTER_ADDR`, `PET_MASTER_PORT`).
    """

    name: str  # launching a name twice gives one job; see `train_job_name`
    command: tuple[str, ...]
    image: str
    timeout_s: int  # from leaving the queue to the end
    start_timeout_s: int = 3600
    num_nodes: int = 1
    gpus_per_node: int = 1  # one process a GPU; 0 trains on CPUs, in one process a node
    size: StepSize = field(default_factory=StepSize)  # cores and memory a node
    scratch: str = "50Gi"  # a Kubernetes quantity; bounds `/tmp`
    runtime: str = "torch-distributed"  # a ClusterTrainingRuntime
    environment: Mapping[str, str] = field(default_factory=dict)  # no secrets: whoever may read the job reads them
    workspace_claim: str | None = None  # the volume claim with feature store and checkpoints
    secret: str | None = None  # by which nodes reach an object store; it may be absent from the cluster
    queue: str | None = None  # Kueue's LocalQueue; None for a cluster without Kueue
    pull_secrets: tuple[str, ...] = ()  # secrets by which the cluster pulls the image
    service_account: str | None = None  # None is the namespace's default
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > _MAX_NAME_LENGTH:
            raise ValueError(
                f"name must be 1 to {_MAX_NAME_LENGTH} small letters, digits and hyphens, start with a letter and end "
                f"with a letter or digit, got {self.name!r}"
            )
        if not self.command:
            raise ValueError("command must name a program, got nothing")
        for name, least in (("num_nodes", 1), ("gpus_per_node", 0), ("timeout_s", 1), ("start_timeout_s", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        reserved = sorted(name for name in self.environment if name.startswith(_RESERVED_PREFIX))
        if reserved:
            raise ValueError(f"environment must leave {_RESERVED_PREFIX}* to the runtime, got {', '.join(reserved)}")

    @property
    def processes_per_node(self) -> int:
        """One a GPU, at least one; left to itself, Trainer starts one a core where there is no GPU."""
        return max(1, self.gpus_per_node)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobState:
    """How far a job has come, and why it waits or failed: part of a sentence, about `node` where one is named."""

    phase: Phase  # `queued` waits for quota, `starting` for nodes; `complete` and `failed` are final
    reason: str = ""
    node: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One line that a node logged."""

    node: str
    text: str


class TrainJobBackend(Protocol):
    """Where jobs run. What passes by itself (a lost connection, a busy server) is raised as `ConnectionError`."""

    def state(self, name: str) -> JobState | None:
        """How far the job has come; None where there is no such job."""

    def submit(self, job: TrainJob) -> None:
        """Start a job; `FileExistsError` where there is one of that name."""

    def new_lines(self, name: str) -> list[LogLine]:
        """What the nodes have logged since the last call, in each node's order."""

    def delete(self, name: str) -> None:
        """Stop the job and forget it, finished or not; nothing where there is no such job."""


class TrainJobError(RuntimeError):
    """A job that failed, was stopped, or took too long; `log_end` is one node's log up to its most telling line."""

    def __init__(self, message: str, *, log_end: str) -> None:
        super().__init__(message)
        self.log_end = log_end


def train_job_name(run_key: str) -> str:
    """`train-<run_key>`: a retried step finds the job that runs already. The key also names the checkpoint folder."""
    limit = _MAX_NAME_LENGTH - len(_NAME_PREFIX)
    if not _RUN_KEY.fullmatch(run_key) or len(run_key) > limit:
        raise ValueError(f"run_key must be 1 to {limit} small letters, digits and inner hyphens, got {run_key!r}")
    return f"{_NAME_PREFIX}{run_key}"
