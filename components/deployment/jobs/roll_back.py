"""One command back: a canary is taken away, or the release before the stable one takes its place again."""

from dataclasses import dataclass
import logging
from typing import Any

from components.deployment.endpoint.cluster_endpoint import ClusterEndpoint, Object, OvertakenError
from components.deployment.endpoint.service_state import read_state, ServiceState, version_of, wanted_object
from components.deployment.rollout.record import now
from components.shared.contracts.champion import promote, read_champion
from components.shared.contracts.deploy_spec import Mode
from components.shared.contracts.inference_service import MODE_ANNOTATION
from components.shared.contracts.releases import open_releases

logger = logging.getLogger(__name__)

_MOST_OVERTAKEN = 20
# As it is called, and was before KServe 0.16.
_KNATIVE = ("Knative", "Serverless")


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledBack:
    """What a rollback did.

    Attributes
    ----------
    taken_back, stable
        The release that was taken back, and the one that has all the traffic.
    model_root
        Where the releases lie, as the stable one's storage URI says.
    """

    taken_back: str | None
    stable: str | None
    model_root: str


def roll_back(endpoint: ClusterEndpoint, *, reason: str) -> RolledBack:
    """Take a canary back; where there is none, the stable release, for the one before it.

    A rollout that is under way ends by itself when its canary is gone. Done twice, the second one goes forth again.

    Parameters
    ----------
    endpoint
        The InferenceService; fields that others have set are an error unless it takes over.
    reason
        Why, in words.

    Raises
    ------
    FileNotFoundError
        If there is no such InferenceService.
    ValueError
        If there is nothing to go back to, no reason is said, or the cluster does not allow it.
    ClusterError
        If the cluster does not answer.
    """
    if not reason.strip():
        raise ValueError("a rollback must say why, in words, got nothing")
    for _ in range(_MOST_OVERTAKEN):
        found = endpoint.read()
        state = read_state(found)
        if found is None or state is None:
            raise FileNotFoundError(
                f"namespace {endpoint.namespace} must have an InferenceService {endpoint.name}, but has none"
            )
        try:
            done = _rolled_back(endpoint, found, state, reason)
        except OvertakenError as error:
            logger.info("read again: %s", error)
            continue
        if done is not None:
            return done
    raise ValueError(f"the InferenceService {endpoint.name} changes faster than it is applied: try again")


def move_champion(done: RolledBack, *, model_name: str, reason: str, by: str, registry: str = "") -> None:
    """Move the champion to the release that is stable again.

    Raises
    ------
    ValueError
        If the store cannot be read or written.
    FileNotFoundError
        If it holds no releases of that name.
    """
    assert done.stable is not None
    releases = open_releases(done.model_root, model_name)
    champion = read_champion(releases)
    promote(
        releases,
        done.stable,
        expected=champion.version if champion else None,
        promoted_by=by,
        reason=f"rolled back from {done.taken_back}: {reason}",
        registry=registry,
    )


def _rolled_back(endpoint: ClusterEndpoint, found: Object, state: ServiceState, reason: str) -> RolledBack | None:
    """Go one step back; None where the canary has only lost its traffic, and the rest is to come."""
    mode = _mode_of(found)
    note: dict[str, Any] = {"run": "by hand", "decision": "rolled back", "reason": reason, "at": now()}
    if state.canary is not None:
        stable, former, taken = state.stable, state.note.get("former"), state.canary_version
    else:
        stable, former, taken = state.note.get("former"), state.stable, state.stable_version
    if stable is None:
        raise ValueError(
            f"the InferenceService {endpoint.name} must tell which release was before {taken}, but it has had no other "
            "by a deployment step: apply the inferenceservice.yaml of the release that you want"
        )
    if state.canary is not None and state.percent:
        # Nobody is sent to servers that go; in Knative mode, until a revision like the former is ready.
        canary = {key: value for key, value in state.canary.items() if key != "canaryTrafficPercent"}
        aside = wanted_object(
            model_name=endpoint.name, mode=mode, stable=stable, note={**note, "former": former},
            canary=canary, percent=0, resource_version=state.resource_version,
        )  # fmt: skip
        endpoint.apply(aside)
        if mode == "standard":
            endpoint.await_unrouted(str(canary["name"]))
        return None
    endpoint.apply(
        wanted_object(
            model_name=endpoint.name,
            mode=mode,
            stable=stable,
            note={**note, "former": former},
            resource_version=state.resource_version,
        )
    )
    uri = str(stable["model"]["storageUri"]).rstrip("/")
    return RolledBack(taken_back=taken, stable=version_of(stable), model_root=uri.rpartition("/")[0].rpartition("/")[0])


def _mode_of(found: Object) -> Mode:
    """The deployment mode that an InferenceService asks for, else the one that KServe says it has."""
    asked = found["metadata"].get("annotations", {}).get(MODE_ANNOTATION)
    said = asked or found.get("status", {}).get("deploymentMode", "Standard")
    return "knative" if said in _KNATIVE else "standard"
