"""What a node has for pods, and whether it takes ours."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from components.shared.contracts.cluster_spec import StepSize
from components.shared.runtime.gpu_placement import ACCELERATOR

_SUFFIXES: Mapping[str, int | Decimal] = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "Ei": 2**60,
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
}


def quantity(text: str | int) -> Decimal:
    """A Kubernetes quantity as a number: cores, bytes, GPUs."""
    said = str(text)
    for suffix, factor in _SUFFIXES.items():
        if said.endswith(suffix):
            return Decimal(said.removesuffix(suffix)) * factor
    return Decimal(said)


def readable(name: str, text: str) -> str:
    """What a node has of `cpu` or `memory`, for people: 3920m, 14.2Gi."""
    return f"{quantity(text) / 2**30:.1f}Gi" if name == "memory" else text


def allocatable(node: Mapping[str, Any]) -> dict[str, str]:
    """What pods may have of a node."""
    return dict(node["status"]["allocatable"])


def num_gpus(node: Mapping[str, Any]) -> int:
    """The GPUs that pods may have of a node."""
    return int(quantity(allocatable(node).get(ACCELERATOR, "0")))


def takes_pods(node: Mapping[str, Any], *, with_gpu: bool = False) -> bool:
    """Whether a node takes our pods: it is not cordoned, and has no taint that they do not tolerate.

    A node that is not ready has a taint. Pods that ask for a GPU tolerate the one by which clouds keep others away.
    """
    taints = node["spec"].get("taints") or []
    tolerated = {ACCELERATOR} if with_gpu else set()
    kept_away = [each for each in taints if each["effect"] != "PreferNoSchedule" and each["key"] not in tolerated]
    return not node["spec"].get("unschedulable") and not kept_away


def fits(size: StepSize, node: Mapping[str, Any]) -> bool:
    """Whether a node that is empty has room for a step."""
    room = allocatable(node)
    asked = {"cpu": size.cpu, "memory": size.memory}
    return all(quantity(room.get(name, "0")) >= quantity(amount) for name, amount in asked.items())
