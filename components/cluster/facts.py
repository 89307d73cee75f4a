"""What is read of a cluster, once, before anything is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from components.cluster.api import ClusterApi, ClusterError, Object, Unseen
from components.shared.contracts.cluster_spec import ClusterSpec, OBJECT_STORE_SECRET
from components.shared.runtime.gpu_placement import WORKSPACE_CLAIM

ProfileName = Literal["gpu", "cpu", "nodes"]
Listed = list[Object] | Unseen

KUEUE, TRAINER, KSERVE, ARGO = "kueue.x-k8s.io", "trainer.kubeflow.org", "serving.kserve.io", "argoproj.io"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a run asks of a cluster.

    Attributes
    ----------
    namespace
        Where the run's steps and its predictors are.
    profile
        Of the compiled pipeline.
    claim, secret
        The workspace, and the secret for object stores.
    images
        The images of steps and predictors.
    spec
        The problem file's section `cluster:`.
    account
        The account that steps run as; empty where it is not known.
    """

    namespace: str = "pluszero"
    profile: ProfileName = "gpu"
    claim: str = WORKSPACE_CLAIM
    secret: str = OBJECT_STORE_SECRET
    images: tuple[str, ...] = ()
    spec: ClusterSpec = field(default_factory=ClusterSpec)
    account: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterFacts:
    """What there is; lists of objects as the API gives them, or `Unseen`.

    Attributes
    ----------
    version
        Of Kubernetes.
    kinds
        Names of the resources, in the plural, of each API group and version: `kueue.x-k8s.io/v1beta2`.
    namespace
        The namespace; None where there is none.
    everywhere
        The claims of all namespaces.
    secrets
        Names of the keys of the secrets that were asked for, by the secret's name; None where there is none. Values are
        dropped as soon as they are read.
    """

    version: str
    kinds: Mapping[str, tuple[str, ...]]
    namespace: Object | Unseen | None
    claim: Object | Unseen | None
    everywhere: Listed
    storage_classes: Listed
    secrets: Mapping[str, tuple[str, ...] | Unseen | None]
    nodes: Listed
    quotas: Listed
    deployments: Listed
    accounts: Listed
    serving_runtimes: Listed
    storage_containers: Listed
    local_queues: Listed
    cluster_queues: Listed
    training_runtimes: Listed

    def has_group(self, group: str) -> bool:
        """Whether the cluster knows an API group in any version."""
        return any(name.partition("/")[0] == group for name in self.kinds)


def read_facts(api: ClusterApi, wanted: Wanted) -> ClusterFacts:
    """Read what is judged; some twenty requests.

    Raises
    ------
    ClusterError
        If the cluster does not answer.
    """
    kinds = _kinds(api)
    inside = f"/api/v1/namespaces/{wanted.namespace}"
    return ClusterFacts(
        version=_version(api),
        kinds=kinds,
        namespace=api.get(inside),
        claim=api.get(f"{inside}/persistentvolumeclaims/{wanted.claim}"),
        everywhere=_listed(api, "/api/v1/persistentvolumeclaims"),
        storage_classes=_listed(api, "/apis/storage.k8s.io/v1/storageclasses"),
        secrets={name: _keys(api, f"{inside}/secrets/{name}") for name in (wanted.secret, OBJECT_STORE_SECRET)},
        nodes=_listed(api, "/api/v1/nodes"),
        quotas=_listed(api, f"{inside}/resourcequotas"),
        deployments=_listed(api, "/apis/apps/v1/deployments"),
        accounts=_listed(api, f"{inside}/serviceaccounts"),
        serving_runtimes=_of_kind(api, kinds, KSERVE, "servingruntimes", wanted.namespace),
        storage_containers=_of_kind(api, kinds, KSERVE, "clusterstoragecontainers"),
        local_queues=_of_kind(api, kinds, KUEUE, "localqueues", wanted.namespace),
        cluster_queues=_of_kind(api, kinds, KUEUE, "clusterqueues"),
        training_runtimes=_of_kind(api, kinds, TRAINER, "clustertrainingruntimes"),
    )


def _version(api: ClusterApi) -> str:
    found = api.get("/version")
    return str(found["gitVersion"]) if isinstance(found, dict) else "unknown"


def _kinds(api: ClusterApi) -> dict[str, tuple[str, ...]]:
    """Whoever has an account may ask which kinds there are."""
    groups = api.get("/apis")
    if not isinstance(groups, dict):
        raise ClusterError("the cluster must say which kinds it has, but does not: is your account known to it?")
    kinds = {}
    for group in groups["groups"]:
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
    found = api.get(path)
    if isinstance(found, Unseen):
        return found
    return [] if found is None else list(found["items"])


def _keys(api: ClusterApi, path: str) -> tuple[str, ...] | Unseen | None:
    found = api.get(path)
    return tuple(sorted(found.get("data", {}))) if isinstance(found, dict) else found


def name_of(found: Mapping[str, Any]) -> str:
    """The name of an object."""
    return str(found["metadata"]["name"])
