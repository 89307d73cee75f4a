"""One InferenceService on a cluster: read, applied by its server with our own field manager, and looked at.

What passes (an answer of 429 or 5xx, a connection that breaks) is tried again for some minutes; what does not is one
sentence.
"""

from collections.abc import Callable
import json
import logging
import re
import time
from typing import Any, Protocol
import urllib.parse

from components.cluster.api import ClusterError, words_of
from components.shared.runtime.cluster_versions import too_old

logger = logging.getLogger(__name__)

Object = dict[str, Any]

MANAGER = "pluszero-deploy"
_SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices"
_ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
_PODS = "/api/v1/namespaces/{}/pods"
# Of pods and Deployments, KServe's.
SERVICE_LABEL = "serving.kserve.io/inferenceservice"
_LOG_LINES = 20
_OK, _FORBIDDEN, _GONE, _CONFLICT, _ERROR = 200, 403, 404, 409, 400
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0
# Until KServe has changed a route, and until gateways have heard of it.
_ROUTE_LOOKS, _ROUTE_LOOK_S, _GATEWAY_S = 30, 1.0, 3.0
_FIELD_CONFLICT = "Apply failed with"
_UNKNOWN_FIELD = "field not declared in schema|unknown field|no matches for kind|could not find the requested resource"


class RefusedError(ValueError):
    """The cluster does not take what is asked; one sentence with the remedy."""


class OvertakenError(RuntimeError):
    """The object was changed since it was read."""


class Asked(Protocol):
    """How a cluster is asked: `components.cluster.api.KubernetesApi`."""

    def call(self, method: str, path: str, body: str | None = None, kind: str = "") -> tuple[int, str]:
        """Status and body of the answer to one request; ClusterError where there is none."""


class ClusterEndpoint:
    """The InferenceService of a model in a namespace.

    Parameters
    ----------
    api
        The cluster.
    namespace, name
        Which one.
    take_over
        Whether fields that another manager has set are overwritten.
    patience_s
        Seconds for which a cluster that does not answer is asked again.

    Raises
    ------
    RefusedError
        From its methods, if the cluster says no: a right that is missing, a field that it does not know or that another
        manager has set, a webhook's or a quota's refusal.
    ClusterError
        If it did not answer for `patience_s`.
    """

    def __init__(
        self,
        api: Asked,
        *,
        namespace: str,
        name: str,
        take_over: bool = False,
        patience_s: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api, self.namespace, self.name = api, namespace, name
        self._take_over, self._patience_s, self._sleep = take_over, patience_s, sleep

    def read(self) -> Object | None:
        """The object; None where there is none."""
        return self._got(f"{_SERVICES.format(self.namespace)}/{self.name}", what=f"the InferenceService {self.name}")

    def apply(self, wanted: Object, *, is_trial: bool = False) -> Object:
        """Have the server apply the object; `is_trial` changes nothing. Returns it as it then is.

        Raises
        ------
        OvertakenError
            If `wanted` has a resource version, and the object another.
        """
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", "force": str(self._take_over).lower()}
        if is_trial:
            query["dryRun"] = "All"
        path = f"{_SERVICES.format(self.namespace)}/{self.name}?{urllib.parse.urlencode(query)}"
        status, body = self._answered("PATCH", path, json.dumps(wanted), "application/apply-patch+yaml")
        if status < _ERROR:
            found: Object = json.loads(body)
            return found
        said = words_of(body)
        if status == _CONFLICT and _FIELD_CONFLICT not in said:
            raise OvertakenError(said)
        raise RefusedError(self._refusal(status, said))

    def has_route(self) -> bool:
        """Whether KServe made an HTTPRoute for it, which can split its traffic."""
        return self._got(f"{_ROUTES.format(self.namespace)}/{self.name}", what="HTTPRoutes") is not None

    def await_unrouted(self, predictor_name: str) -> None:
        """Wait until nobody is sent to a predictor's Service, which KServe deletes before it changes the HTTPRoute."""
        service = predictor_service(self.name, predictor_name)
        for _ in range(_ROUTE_LOOKS):
            status, body = self._answered("GET", f"{_ROUTES.format(self.namespace)}/{self.name}")
            if status != _OK:
                return
            if not _is_sent_to(json.loads(body), service):
                self._sleep(_GATEWAY_S)
                return
            self._sleep(_ROUTE_LOOK_S)
        logger.warning("the HTTPRoute %s still sends requests to %s", self.name, service)

    def deployment(self, predictor_name: str | None) -> Object | None:
        """The Deployment of a predictor, in Standard mode."""
        name = predictor_service(self.name, predictor_name)
        return self._got(f"{_DEPLOYMENTS.format(self.namespace)}/{name}", what="Deployments")

    def pods(self) -> list[Object]:
        """All of its pods, those of a canary among them, but for those that are being ended."""
        query = urllib.parse.urlencode({"labelSelector": f"{SERVICE_LABEL}={self.name}"})
        found = self._got(f"{_PODS.format(self.namespace)}?{query}", what="pods") or {"items": []}
        return [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]

    def last_lines(self, pod: str, container: str, *, of_former: bool) -> str:
        """The last lines that a container logged, or its predecessor that ended; empty where there are none."""
        query = {"container": container, "tailLines": str(_LOG_LINES), "previous": str(of_former).lower()}
        path = f"{_PODS.format(self.namespace)}/{pod}/log?{urllib.parse.urlencode(query)}"
        status, body = self._answered("GET", path)
        return body.strip() if status == _OK else ""

    def _got(self, path: str, *, what: str) -> Object | None:
        status, body = self._answered("GET", path)
        if status == _GONE:
            return None
        if status >= _ERROR:
            raise RefusedError(self._refusal(status, words_of(body), doing=f"read {what}"))
        found: Object = json.loads(body)
        return found

    def _answered(self, method: str, path: str, body: str | None = None, kind: str = "") -> tuple[int, str]:
        """The cluster's answer, whatever passes tried again."""
        give_up, wait_s = time.monotonic() + self._patience_s, _FIRST_WAIT_S
        while True:
            try:
                status, text = self._api.call(method, path, body, kind)
                said = f"{status}: {words_of(text)}"
            except ClusterError as error:
                status, text, said = 0, "", str(error)
            if status and status < 500 and status not in (408, 429):
                return status, text
            if _is_final(said):
                return status, text
            if time.monotonic() + wait_s > give_up:
                raise ClusterError(f"the cluster must answer within {self._patience_s:g} s, but: {said}")
            logger.info("the cluster is asked again in %.1f s: %s", wait_s, said)
            self._sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _refusal(self, status: int, said: str, *, doing: str = "") -> str:
        doing = doing or f"apply the InferenceService {self.name}"
        sentence = f"the cluster must let this step {doing} in namespace {self.namespace}, but says {status}: {said}"
        if status == _CONFLICT:
            return (
                f"{sentence}; whoever set these fields, by kubectl for one, must give them up, or deploy.take_over: "
                "true overwrites them"
            )
        if re.search(_UNKNOWN_FIELD, said):
            return f"{sentence}; {too_old('kserve')}"
        if status == _FORBIDDEN and "admission webhook" not in said and "exceeded quota" not in said:
            return f"{sentence}; the role pluszero-rollout of the manifests has the rights"
        if status == _GONE:
            return f"{sentence}; the namespace must be there, with KServe installed: {too_old('kserve')}"
        return sentence


def predictor_service(service: str, predictor_name: str | None) -> str:
    """Name of a predictor's Deployment and Service, as KServe gives it.

    References
    ----------
    `PredictorServiceName` of KServe's `pkg/constants`, as of 0.20.
    """
    return f"{service}-{predictor_name}-predictor" if predictor_name else f"{service}-predictor"


def _is_sent_to(route: Object, service: str) -> bool:
    """Whether a route gives a Service a share of the traffic."""
    backends = [backend for rule in route["spec"].get("rules", ()) for backend in rule.get("backendRefs", ())]
    return any(backend["name"] == service and backend.get("weight", 1) for backend in backends)


def _is_final(said: str) -> bool:
    """Whether an error of the server is a webhook's no, and not an outage."""
    return "denied the request" in said
