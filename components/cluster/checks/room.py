"""Whether there is room: nodes, GPUs, the queue before them, the namespace's quota."""

from collections.abc import Mapping

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Object, Unseen
from components.cluster.checks.queue import queue_answer
from components.cluster.facts import KUEUE, name_of, RoomFacts
from components.cluster.node_room import allocatable, fits, num_gpus, quantity, readable, takes_pods
from components.cluster.wanted import Wanted
from components.shared.contracts.cluster_spec import StepSize
from components.shared.runtime.gpu_placement import ACCELERATOR, NODE_LABEL, NODE_LABEL_VALUE

_LESS = "ask for less in the problem file's section cluster:"
_GROWS = ", and an autoscaler may add others"


def room_answers(facts: RoomFacts, wanted: Wanted) -> list[Answer]:
    """Answers on nodes, GPUs, queue and quota."""
    answers = _node_answers(facts, wanted)
    if wanted.profile != "cpu" and facts.has(KUEUE, "localqueues"):
        answers.append(queue_answer(facts, wanted))
    return [*answers, *_quota_answers(facts, wanted)]


def _node_answers(facts: RoomFacts, wanted: Wanted) -> list[Answer]:
    if isinstance(facts.nodes, Unseen):
        subjects = ["nodes"] if wanted.profile == "cpu" else ["nodes", "GPUs"]
        return [unseen(subject, "the cluster's nodes") for subject in subjects]
    answers = [_size_answer(facts, facts.nodes, wanted)]
    # Where no node takes any pod, that is said once.
    if wanted.profile != "cpu" and (facts.may_grow or any(takes_pods(node, with_gpu=True) for node in facts.nodes)):
        answers.append(_gpu_answer(facts, facts.nodes, wanted))
    return answers


def _size_answer(facts: RoomFacts, nodes: list[Object], wanted: Wanted) -> Answer:
    """Whether each size of step fits a node: with GPUs, the training's steps look for theirs among those."""
    subject = "nodes"
    open_nodes = [node for node in nodes if takes_pods(node)]
    sizes = [wanted.spec.data] if wanted.profile != "cpu" else [wanted.spec.data, wanted.spec.training]
    lacking = [size for size in sizes if not any(fits(size, node) for node in open_nodes)]
    if not lacking:
        return good(subject, f"{len(open_nodes)} of {len(nodes)} take pods, and the largest step fits")
    found = f"at most {_room(_largest(open_nodes))}" if open_nodes else "none that takes pods"
    return _no_place(
        facts, subject, asked=f"a node with {_size(lacking[0])}", found=found, remedy=f"{_LESS}, or add a node"
    )


def _gpu_answer(facts: RoomFacts, nodes: list[Object], wanted: Wanted) -> Answer:
    subject = "GPUs"
    times = f", {wanted.num_nodes} times" if wanted.num_nodes > 1 else ""
    asked = f"a node with {wanted.gpus} of {ACCELERATOR} and the label {NODE_LABEL}={NODE_LABEL_VALUE}{times}"
    holding = [node for node in nodes if takes_pods(node, with_gpu=True) and num_gpus(node) > 0]
    labelled = [node for node in holding if node["metadata"]["labels"].get(NODE_LABEL) == NODE_LABEL_VALUE]
    large = [node for node in labelled if fits(wanted.spec.training, node)]
    if sum(num_gpus(node) // wanted.gpus for node in large) >= wanted.num_nodes:
        return good(subject, f"{sum(map(num_gpus, large))} on {len(large)} nodes")
    if labelled and not large:
        asked = f"{asked}, with {_size(wanted.spec.training)}"
        return _no_place(facts, subject, asked=asked, found=f"at most {_room(_largest(labelled))}", remedy=_LESS)
    if labelled:
        most = f"at most {max(map(num_gpus, labelled))} on one node"
        found = most if not times else f"{most}, {sum(map(num_gpus, labelled))} in all"
        return _no_place(facts, subject, asked=asked, found=found, remedy=_fewer_gpus(wanted))
    if holding:
        remedy = f"kubectl label node {name_of(holding[0])} {NODE_LABEL}={NODE_LABEL_VALUE}"
        return bad(
            subject,
            asked=asked,
            found=f"{_some(holding)} without the label",
            remedy=f"have GPU feature discovery installed, or {remedy}",
        )
    remedy = "have NVIDIA's device plugin installed, or take the profile cpu"
    return _no_place(facts, subject, asked=asked, found=f"no node with {ACCELERATOR}", remedy=remedy)


def _no_place(facts: RoomFacts, subject: str, *, asked: str, found: str, remedy: str) -> Answer:
    """What no node has now: where nodes may be added, that stops nothing."""
    if facts.may_grow:
        return note(subject, asked=asked, found=f"{found}{_GROWS}", remedy=remedy)
    return bad(subject, asked=asked, found=found, remedy=remedy)


def _fewer_gpus(wanted: Wanted) -> str:
    if wanted.profile == "gpu":
        return "set cluster: {gpus: ...} lower in the problem file"
    return "set training: {num_nodes: ..., num_processes: ...} lower in the problem file"


def _quota_answers(facts: RoomFacts, wanted: Wanted) -> list[Answer]:
    if isinstance(facts.quotas, Unseen):
        return [unseen("quota", f"the quotas of {wanted.namespace}")]
    # One with scopes holds for some pods only.
    quotas = [each for each in facts.quotas if not {"scopes", "scopeSelector"} & set(each["spec"])]
    if not quotas:
        return [good("quota", f"none in {wanted.namespace}")]
    return [_quota_answer(quota, wanted) for quota in quotas]


def _quota_answer(quota: Object, wanted: Wanted) -> Answer:
    """A quota against the largest step: too small, it never lets the pod in; in use, it lets the pod wait."""
    subject, asked = f"quota {name_of(quota)}", "room for the largest step"
    hard = quota.get("status", {}).get("hard") or quota["spec"].get("hard", {})
    used = quota.get("status", {}).get("used", {})
    sizes = {name: amount for name, amount in _largest_step(wanted).items() if name in hard}
    too_small = [name for name, amount in sizes.items() if quantity(hard[name]) < quantity(amount)]
    if too_small:
        found = "; ".join(f"it asks for {sizes[name]} of {name}, {hard[name]} in all" for name in too_small)
        remedy = f"{_LESS}, or have the quota of {wanted.namespace} raised"
        return bad(subject, asked=asked, found=f"too little: {found}", remedy=remedy)
    left = {name: quantity(hard[name]) - quantity(used.get(name, "0")) for name in sizes}
    if taken := [name for name, amount in sizes.items() if left[name] < quantity(amount)]:
        found = "; ".join(f"{used[name]} of {hard[name]} {name} in use" for name in taken)
        return note(subject, asked=asked, found=f"{found}: it waits until that is free")
    return good(subject, ", ".join(f"{name} {used.get(name, 0)} of {most}" for name, most in hard.items()))


def _largest_step(wanted: Wanted) -> dict[str, str]:
    """The most that one step's pod asks for, by a quota's names."""
    sizes = (wanted.spec.data, wanted.spec.training)
    cpu, memory = (max((getattr(size, name) for size in sizes), key=quantity) for name in ("cpu", "memory"))
    cpu_limit, memory_limit = (
        max((getattr(size, f"{name}_limit") for size in sizes), key=quantity) for name in ("cpu", "memory")
    )
    largest = {
        "requests.cpu": cpu,
        "cpu": cpu,
        "limits.cpu": cpu_limit,
        "requests.memory": memory,
        "memory": memory,
        "limits.memory": memory_limit,
        "pods": "1",
    }
    return largest if wanted.profile == "cpu" else {**largest, f"requests.{ACCELERATOR}": str(wanted.gpus)}


def _size(size: StepSize) -> str:
    return f"{size.cpu} cores and {size.memory}"


def _largest(nodes: list[Object]) -> Object:
    return max(nodes, key=lambda node: quantity(allocatable(node).get("memory", "0")))


def _room(node: Mapping[str, object]) -> str:
    has = allocatable(node)
    return f"{has.get('cpu', '0')} cores with {readable('memory', has.get('memory', '0'))}"


def _some(nodes: list[Object]) -> str:
    """The names of nodes, of many the first few."""
    names = [name_of(node) for node in nodes]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
