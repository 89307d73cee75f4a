"""Whether nodes can have the images."""

import re

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Object, Unseen
from components.cluster.facts import ClusterFacts
from components.cluster.node_room import takes_pods
from components.cluster.wanted import Wanted

_NOWHERE = ("localhost/", "localhost:", "127.0.0.1")
_TAG_AND_DIGEST = re.compile(r"(?P<name>.+?)(?P<tag>:[\w.-]+)?@(?P<digest>sha256:[0-9a-f]{64})")


def image_answers(facts: ClusterFacts, wanted: Wanted) -> list[Answer]:
    """An answer for each image: on the nodes already, or in a registry that they can ask."""
    if isinstance(facts.nodes, Unseen):
        return [unseen("images", "the cluster's nodes")] if wanted.images else []
    nodes = [node for node in facts.nodes if takes_pods(node, with_gpu=True)]
    return [_answer(image, nodes) for image in wanted.images]


def short_name(image: str) -> str:
    """An image for people: without registry and digest."""
    return image.rpartition("/")[2].partition("@")[0]


def _answer(image: str, nodes: list[Object]) -> Answer:
    subject = f"image {short_name(image)}"
    num_holding = sum(_holds(node, image) for node in nodes)
    if num_holding == len(nodes) and nodes:
        return good(subject, f"on {'the node' if len(nodes) == 1 else f'all {len(nodes)} nodes'}")
    where = f"on {num_holding} of {len(nodes)} nodes" if num_holding else "on no node yet"
    if image.startswith(_NOWHERE):
        return bad(
            subject,
            asked="an image in a registry that nodes can ask",
            found=f"{image}, which each node looks for on itself, {where}",
            remedy="make push-images, then set PLUSZERO_IMAGE_LIST for make compile and for this command "
            "(docs/cluster.md)",
        )
    # A node lists the 50 largest of its images.
    return note(subject, asked="an image that nodes can pull", found=f"{image}, {where}", remedy="--pull tries it")


def _holds(node: Object, image: str) -> bool:
    """Whether a node lists an image: by its tag, or by its digest, never by both in one."""
    known = {name for each in node["status"]["images"] for name in each.get("names") or []}
    found = _TAG_AND_DIGEST.fullmatch(image)
    return (image if found is None else f"{found['name']}@{found['digest']}") in known
