"""GPUs that the node only says it has: the scheduler counts them, and no pod sees one."""

import json

from components.shared.runtime.gpu_placement import ACCELERATOR, NODE_LABEL, NODE_LABEL_VALUE
from tests.cluster.cluster import Cluster


def give_gpus(cluster: Cluster, num: int) -> None:
    """Let the node say that it has so many, with the label by which ours are found."""
    amount = {ACCELERATOR: str(num)}
    status = {"status": {"capacity": amount, "allocatable": amount}}
    cluster.kubectl("patch", "node/node", "--subresource=status", "--type=merge", "-p", json.dumps(status))
    cluster.kubectl("label", "node/node", f"{NODE_LABEL}={NODE_LABEL_VALUE}")


def take_gpus(cluster: Cluster) -> None:
    """Let the node be as it was."""
    cluster.kubectl("label", "node/node", f"{NODE_LABEL}-")
    name = ACCELERATOR.replace("/", "~1")
    nothing = [{"op": "remove", "path": f"/status/{part}/{name}"} for part in ("capacity", "allocatable")]
    cluster.kubectl("patch", "node/node", "--subresource=status", "--type=json", "-p", json.dumps(nothing))
