"""What a run asks of a cluster."""

from dataclasses import dataclass, field
from typing import Literal

from components.shared.contracts.cluster_spec import ClusterSpec
from components.shared.contracts.problem import Problem
from components.shared.runtime.gpu_placement import DEFAULT_NODES, WORKSPACE_CLAIM

ProfileName = Literal["gpu", "cpu", "nodes"]
_PROFILES: tuple[ProfileName, ...] = ("gpu", "cpu", "nodes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a run asks of a cluster.

    Attributes
    ----------
    namespace
        Where the run's steps and its predictors are.
    profile
        Of the compiled pipeline.
    claim
        The workspace.
    images
        The images of steps and predictors.
    spec
        The problem file's section `cluster:`.
    num_nodes, gpus
        How many nodes train, and how many GPUs each of them holds.
    account
        The account that steps run as; empty for the one that the namespace's kind of Kubeflow has.
    """

    namespace: str = "pluszero"
    profile: ProfileName = "gpu"
    claim: str = WORKSPACE_CLAIM
    images: tuple[str, ...] = ()
    spec: ClusterSpec = field(default_factory=ClusterSpec)
    num_nodes: int = 1
    gpus: int = 1
    account: str = ""

    @property
    def secret(self) -> str:
        """The secret for object stores of all steps but the first."""
        return self.spec.secret


def profile_named(text: str) -> ProfileName:
    """The profile of a name.

    Raises
    ------
    ValueError
        If there is none.
    """
    for profile in _PROFILES:
        if text == profile:
            return profile
    raise ValueError(f"profile must be one of {', '.join(_PROFILES)}, got {text!r}")


def wanted_of(
    problem: Problem, *, namespace: str, profile: ProfileName, claim: str = WORKSPACE_CLAIM, account: str = ""
) -> Wanted:
    """What a run of a problem asks of a cluster; see `Wanted`.

    `cluster: {gpus: ...}` counts in the profile `gpu`, and `training: {num_nodes: ..., num_processes: ...}` in `nodes`.
    """
    num_nodes, gpus = 1, problem.cluster.gpus
    if profile == "nodes":
        asked_nodes = int(problem.training.get("num_nodes") or 1)
        num_nodes = asked_nodes if asked_nodes > 1 else DEFAULT_NODES
        gpus = int(problem.training.get("num_processes") or 1)
    return Wanted(
        namespace=namespace,
        profile=profile,
        claim=claim,
        spec=problem.cluster,
        num_nodes=num_nodes,
        gpus=gpus,
        account=account,
    )
