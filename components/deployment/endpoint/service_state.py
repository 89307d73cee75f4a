"""What an InferenceService says: which release is stable, which is the canary, and what we applied before.

What the deploy step writes on the object, as an annotation of its own, is all that it needs to go on or back:

    pluszero-mlops/rollout: {"stable": {predictor}, "former": {predictor}, "run": ..., "decision": ..., ...}
"""

from dataclasses import dataclass
import json
import re
from typing import Any

from components.deployment.endpoint.cluster_endpoint import predictor_service
from components.shared.contracts.deploy_spec import DeploySpec, Mode
from components.shared.contracts.inference_service import (
    marked,
    Object,
    ROLLOUT_ANNOTATION,
    SCALING,
    service_object,
)
from components.shared.contracts.releases import VERSION_ANNOTATION

STOP_ANNOTATION = "serving.kserve.io/stop"
_MODES = {"standard": "Standard", "knative": "Knative"}
# Of a canary, whose number of servers is fixed: KServe would leave an autoscaler behind for each.
_NO_AUTOSCALER = {"serving.kserve.io/autoscalerClass": "none"}
# Of a runtime's container.
_CONTAINER = "kserve-container"
# Kubernetes' bound on a Service's name, and how much of a version tells releases apart.
_LONGEST_SERVICE, _FEWEST, _MOST = 63, 6, 12


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceState:
    """What is live.

    Attributes
    ----------
    stable, canary
        Predictors as KServe gets them; None where there is none. In Knative mode the canary is the newest revision, and
        the stable one what the step applied before.
    percent
        The canary's share of the traffic.
    note
        The step's annotation; empty where there is none.
    is_stopped
        Whether KServe was told to end its servers.
    resource_version
        Of the object.
    """

    stable: Object | None
    canary: Object | None
    percent: int
    note: dict[str, Any]
    is_stopped: bool
    resource_version: str

    @property
    def stable_version(self) -> str | None:
        """The stable release."""
        return version_of(self.stable)

    @property
    def canary_version(self) -> str | None:
        """The canary's release."""
        return version_of(self.canary)


def read_state(found: Object | None) -> ServiceState | None:
    """What an InferenceService says; None where there is none."""
    if found is None:
        return None
    spec, metadata = found["spec"], found["metadata"]
    note = _note(metadata.get("annotations", {}).get(ROLLOUT_ANNOTATION))
    predictor, canary, percent = spec["predictor"], None, 0
    if spec.get("canary"):
        canary, percent = spec["canary"][0]["predictor"], int(spec["canary"][0]["trafficPercent"])
    elif "canaryTrafficPercent" in predictor:
        canary, percent = predictor, int(predictor["canaryTrafficPercent"])
        predictor = note.get("stable") or predictor
    stable = note.get("stable")
    # What others changed since is what there is.
    if stable is None or version_of(stable) != version_of(predictor):
        stable = {name: value for name, value in predictor.items() if name != "canaryTrafficPercent"}
    return ServiceState(
        stable=stable,
        canary=canary,
        percent=percent,
        note=note,
        is_stopped=metadata.get("annotations", {}).get(STOP_ANNOTATION) == "true",
        resource_version=str(metadata.get("resourceVersion", "")),
    )


def version_of(predictor: Object | None) -> str | None:
    """The release that a predictor serves: the last part of its storage URI."""
    uri = (predictor or {}).get("model", {}).get("storageUri")
    return str(uri).rstrip("/").rpartition("/")[2] if uri else None


def predictor_name(model_name: str, version: str) -> str:
    """What a release's predictor is called beside others: its Deployment and Service have the name in theirs.

    Raises
    ------
    ValueError
        If the model's name leaves no room for it.
    """
    room = _LONGEST_SERVICE - len(predictor_service(model_name, "v"))
    if room < _FEWEST:
        longest = len(model_name) - (_FEWEST - room)
        raise ValueError(
            f"model_name must have at most {longest} characters where a canary runs beside the stable release, got "
            f"{len(model_name)}: {model_name}"
        )
    return "v" + re.sub("[^a-z0-9]", "", version.lower())[: min(room, _MOST)]


def wanted_object(
    *,
    model_name: str,
    mode: Mode,
    stable: Object,
    note: dict[str, Any],
    canary: Object | None = None,
    percent: int = 0,
    is_stopped: bool = False,
    resource_version: str = "",
) -> Object:
    """The InferenceService with a stable predictor and, maybe, a canary that gets `percent` of the traffic.

    In Standard mode the canary stands in `spec.canary`, without autoscaling: as many as its share of the stable ones,
    and at least one. In Knative mode it is the new predictor, and the traffic's rest stays with the revision before.

    References
    ----------
    `validateCanarySpecs` and `canaryReplicaCount` of KServe 0.20.
    """
    stable = marked(stable)
    service = service_object(model_name, predictor=stable, mode=_MODES[mode])
    annotations = service["metadata"]["annotations"]
    annotations[ROLLOUT_ANNOTATION] = json.dumps({"stable": stable, **note}, sort_keys=True)
    if version := version_of(stable):
        annotations[VERSION_ANNOTATION] = version
    if is_stopped:
        annotations[STOP_ANNOTATION] = "true"
    if resource_version:
        service["metadata"]["resourceVersion"] = resource_version
    if canary is None:
        return service
    canary = marked(canary)
    if mode == "knative":
        service["spec"]["predictor"] = {**canary, "canaryTrafficPercent": percent}
        return service
    servers = max(1, -(-int(stable.get("minReplicas", 1)) * percent // 100))
    fixed = {name: value for name, value in canary.items() if name not in SCALING}
    # The kind's definition asks for the container's name in a canary, the webhook refuses it in the stable predictor.
    fixed["model"] = {**canary["model"], "name": _CONTAINER}
    fixed["annotations"] = {**canary["annotations"], **_NO_AUTOSCALER}
    service["spec"]["canary"] = [{"predictor": {**fixed, "minReplicas": servers}, "trafficPercent": percent}]
    return service


def scaled(predictor: Object, deploy: DeploySpec) -> Object:
    """A predictor with its number of replicas."""
    replicas = deploy.replicas
    found = {**predictor, "minReplicas": replicas.least, "maxReplicas": replicas.most}
    if replicas.target is not None:
        metric = "concurrency" if deploy.mode == "knative" else "cpu"
        found |= {"scaleTarget": replicas.target, "scaleMetric": metric}
    return found


def _note(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}  # somebody's hand: as if there were none
    return found if isinstance(found, dict) else {}
