"""Whether nodes can have the images."""

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Unseen
from components.cluster.facts import ClusterFacts, Wanted

_NOWHERE = ("localhost/", "localhost:", "127.0.0.1")


def image_answers(facts: ClusterFacts, wanted: Wanted) -> list[Answer]:
    """An answer for each image: on the nodes already, or in a registry that they can ask."""
    if isinstance(facts.nodes, Unseen):
        return [unseen("images", "the cluster's nodes")] if wanted.images else []
    return [_answer(image, facts.nodes) for image in wanted.images]


def _answer(image: str, nodes: list[dict]) -> Answer:  # type: ignore[type-arg]
    subject = f"image {image.rpartition('/')[2].partition('@')[0]}"
    holding = [node for node in nodes if _holds(node, image)]
    if len(holding) == len(nodes) and nodes:
        return good(subject, f"on {'the node' if len(nodes) == 1 else f'all {len(nodes)} nodes'}")
    if image.startswith(_NOWHERE):
        return bad(
            subject,
            asked="an image in a registry that nodes can ask",
            found=f"{image}, which names this machine"
            + (f", on {len(holding)} of {len(nodes)} nodes" if holding else ", on no node"),
            remedy="make push-images, then compile with PLUSZERO_IMAGE_LIST (docker/README.md)",
        )
    where = f"on {len(holding)} of {len(nodes)} nodes" if holding else "on no node yet"
    return note(subject, asked="an image that nodes can pull", found=f"{image}, {where}", remedy="--pull tries it")


def _holds(node: dict, image: str) -> bool:  # type: ignore[type-arg]
    known = {name for each in node.get("status", {}).get("images", []) for name in each.get("names", [])}
    return image in known
