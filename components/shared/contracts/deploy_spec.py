"""The problem file's `deploy:` section: where a release goes live, on what, and how it is watched before it takes over.

    deploy:
      namespace: pets
      canary: traffic
      replicas: {least: 2, most: 6}

Where it is absent, a run ends with the published release; where a run has no cluster, nothing of it counts.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le
from pydantic import StringConstraints

from components.shared.contracts.canary_settings import CanarySettings
from components.shared.contracts.cluster_spec import check_limits, Cores, MAX_GPUS, Memory
from components.shared.runtime.settings import settings_model
from components.shared.runtime.settings_words import Words

# What people see the step called that brings a release live.
DEPLOY_STEP = "deploy release"
# The step that watches may take a week.
_LONGEST_H = 6 * 24

Mode = Literal["standard", "knative"]
Canary = Literal["traffic", "replay", "none"]
ServingImage = Literal["serving", "serving-cpu"]

NamespaceName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"),
    Words("the name of a namespace: small letters, digits and hyphens, at most 63"),
]
CollectorUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/@]+(/\S*)?$"),
    Words("a URL without a user: http://collector.monitoring"),
]


@settings_model
class ServedSize:
    """What one server asks a node for, and the most that it may take of it.

    Attributes
    ----------
    cpu, cpu_limit
        Cores.
    memory, memory_limit
        Memory: a server that takes more than its limit is ended.
    gpus
        GPUs, whole ones.
    """

    cpu: Cores = "500m"
    cpu_limit: Cores = "2"
    memory: Memory = "1Gi"
    memory_limit: Memory = "4Gi"
    gpus: Annotated[int, Ge(0), Le(MAX_GPUS)] = 0


@settings_model
class ReplicaSpec:
    """How many servers there are.

    Attributes
    ----------
    least
        At rest; 0, which Knative alone can, ends the last one where nobody asks.
    most
        At most, by load.
    target
        What each replica should be at before there is one more: percent of the CPU that it asks for in Standard mode,
        requests at once in Knative's; None for KServe's default.
    """

    least: Annotated[int, Ge(0)] = 1
    most: Annotated[int, Ge(1)] = 1
    target: Annotated[int, Ge(1)] | None = None

    def __post_init__(self) -> None:
        if self.least > self.most:
            raise ValueError(f"deploy.replicas.least must be at most the most, {self.most}, got {self.least}")


@settings_model
class DeploySpec:
    """Where and how a release goes live.

    Attributes
    ----------
    namespace
        Where the InferenceService is.
    mode
        `standard`, Deployments, or `knative`.
    image
        `serving`, or `serving-cpu`, without torch, for releases that can do without.
    canary
        Who asks the new release before it takes over: the share of the `traffic` that the cluster sends it; held-out
        examples that the step itself sends to both (`replay`); nobody (`none`): it takes over where it answers as the
        training side does.
    judge
        Steps of the traffic, and what is tolerated.
    replicas, size
        How many servers, and what each may use.
    node_selector
        Labels of the nodes that servers run on.
    tolerations
        Taints of nodes that servers bear, as Kubernetes writes them.
    logger
        The collector that KServe sends requests and answers to; None for none.
    ready_within_min
        Minutes until a release must be ready.
    decide_within_h
        Hours until a canary must be decided; one that had too few requests by then is rolled back.
    take_over
        Whether fields that others set on the InferenceService, by kubectl for one, are overwritten; else they are an
        error that names them.
    """

    namespace: NamespaceName
    mode: Mode = "standard"
    image: ServingImage = "serving"
    canary: Canary = "traffic"
    judge: CanarySettings = field(default_factory=CanarySettings)
    replicas: ReplicaSpec = field(default_factory=ReplicaSpec)
    size: ServedSize = field(default_factory=ServedSize)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, str | int], ...] = ()
    logger: CollectorUrl | None = None
    ready_within_min: Annotated[float, Gt(0), Le(24 * 60)] = 15.0
    decide_within_h: Annotated[float, Gt(0), Le(_LONGEST_H)] = 6.0
    take_over: bool = False

    def __post_init__(self) -> None:
        if self.replicas.least == 0 and self.mode != "knative":
            raise ValueError("deploy.replicas.least must be 1 or more where deploy.mode is standard, got 0")
        if self.image == "serving-cpu" and self.size.gpus:
            raise ValueError(f"deploy.size.gpus must be 0 where deploy.image is serving-cpu, got {self.size.gpus}")
        size = self.size
        check_limits("deploy.size", cpu=(size.cpu, size.cpu_limit), memory=(size.memory, size.memory_limit))
