"""What is read of a cluster, once, before anything is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.cluster.api import ClusterApi, ClusterError, Object, Unseen
from components.cluster.wanted import Wanted
from components.shared.contracts.cluster_spec import OBJECT_STORE_SECRET

Listed = list[Object] | Unseen

KUEUE, TRAINER, KSERVE, ARGO = "kueue.x-k8s.io", "trainer.kubeflow.org", "serving.kserve.io", "argoproj.io"
ARGO_CONTROLLER = "workflow-controller"
_KARPENTER = "karpenter.sh"
_AUTOSCALER = "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status"
# Thousands of nodes come in parts.
_PAGE = 250


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomFacts:
    """What there is that pods need a place in; lists of objects as the API gives them, or `Unseen`.

    Attributes
    ----------
    kinds
        Names of the resources, in the plural, of each API group and version: `kueue.x-k8s.io/v1beta2`.
    may_grow
        Whether an autoscaler may add nodes, as far as one may look.
    namespace
        The namespace; None where there is none.
    """

    kinds: Mapping[str, tuple[str, ...]]
    may_grow: bool
    namespace: Object | Unseen | None
    nodes: Listed
    quotas: Listed
    local_queues: Listed
    cluster_queues: Listed

    def has(self, group: str, plural: str) -> bool:
        """Whether the cluster knows a kind, in any version."""
        return any(name.partition("/")[0] == group and plural in names for name, names in self.kinds.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretFacts:
    """Names of a secret's keys and annotations; the values are dropped as soon as they are read."""

    keys: tuple[str, ...]
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterFacts(RoomFacts):
    """All that there is.

    Attributes
    ----------
    version
        Of Kubernetes.
    everywhere
        The claims of all namespaces, read where the claim is not in its own.
    argo_config
        The ConfigMap of Argo's controller; None where no controller shows, or it has none.
    secrets
        By name; None where there is none.
    """

    version: str
    claim: Object | Unseen | None
    everywhere: Listed
    storage_classes: Listed
    secrets: Mapping[str, SecretFacts | Unseen | None]
    deployments: Listed
    argo_config: Object | Unseen | None
    accounts: Listed
    serving_runtimes: Listed
    storage_containers: Listed
    training_runtimes: Listed


def read_room(api: ClusterApi, wanted: Wanted) -> RoomFacts:
    """Read what pods need a place in; some ten requests.

    Raises
    ------
    ClusterError
        If the cluster does not answer.
    """
    return RoomFacts(**_room(api, wanted))


def read_facts(api: ClusterApi, wanted: Wanted) -> ClusterFacts:
    """Read all that is judged; some thirty requests.

    Raises
    ------
    ClusterError
        If the cluster does not answer.
    """
    room = _room(api, wanted)
    kinds = room["kinds"]
    inside = f"/api/v1/namespaces/{wanted.namespace}"
    claim = api.get(f"{inside}/persistentvolumeclaims/{wanted.claim}")
    deployments = _listed(api, "/apis/apps/v1/deployments")
    return ClusterFacts(
        **room,
        version=_version(api),
        claim=claim,
        everywhere=_listed(api, "/api/v1/persistentvolumeclaims") if claim is None else [],
        storage_classes=_listed(api, "/apis/storage.k8s.io/v1/storageclasses"),
        secrets={name: _secret(api, f"{inside}/secrets/{name}") for name in {wanted.secret, OBJECT_STORE_SECRET}},
        deployments=deployments,
        argo_config=_argo_config(api, deployments, wanted.namespace),
        accounts=_listed(api, f"{inside}/serviceaccounts"),
        serving_runtimes=_of_kind(api, kinds, KSERVE, "servingruntimes", wanted.namespace),
        storage_containers=_of_kind(api, kinds, KSERVE, "clusterstoragecontainers"),
        training_runtimes=_of_kind(api, kinds, TRAINER, "clustertrainingruntimes"),
    )


def _room(api: ClusterApi, wanted: Wanted) -> dict[str, Any]:
    groups = _groups(api)
    kinds = _kinds(api, groups)
    return {
        "kinds": kinds,
        # An autoscaler that one may not look for may be there.
        "may_grow": any(group["name"] == _KARPENTER for group in groups) or api.get(_AUTOSCALER) is not None,
        "namespace": api.get(f"/api/v1/namespaces/{wanted.namespace}"),
        "nodes": _nodes(api),
        "quotas": _listed(api, f"/api/v1/namespaces/{wanted.namespace}/resourcequotas"),
        "local_queues": _of_kind(api, kinds, KUEUE, "localqueues", wanted.namespace),
        "cluster_queues": _of_kind(api, kinds, KUEUE, "clusterqueues"),
    }


def _argo_config(api: ClusterApi, deployments: Listed, namespace: str) -> Object | Unseen | None:
    """Of several controllers, that of the namespace."""
    if isinstance(deployments, Unseen):
        return None
    found = [each["metadata"]["namespace"] for each in deployments if name_of(each) == ARGO_CONTROLLER]
    if not found:
        return None
    where = namespace if namespace in found else found[0]
    return api.get(f"/api/v1/namespaces/{where}/configmaps/{ARGO_CONTROLLER}-configmap")


def _version(api: ClusterApi) -> str:
    found = api.get("/version")
    return str(found.get("gitVersion", "")) if isinstance(found, dict) else ""


def _groups(api: ClusterApi) -> list[Object]:
    """Whoever has an account may ask which kinds there are."""
    found = api.get("/apis")
    if not isinstance(found, dict) or "groups" not in found:
        raise ClusterError("the cluster must say which kinds it has, but does not: is your account known to it?")
    return list(found["groups"])


def _kinds(api: ClusterApi, groups: list[Object]) -> dict[str, tuple[str, ...]]:
    kinds = {}
    for group in groups:
        if group["name"] in (KUEUE, TRAINER, KSERVE, ARGO):
            for version in group["versions"]:
                found = api.get(f"/apis/{version['groupVersion']}")
                resources = found["resources"] if isinstance(found, dict) else []
                kinds[version["groupVersion"]] = tuple(each["name"] for each in resources if "/" not in each["name"])
    return kinds


def _of_kind(
    api: ClusterApi, kinds: Mapping[str, tuple[str, ...]], group: str, plural: str, namespace: str = ""
) -> Listed:
    versions = [name for name, names in kinds.items() if name.startswith(f"{group}/") and plural in names]
    if not versions:
        return []
    place = f"namespaces/{namespace}/" if namespace else ""
    return _listed(api, f"/apis/{versions[0]}/{place}{plural}")


def _listed(api: ClusterApi, path: str) -> Listed:
    listed: list[Object] = []
    more = ""
    while True:
        found = api.get(f"{path}?limit={_PAGE}{more}")
        if isinstance(found, Unseen):
            return Unseen(path)
        if found is None:
            return listed
        listed += found["items"]
        rest = found.get("metadata", {}).get("continue")
        if not rest:
            return listed
        more = f"&continue={rest}"


def _nodes(api: ClusterApi) -> Listed:
    found = _listed(api, "/api/v1/nodes")
    return found if isinstance(found, Unseen) else [_node(each) for each in found]


def _node(found: Object) -> Object:
    metadata, status = found["metadata"], found.get("status", {})
    return {
        "metadata": {"name": metadata["name"], "labels": metadata.get("labels", {})},
        "spec": {name: found.get("spec", {}).get(name) for name in ("unschedulable", "taints")},
        "status": {"allocatable": status.get("allocatable", {}), "images": status.get("images", [])},
    }


def _secret(api: ClusterApi, path: str) -> SecretFacts | Unseen | None:
    found = api.get(path)
    if not isinstance(found, dict):
        return found
    annotations = found.get("metadata", {}).get("annotations") or {}
    return SecretFacts(keys=tuple(sorted(found.get("data") or {})), annotations=tuple(sorted(annotations)))


def name_of(found: Mapping[str, Any]) -> str:
    """The name of an object."""
    return str(found["metadata"]["name"])


def names_of(found: list[Object]) -> str:
    """The names of objects, for people; `none` where there are none."""
    return ", ".join(map(name_of, found)) or "none"
