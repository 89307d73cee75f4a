"""Whether what was asked of an endpoint is there, and why it is not: the pods' own words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.deployment.endpoint.cluster_endpoint import ClusterEndpoint, Object
from components.deployment.endpoint.service_state import ServiceState
from components.shared.contracts.deploy_spec import Mode
from components.shared.contracts.inference_service import mark_of, VERSION_LABEL

# Of a container that waits, what will not pass by waiting.
_CRASHING = "CrashLoopBackOff"
_STUCK = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError", _CRASHING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hindrance:
    """Why a release is not ready.

    Attributes
    ----------
    reason
        One sentence.
    log_end
        The last lines of the container that it is about; empty where it logged nothing.
    """

    reason: str
    log_end: str = ""


def pods_of(pods: Sequence[Object], version: str) -> list[Object]:
    """Pods of a release."""
    return [pod for pod in pods if pod["metadata"].get("labels", {}).get(VERSION_LABEL) == version]


def is_pod_ready(pod: Object) -> bool:
    """Whether a pod takes requests."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def is_ready(found: Object, state: ServiceState, pods: Sequence[Object], version: str, *, mode: Mode) -> bool:
    """Whether a release takes requests: a pod of it as it was asked for is ready, and KServe says so.

    KServe does not say which generation of the object its status is about (in Standard mode `observedGeneration` is
    that of a Deployment): pods are told by their mark, and in Standard mode those of before must be gone.

    Parameters
    ----------
    found, state
        The InferenceService, and what it says.
    pods
        All its pods.
    version
        The release, stable or canary.
    """
    predictor = (state.canary if version == state.canary_version else state.stable) or {}
    status, own = found.get("status", {}), _pods_as_asked(pods, version, mark_of(predictor))
    if not any(is_pod_ready(pod) for pod in own):
        return False
    if mode == "standard" and version == state.canary_version:
        return any(each["name"] == predictor["name"] and each["ready"] for each in status.get("canaryStatuses", ()))
    if mode == "standard":
        canaries = pods_of(pods, state.canary_version) if state.canary_version else []
        if len(own) + len(canaries) < len(pods):
            return False
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", ()))


def _pods_as_asked(pods: Sequence[Object], version: str, mark: str) -> list[Object]:
    """Pods of a release with the settings that a mark stands for."""
    return [pod for pod in pods_of(pods, version) if mark_of(pod["metadata"]) == mark]


def hindrance(endpoint: ClusterEndpoint, found: Object, state: ServiceState, version: str) -> Hindrance:
    """Why a release is not ready, as far as the cluster tells: its pods, those that were refused, KServe."""
    pods = pods_of(endpoint.pods(), version)
    for pod in pods:
        if (told := _of_pod(endpoint, pod)) is not None:
            return told
    if not pods:
        predictor = state.canary if version == state.canary_version else state.stable
        deployment = endpoint.deployment((predictor or {}).get("name"))
        if (message := _refused_pods(deployment)) is not None:
            return Hindrance(reason=f"no pod of it could be made: {message}")
    if (message := _of_service(found)) is not None:
        return Hindrance(reason=message)
    if pods:
        return Hindrance(reason=f"its pod {pods[0]['metadata']['name']} runs, and is not ready yet")
    # What it fails at before there is a Deployment is nowhere but in its events.
    return Hindrance(
        reason="KServe has made no pod of it; where its controller runs, events say why: "
        f"`kubectl get events -n {endpoint.namespace} --field-selector involvedObject.name={endpoint.name}`"
    )


def is_stuck(pods: Sequence[Object], version: str) -> bool:
    """Whether a pod of a release waits for what will not come by waiting."""
    statuses = [status for pod in pods_of(pods, version) for status in _container_statuses(pod)]
    return any(status.get("state", {}).get("waiting", {}).get("reason") in _STUCK for status in statuses)


def _of_pod(endpoint: ClusterEndpoint, pod: Object) -> Hindrance | None:
    name = pod["metadata"]["name"]
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return Hindrance(reason=f"no node takes its pod {name}: {_words(condition)}")
    for status in _container_statuses(pod):
        container, state = status["name"], status.get("state", {})
        restarts = status.get("restartCount", 0)
        waiting = state.get("waiting", {})
        if waiting.get("reason") in _STUCK and waiting["reason"] != _CRASHING:
            return Hindrance(reason=f"the container {container} of its pod {name} waits: {_words(waiting)}")
        ended = state.get("terminated") or status.get("lastState", {}).get("terminated")
        if ended and ended.get("exitCode") != 0:
            log = endpoint.last_lines(name, container, of_former="terminated" not in state)
            times = f"{restarts} times" if restarts != 1 else "once"
            return Hindrance(
                reason=f"the container {container} of its pod {name} ended by itself with exit code "
                f"{ended.get('exitCode')} ({ended.get('reason', 'no reason given')}), and was restarted {times}",
                log_end=log or str(ended.get("message", "")).strip(),
            )
    return None


def _container_statuses(pod: Object) -> list[Object]:
    status = pod["status"]
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _refused_pods(deployment: Object | None) -> str | None:
    """What the cluster says to pods that it would not have: a quota, a webhook, pod security."""
    for condition in (deployment or {}).get("status", {}).get("conditions", ()):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return _words(condition)
    return None


def _of_service(found: Object) -> str | None:
    status = found.get("status", {})
    failure = status.get("modelStatus", {}).get("lastFailureInfo") or {}
    if failure.get("message"):
        return f"KServe says: {_words(failure)}"
    for condition in status.get("conditions", ()):
        if condition["status"] == "False" and condition.get("message"):
            return f"KServe says of {condition['type']}: {_words(condition)}"
    return None


def _words(told: dict[str, Any]) -> str:
    parts = [str(told[name]) for name in ("reason", "message") if told.get(name)]
    return " ".join(": ".join(parts).split()) or "no reason given"
