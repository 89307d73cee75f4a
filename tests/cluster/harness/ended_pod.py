"""Waits for a pod that runs once."""

import time

from tests.cluster.cluster import Cluster


def ended_phase(cluster: Cluster, namespace: str, name: str, *, patience_s: float = 120) -> str:
    """`Succeeded` or `Failed`; the phase it is in where `patience_s` has passed."""
    asked = ("get", "-n", namespace, f"pod/{name}", "-o", "jsonpath={.status.phase}")
    give_up = time.monotonic() + patience_s
    while (phase := cluster.kubectl(*asked)) not in ("Succeeded", "Failed") and time.monotonic() < give_up:
        time.sleep(0.25)
    return phase
