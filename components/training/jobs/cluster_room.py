"""Whether the cluster has room for the run that begins, as far as the step's account may look."""

import logging

from components.cluster.api import ACCOUNT_FOLDER, ClusterApi, ClusterError, KubernetesApi
from components.cluster.look import no_room
from components.cluster.wanted import profile_named, wanted_of
from components.shared.contracts.problem import Problem
from components.shared.runtime.redaction import masked
from components.shared.runtime.step_record import this_run

logger = logging.getLogger(__name__)

# A run does not wait for a cluster that does not answer.
_ANSWER_S = 5.0


def refuse_without_room(problem: Problem, profile: str, *, api: ClusterApi | None = None) -> None:
    """Refuse a run whose steps would wait in vain for nodes, GPUs, their queue or quota; on a desk, do nothing.

    What the step's account may not see stops nothing, nor does a cluster that does not answer within seconds.

    Parameters
    ----------
    problem
        The problem file: its sizes, GPUs and nodes.
    profile
        What the pipeline is compiled for: `gpu`, `cpu` or `nodes`.
    api
        How the cluster is asked; by default with the account of the step's pod.

    Raises
    ------
    ValueError
        If there is no such profile, or no room, with what is lacking and what mends it.
    """
    name, namespace = profile_named(profile), _namespace()
    if namespace is None:
        return
    wanted = wanted_of(problem, namespace=namespace, profile=name)
    try:
        lacking = no_room(api or KubernetesApi(timeout_s=_ANSWER_S), wanted)
    except ClusterError as error:
        logger.info("whether the cluster has room is not known: %s", masked(str(error)))
        return
    if lacking:
        raise ValueError(f"the cluster must have room for the run, but has none: {'; '.join(lacking)}")


def _namespace() -> str | None:
    """The namespace of this step's pod; None where it runs on a desk, or has no account."""
    files = (ACCOUNT_FOLDER / "token", ACCOUNT_FOLDER / "namespace")
    if this_run() is None or not all(file.is_file() for file in files):
        return None
    return files[1].read_text(encoding="utf-8").strip()
