"""Whether there is room: nodes, GPUs, the queue before them, the namespace's quota."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from components.cluster.answers import Answer, bad, good, unseen
from components.cluster.api import Object, Unseen
from components.cluster.facts import ClusterFacts, KUEUE, name_of, Wanted
from components.shared.contracts.cluster_spec import StepSize
from components.shared.runtime.gpu_placement import ACCELERATOR, NODE_LABEL, NODE_LABEL_VALUE, QUEUE

_SUFFIXES: dict[str, int | Decimal] = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
}
_LESS = "ask for less in the problem file's section cluster:"
_SUFFIXES |= {"T": 10**12, "m": Decimal("0.001")}


def room_answers(facts: ClusterFacts, wanted: Wanted) -> list[Answer]:
    """Answers on nodes, GPUs, queue and quota."""
    answers = [_node_answer(facts, wanted)]
    if wanted.profile != "cpu":
        answers.append(_gpu_answer(facts, wanted))
        if facts.has_group(KUEUE):
            answers.append(_queue_answer(facts, wanted))
    return [*answers, *_quota_answers(facts, wanted)]


def quantity(text: str) -> Decimal:
    """A Kubernetes quantity as a number: cores, bytes."""
    for suffix, factor in _SUFFIXES.items():
        if text.endswith(suffix):
            return Decimal(text.removesuffix(suffix)) * factor
    return Decimal(text)


def _node_answer(facts: ClusterFacts, wanted: Wanted) -> Answer:
    subject, size = "nodes", _largest(wanted)
    asked = f"a node with {size.cpu} cores and {size.memory} for its largest step"
    if isinstance(facts.nodes, Unseen):
        return unseen(subject, "the cluster's nodes")
    rooms = [_allocatable(node) for node in facts.nodes if not node["spec"].get("unschedulable")]
    if any(_fits(size, room) for room in rooms):
        return good(subject, f"{len(rooms)}, of which one has room for {size.cpu} cores and {size.memory}")
    largest = max(rooms, key=lambda room: quantity(room.get("memory", "0")), default={})
    found = (
        f"at most {largest.get('cpu', 0)} cores with {largest.get('memory', 0)}" if rooms else "none that takes pods"
    )
    return bad(subject, asked=asked, found=found, remedy=f"{_LESS}, or add a node")


def _fits(size: StepSize, room: Mapping[str, str]) -> bool:
    asked = {"cpu": size.cpu, "memory": size.memory}
    return all(quantity(room.get(name, "0")) >= quantity(amount) for name, amount in asked.items())


def _gpu_answer(facts: ClusterFacts, wanted: Wanted) -> Answer:
    subject = "GPUs"
    asked = f"a node with {wanted.spec.gpus} of {ACCELERATOR} and the label {NODE_LABEL}={NODE_LABEL_VALUE}"
    if isinstance(facts.nodes, Unseen):
        return unseen(subject, "the cluster's nodes")
    holding = [node for node in facts.nodes if quantity(_allocatable(node).get(ACCELERATOR, "0")) > 0]
    labelled = [node for node in holding if node["metadata"].get("labels", {}).get(NODE_LABEL) == NODE_LABEL_VALUE]
    most = max((int(quantity(_allocatable(node)[ACCELERATOR])) for node in labelled), default=0)
    if most >= wanted.spec.gpus:
        return good(subject, f"{len(labelled)} nodes, with up to {most} each")
    if labelled:
        return bad(subject, asked=asked, found=f"at most {most} on one node", remedy="set cluster: {gpus: ...} lower")
    if holding:
        names = ", ".join(map(name_of, holding))
        return bad(
            subject,
            asked=asked,
            found=f"{names} without the label",
            remedy=f"have GPU feature discovery installed, or kubectl label node {name_of(holding[0])} "
            f"{NODE_LABEL}={NODE_LABEL_VALUE}",
        )
    return bad(
        subject,
        asked=asked,
        found=f"no node with {ACCELERATOR}",
        remedy="have NVIDIA's device plugin installed, or take the profile cpu",
    )


def _queue_answer(facts: ClusterFacts, wanted: Wanted) -> Answer:
    subject = f"queue {QUEUE}"
    if isinstance(facts.local_queues, Unseen):
        return unseen(subject, f"the queues of {wanted.namespace}")
    queue = next((each for each in facts.local_queues if name_of(each) == QUEUE), None)
    if queue is None:
        return bad(
            subject,
            asked=f"Kueue's LocalQueue {QUEUE} in {wanted.namespace}: GPU steps name it",
            found=", ".join(map(name_of, facts.local_queues)) or "none",
            remedy="kubectl apply -k manifests/overlays/prod-gpu, or the -gpu overlay of your Kubeflow",
        )
    behind = queue["spec"].get("clusterQueue", "")
    if isinstance(facts.cluster_queues, Unseen):
        return unseen(subject, f"the ClusterQueue {behind} behind it")
    cluster_queue = next((each for each in facts.cluster_queues if name_of(each) == behind), None)
    if cluster_queue is None:
        return bad(
            subject,
            asked=f"the ClusterQueue {behind} behind it",
            found=", ".join(map(name_of, facts.cluster_queues)) or "none",
            remedy=f"have an administrator make it, or name another in the LocalQueue {QUEUE}",
        )
    if reason := _inactive(cluster_queue):
        return bad(
            subject,
            asked=f"an active ClusterQueue {behind}",
            found=reason,
            remedy="have an administrator mend its quota",
        )
    return good(subject, f"of the ClusterQueue {behind}")


def _inactive(cluster_queue: Object) -> str:
    for condition in cluster_queue.get("status", {}).get("conditions", []):
        if condition.get("type") == "Active" and condition.get("status") == "False":
            return str(condition.get("message") or "an inactive one")
    return ""


def _quota_answers(facts: ClusterFacts, wanted: Wanted) -> list[Answer]:
    if isinstance(facts.quotas, Unseen):
        return [unseen("quota", f"the quotas of {wanted.namespace}")]
    if not facts.quotas:
        return [good("quota", f"none in {wanted.namespace}")]
    return [_quota_answer(quota, wanted) for quota in facts.quotas]


def _quota_answer(quota: Object, wanted: Wanted) -> Answer:
    """What a quota leaves, against what the largest step asks for: its pod is refused where that is more."""
    subject = f"quota {name_of(quota)}"
    hard = quota.get("status", {}).get("hard") or quota["spec"].get("hard", {})
    used = quota.get("status", {}).get("used", {})
    short = [
        f"{amount} of {name}, {_left(hard[name], used.get(name, '0'))} left"
        for name, amount in _asked(wanted).items()
        if name in hard and quantity(hard[name]) - quantity(used.get(name, "0")) < quantity(amount)
    ]
    if not short:
        return good(subject, ", ".join(f"{name} {used.get(name, 0)} of {most}" for name, most in hard.items()))
    return bad(
        subject,
        asked="room for the largest step",
        found=f"too little: it asks for {'; '.join(short)}",
        remedy=f"{_LESS}, or have the quota of {wanted.namespace} raised",
    )


def _asked(wanted: Wanted) -> dict[str, str]:
    size = _largest(wanted)
    asked = {
        "requests.cpu": size.cpu,
        "cpu": size.cpu,
        "limits.cpu": size.cpu_limit,
        "requests.memory": size.memory,
        "memory": size.memory,
        "limits.memory": size.memory_limit,
        "pods": "1",
    }
    return asked if wanted.profile == "cpu" else {**asked, f"requests.{ACCELERATOR}": str(wanted.spec.gpus)}


def _largest(wanted: Wanted) -> StepSize:
    return max(wanted.spec.data, wanted.spec.training, key=lambda size: (quantity(size.memory), quantity(size.cpu)))


def _left(hard: str, used: str) -> str:
    left = quantity(hard) - quantity(used)
    return f"{used} of {hard} used" if left > 0 else "nothing"


def _allocatable(node: Mapping[str, Any]) -> dict[str, str]:
    return dict(node.get("status", {}).get("allocatable", {}))
