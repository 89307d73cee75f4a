"""Which Kubeflow a namespace is of, and so by which command the manifests get into it."""

from typing import Literal

from components.cluster.facts import ClusterFacts, name_of
from components.cluster.wanted import Wanted
from components.shared.runtime.gpu_placement import WORKSPACE_CLAIM

NamespaceKind = Literal["standalone", "profile", "own"]

_PROFILE_LABEL, _PROFILE_VALUE = "app.kubernetes.io/part-of", "kubeflow-profile"
_API_SERVER, _KUBEFLOW, _OWN = "ml-pipeline", "kubeflow", "pluszero"

# Of each kind: its overlay without GPUs and with them, and the line of it that holds the namespace.
_OVERLAYS: dict[NamespaceKind, tuple[str, str, str]] = {
    "standalone": ("standalone", "standalone-gpu", "namespace: kubeflow"),
    "profile": ("profile", "profile-gpu", "namespace: your-profile"),
    "own": ("dev", "prod-gpu", ": pluszero"),
}
_WORKSPACE = "prod-gpu/workspace"
ACCOUNTS: dict[NamespaceKind, str] = {"standalone": "pipeline-runner", "profile": "default-editor", "own": ""}


def namespace_kind(facts: ClusterFacts, namespace: str) -> NamespaceKind:
    """Whether a namespace is that of KFP itself, a profile's, or another; by its name where no more may be seen."""
    if isinstance(facts.namespace, dict):
        labels = facts.namespace["metadata"].get("labels", {})
        if labels.get(_PROFILE_LABEL) == _PROFILE_VALUE:
            return "profile"
    if namespace == _KUBEFLOW or _holds_kfp(facts, namespace):
        return "standalone"
    if namespace == _OWN or isinstance(facts.namespace, dict):
        return "own"
    return "profile"


def apply_manifests(facts: ClusterFacts, wanted: Wanted) -> str:
    """The command that puts what the namespace lacks into it."""
    kind = namespace_kind(facts, wanted.namespace)
    without_gpu, with_gpu, line = _OVERLAYS[kind]
    return _applied(without_gpu if wanted.profile == "cpu" else with_gpu, line, wanted.namespace)


def make_claim(facts: ClusterFacts, wanted: Wanted) -> str:
    """The command that makes the workspace: with GPUs its claim lies beside the overlay."""
    if wanted.claim != WORKSPACE_CLAIM:
        return f"make the claim {wanted.claim} there, or name another by --claim and as the run's workspace_claim"
    if wanted.profile == "cpu":
        return apply_manifests(facts, wanted)
    return _applied(_WORKSPACE, "namespace: pluszero", wanted.namespace)


def _applied(overlay: str, line: str, namespace: str) -> str:
    start, _, written = line.rpartition(": ")
    folder = f"manifests/overlays/{overlay}"
    if written == namespace:
        return f"kubectl apply -k {folder}"
    return f"kubectl kustomize {folder} | sed 's/{line}$/{start}: {namespace}/' | kubectl apply -f -"


def _holds_kfp(facts: ClusterFacts, namespace: str) -> bool:
    deployments = facts.deployments if isinstance(facts.deployments, list) else []
    return any(name_of(each) == _API_SERVER and each["metadata"]["namespace"] == namespace for each in deployments)
