"""Whether Kueue's queue lets GPU steps in: it is there, active, open to the namespace, with quota for the largest."""

from collections.abc import Mapping, Sequence

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Object, Unseen
from components.cluster.facts import name_of, names_of, RoomFacts
from components.cluster.node_room import quantity
from components.cluster.wanted import Wanted
from components.shared.runtime.gpu_placement import ACCELERATOR, QUEUE

_SUBJECT = f"queue {QUEUE}"


def queue_answer(facts: RoomFacts, wanted: Wanted) -> Answer:
    """An answer on the queue that GPU steps and train jobs name by their label."""
    if isinstance(facts.local_queues, Unseen):
        return unseen(_SUBJECT, f"the queues of {wanted.namespace}")
    queue = next((each for each in facts.local_queues if name_of(each) == QUEUE), None)
    if queue is None:
        return bad(
            _SUBJECT,
            asked=f"Kueue's LocalQueue {QUEUE} in {wanted.namespace}, for which GPU steps wait",
            found=names_of(facts.local_queues),
            remedy="manifests/overlays/prod-gpu, or the -gpu overlay of your Kubeflow, has it (manifests/README.md)",
        )
    behind = str(queue["spec"].get("clusterQueue", ""))
    if isinstance(facts.cluster_queues, Unseen):
        if reason := _inactive(queue):
            return _stopped(f"an active queue of the ClusterQueue {behind}", reason, behind)
        return unseen(_SUBJECT, f"the ClusterQueue {behind} behind it")
    found = next((each for each in facts.cluster_queues if name_of(each) == behind), None)
    if found is None:
        return bad(
            _SUBJECT,
            asked=f"the ClusterQueue {behind} behind it",
            found=names_of(facts.cluster_queues),
            remedy=f"have an administrator make it, or name another in the LocalQueue {QUEUE}",
        )
    if reason := _inactive(found) or _inactive(queue):
        return _stopped(f"an active ClusterQueue {behind}", reason, behind)
    return _cluster_queue_answer(facts, found, wanted)


def _cluster_queue_answer(facts: RoomFacts, found: Object, wanted: Wanted) -> Answer:
    spec, behind = found.get("spec", {}), name_of(found)
    if not _takes(spec.get("namespaceSelector"), facts.namespace):
        return bad(
            _SUBJECT,
            asked=f"a ClusterQueue {behind} that takes pods of {wanted.namespace}",
            found=f"the namespaceSelector {_said(spec.get('namespaceSelector'))}",
            remedy="have an administrator widen it: {} takes every namespace, and none at all takes no namespace",
        )
    groups = spec.get("resourceGroups") or []
    asked = _largest_workload(wanted)
    covered = {name for group in groups for name in group.get("coveredResources", [])}
    missing = [name for name in asked if name not in covered]
    if groups and missing:
        return note(
            _SUBJECT,
            asked=f"a ClusterQueue {behind} with quota for all that steps ask for",
            found=f"none for {', '.join(missing)}",
            remedy="have an administrator add it, unless Kueue is set up to leave it out (excludeResourcePrefixes)",
        )
    return _quota_answer(spec, behind, asked)


def _quota_answer(spec: Object, behind: str, asked: Mapping[str, str]) -> Answer:
    """What one workload asks for must be within one flavor's quota; in use, it becomes free."""
    small = [each for group in spec.get("resourceGroups") or [] for each in _too_small(group, asked)]
    if not small:
        return good(_SUBJECT, f"of the ClusterQueue {behind}")
    told = {
        "asked": f"a ClusterQueue {behind} with quota for the largest step or train job",
        "found": "too little: " + "; ".join(small),
    }
    if cohort := spec.get("cohortName") or spec.get("cohort"):
        return note(_SUBJECT, **told, remedy=f"none, where its cohort {cohort} lends the rest")
    remedy = f"ask for less in the problem file, or have an administrator raise the quota of the ClusterQueue {behind}"
    return bad(_SUBJECT, **told, remedy=remedy)


def _too_small(group: Object, asked: Mapping[str, str]) -> Sequence[str]:
    """What of a group's resources no flavor has enough of: that of the flavor that lacks least; empty where one has."""
    lacking = []
    for flavor in group.get("flavors") or []:
        quotas = {each["name"]: str(each.get("nominalQuota", "0")) for each in flavor.get("resources", [])}
        lacking.append(
            [
                f"it asks for {asked[name]} of {name}, {most} in the flavor {flavor['name']}"
                for name, most in quotas.items()
                if name in asked and quantity(most) < quantity(asked[name])
            ]
        )
    return min(lacking, key=len, default=[])


def _largest_workload(wanted: Wanted) -> dict[str, str]:
    """What the training asks for as one: a step's pod, or all nodes of a train job, which start together."""
    size = {"cpu": wanted.spec.training.cpu, "memory": wanted.spec.training.memory, ACCELERATOR: str(wanted.gpus)}
    if wanted.num_nodes == 1:
        return size
    total = {name: quantity(amount) * wanted.num_nodes for name, amount in size.items()}
    memory = f"{total['memory'] / 2**20:f}".rstrip("0").rstrip(".") + "Mi"
    return {"cpu": f"{total['cpu'].normalize():f}", "memory": memory, ACCELERATOR: f"{total[ACCELERATOR]:f}"}


def _takes(selector: Object | None, namespace: Object | Unseen | None) -> bool:
    """Whether a ClusterQueue takes a namespace's pods, as Kueue reads its selector; True where nobody may look."""
    if selector is None:
        return False
    if not isinstance(namespace, dict):
        return True
    labels = namespace["metadata"].get("labels") or {}
    wanted = (selector.get("matchLabels") or {}).items()
    expressions = selector.get("matchExpressions") or []
    return all(labels.get(key) == value for key, value in wanted) and all(_meets(labels, each) for each in expressions)


def _meets(labels: Mapping[str, str], expression: Object) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    holds = {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return holds[operator]


def _said(selector: Object | None) -> str:
    return "of none" if selector is None else str(selector)


def _stopped(asked: str, reason: str, behind: str) -> Answer:
    return bad(_SUBJECT, asked=asked, found=reason, remedy=f"have an administrator mend the ClusterQueue {behind}")


def _inactive(queue: Object) -> str:
    """Why a LocalQueue or a ClusterQueue lets nothing in; empty where it does."""
    for condition in queue.get("status", {}).get("conditions") or []:
        if condition.get("type") == "Active" and condition.get("status") == "False":
            return str(condition.get("message") or "an inactive one")
    return ""
