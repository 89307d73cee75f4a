"""How far a TrainJob has come, read off the object and its pods as the API server gives them."""

from collections.abc import Iterable, Sequence
from typing import Any

from components.training.kubeflow_job.manifest import NODE
from components.training.kubeflow_job.train_job import JobState

Object = dict[str, Any]

# 128 and SIGTERM's number.
_TOLD_TO_STOP = "exit code 143"
# Labels that JobSet and Job put on pods.
JOB_LABEL = "jobset.sigs.k8s.io/jobset-name"
ROLE_LABEL = "jobset.sigs.k8s.io/replicatedjob-name"
RANK_LABEL = "batch.kubernetes.io/job-completion-index"


def job_state(job: Object, pods: Sequence[Object], gone: Sequence[Object] = ()) -> JobState:
    """How far a TrainJob has come, from the object and the pods of its nodes, in any order, earlier tries included.

    A job that is being deleted counts as failed: nothing more comes of it. The reason of a failure is that of the node
    which ended first, for the others end because it did. JobSet restarts a node's container some times and then
    deletes all pods: `gone` are those that are no longer there, as they were last seen.
    """
    conditions = {
        each["type"]: each for each in job.get("status", {}).get("conditions", []) if each["status"] == "True"
    }
    if "deletionTimestamp" in job["metadata"]:
        return JobState(phase="failed", reason="it is being deleted")
    if "Complete" in conditions:
        return JobState(phase="complete")
    if "Failed" in conditions:
        return _failure(conditions["Failed"], newest_by_rank([*pods, *gone]))
    if "Suspended" in conditions or job["spec"].get("suspend"):
        return JobState(phase="queued", reason=_said(conditions.get("Suspended", {})))
    nodes = newest_by_rank(pods)
    if sum(_phase(pod) in ("Running", "Succeeded") for pod in nodes) == job["spec"]["trainer"]["numNodes"]:
        return JobState(phase="running")
    for pod in nodes:
        if reason := _waits_for(pod):
            return JobState(phase="starting", reason=f"{node_name(pod)} waits: {reason}", node=node_name(pod))
    return JobState(phase="starting")


def newest_by_rank(pods: Iterable[Object]) -> list[Object]:
    """The newest pod of every node, by rank: a node that failed may have been tried again."""
    newest = {_rank(pod): pod for pod in sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])}
    return [newest[rank] for rank in sorted(newest)]


def node_name(pod: Object) -> str:
    """Rank and pod, as logs and errors say it."""
    return f"node {_rank(pod)} ({pod['metadata']['name']})"


def has_started(pod: Object) -> bool:
    """Whether there may be something in its log."""
    return _phase(pod) != "Pending"


def _rank(pod: Object) -> int:
    return int(pod["metadata"]["labels"][RANK_LABEL])


def _phase(pod: Object) -> str:
    return str(pod.get("status", {}).get("phase", "Pending"))


def _failure(condition: Object, pods: Sequence[Object]) -> JobState:
    # A job whose time is up ends its nodes itself: how they ended says nothing.
    is_up = condition["reason"] == "DeadlineExceeded"
    ended, restarted = ([], []) if is_up else (_bad_ends(pods), _bad_ends(pods, of_restarted=True))
    if not ended and not restarted:
        return JobState(phase="failed", reason=_said(condition))
    # A node that was told to stop ended because another one had failed, which may just have been started again.
    by_itself = [[end for end in ends if _TOLD_TO_STOP not in end[2]] for ends in (ended, restarted)]
    _, node, how = min(by_itself[0] or by_itself[1] or ended or restarted)
    return JobState(phase="failed", reason=f"{node} {how}", node=node)


def _bad_ends(pods: Sequence[Object], *, of_restarted: bool = False) -> list[tuple[str, str, str]]:
    """When each node that ended badly did so (RFC 3339), which it is, and how it ended."""
    found = []
    for pod in pods:
        for status in _container_statuses(pod):
            ended = _end(status, of_restarted=of_restarted)
            if ended and ended["exitCode"] != 0:
                reason = ended.get("reason", "Error")
                said = "" if reason == "Error" else f" ({reason})"
                how = f"ended with exit code {ended['exitCode']}{said}"
                found.append((ended.get("finishedAt", ""), node_name(pod), how))
        if "reason" in pod.get("status", {}) and _phase(pod) == "Failed":
            # Evicted, preempted or lost with its machine: the pod says it, not the container.
            how = f"failed: {_said(pod['status'])}"
            found.append((pod["metadata"].get("deletionTimestamp", ""), node_name(pod), how))
    return found


def _end(status: Object, *, of_restarted: bool) -> Object | None:
    """How a container has ended; of one that waits to be restarted, or runs again, how it did before."""
    state = status.get("state", {})
    if "running" in state and not of_restarted:
        return None
    found: Object | None = state.get("terminated") or status.get("lastState", {}).get("terminated")
    return found


def _waits_for(pod: Object) -> str:
    if _phase(pod) != "Pending":
        return ""
    for status in _container_statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return _said(waiting)
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return _said(condition)
    return ""


def _container_statuses(pod: Object) -> list[Object]:
    found = pod.get("status", {}).get("containerStatuses", [])
    return [status for status in found if status["name"] == NODE]


def _said(found: Object) -> str:
    """Reason and message, as part of a sentence."""
    return ": ".join(part.rstrip(".") for part in (found.get("reason", ""), found.get("message", "")) if part)
