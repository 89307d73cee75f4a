"""The workspace: the volume claim that steps mount."""

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Object, Unseen
from components.cluster.facts import ClusterFacts, name_of, Wanted

_MANY = ("ReadWriteMany",)
_ONE_NODE = ("ReadWriteOnce", "ReadWriteMany")
_WAITS = "WaitForFirstConsumer"


def storage_answers(facts: ClusterFacts, wanted: Wanted) -> list[Answer]:
    """Answers on the claim: there, by a storage class that is there, mountable where steps run."""
    subject = f"claim {wanted.claim}"
    if isinstance(facts.claim, Unseen):
        return [unseen(subject, f"claims of {wanted.namespace}")]
    if facts.claim is None:
        return [_missing(facts, wanted, subject)]
    answer = _unusable(facts.claim, facts, wanted, subject)
    return [answer or good(subject, _told(facts.claim))]


def _missing(facts: ClusterFacts, wanted: Wanted, subject: str) -> Answer:
    elsewhere = [] if isinstance(facts.everywhere, Unseen) else facts.everywhere
    places = sorted(each["metadata"]["namespace"] for each in elsewhere if name_of(each) == wanted.claim)
    found = f"one in {', '.join(places)}, where pods of {wanted.namespace} cannot mount it" if places else "none"
    return bad(
        subject,
        asked=f"a claim of that name in {wanted.namespace}",
        found=found,
        remedy="kubectl apply -k manifests/overlays/... (manifests/README.md), or name another by --claim",
    )


def _unusable(claim: Object, facts: ClusterFacts, wanted: Wanted, subject: str) -> Answer | None:
    modes = claim["spec"].get("accessModes", [])
    # Steps of one run may lie on several nodes, a training's nodes surely do.
    asked = _MANY if wanted.profile == "nodes" else _ONE_NODE
    if not set(modes) & set(asked):
        return bad(
            subject,
            asked=f"the access mode {' or '.join(asked)}",
            found=", ".join(modes) or "none",
            remedy="a mode cannot change: copy what is on the claim, delete it, make it anew (manifests/README.md)",
        )
    phase = claim.get("status", {}).get("phase", "")
    name = claim["spec"].get("storageClassName") or _default_class(facts)
    if phase == "Lost":
        return bad(subject, asked="a bound volume", found="its volume is lost", remedy="delete it, and make one anew")
    if phase != "Bound":
        pending = _pending(name, facts, subject)
        if pending is not None:
            return pending
    if _MANY[0] not in modes and _num_nodes(facts) > 1:
        return note(
            subject,
            asked="ReadWriteMany where there are several nodes",
            found=f"{', '.join(modes)}: all steps of a run then share the claim's node",
        )
    return None


def _pending(name: str, facts: ClusterFacts, subject: str) -> Answer | None:
    """What keeps a claim that is not bound from it; None where it only waits for its first pod."""
    if isinstance(facts.storage_classes, Unseen):
        return note(subject, asked="a bound claim", found="one that is not bound yet")
    known = {name_of(each): each for each in facts.storage_classes}
    if name not in known:
        return bad(
            subject,
            asked=f"the storage class {name}" if name else "a default storage class",
            found=", ".join(sorted(known)) or "no storage class at all",
            remedy="set storageClassName in the claim to one that is there, by a patch in your overlay",
        )
    if known[name].get("volumeBindingMode") == _WAITS:
        return None
    return note(
        subject,
        asked="a bound claim",
        found=f"one that waits for a volume of the storage class {name}",
        remedy="kubectl describe pvc says what it waits for",
    )


def _default_class(facts: ClusterFacts) -> str:
    classes = [] if isinstance(facts.storage_classes, Unseen) else facts.storage_classes
    marked = "storageclass.kubernetes.io/is-default-class"
    return next(
        (name_of(each) for each in classes if each["metadata"].get("annotations", {}).get(marked) == "true"), ""
    )


def _num_nodes(facts: ClusterFacts) -> int:
    return 0 if isinstance(facts.nodes, Unseen) else len(facts.nodes)


def _told(claim: Object) -> str:
    size = claim["spec"].get("resources", {}).get("requests", {}).get("storage", "")
    bound = claim.get("status", {}).get("phase", "unknown").lower()
    return f"{size} {', '.join(claim['spec'].get('accessModes', []))}, {bound}"
