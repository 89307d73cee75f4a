"""A cluster with KServe, as far as a rollout sees it: an API over HTTP, a controller, servers that answer and count.

It stands in for programs that the project does not have, by what KServe was seen to do: the names of Deployments
and pods, `spec.canary` with its rules, weights by ready canaries, conditions, `canaryTrafficPercent` with revisions.
Labels and annotations of the object are handed on to pods, where its predictor has none of the name; a pod whose
template changes is replaced; `observedGeneration` is the stable Deployment's.
Server-side apply knows managers and their fields, resource versions, dry runs. Servers are real ones on loopback.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
import contextlib
import copy
from dataclasses import dataclass, field
import functools
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import random
import threading
import time
from typing import Any
import urllib.parse

import numpy as np

from tests.custom_resources import spec_errors

NAME, NAMESPACE = "pets", "live"
CLASSES = ("cat", "dog")
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
PORT_ANNOTATION = "stand-in/port"
MODEL_FEATURE = "x"


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What servers of a release do."""

    error_rate: float = 0.02
    latency_s: float = 0.02
    dogs: float = 0.5
    shift: float = 0.0
    trouble: str = ""  # image, crash, quota, silent: never ready


def probability(x: float, shift: float = 0.0) -> float:
    """What a server answers for `dog`."""
    return float(np.clip(1 / (1 + np.exp(-x)) + shift, 0, 1))


@dataclass
class Pod:
    """A server on loopback with counters."""

    version: str
    behaviour: Behaviour
    uid: str
    deployment: str
    template: Mapping[str, Any]
    requests: Counter[str] = field(default_factory=Counter)
    seconds: Counter[float] = field(default_factory=Counter)
    predictions: Counter[str] = field(default_factory=Counter)

    def serve(self, rng: random.Random) -> None:
        """Take one request of the cluster's traffic."""
        if rng.random() < self.behaviour.error_rate:
            self.requests["500"] += 1
            return
        self.requests["200"] += 1
        took = self.behaviour.latency_s * rng.lognormvariate(0, 0.4)
        self.seconds[next((upper for upper in BUCKETS if took <= upper), float("inf"))] += 1
        self.predictions["dog" if rng.random() < self.behaviour.dogs else "cat"] += 1

    def metrics(self) -> str:
        """As Prometheus reads them."""
        lines = [
            f'pluszero_requests_total{{model_name="{NAME}",protocol="v2",status="{status}"}} {count}'
            for status, count in self.requests.items()
        ]
        lines += [
            f'pluszero_predictions_total{{model_name="{NAME}",label="{label}"}} {count}'
            for label, count in self.predictions.items()
        ]
        seen = 0
        for upper in (*BUCKETS, float("inf")):
            seen += self.seconds[upper]
            told = "+Inf" if upper == float("inf") else upper
            lines.append(f'pluszero_request_seconds_bucket{{model_name="{NAME}",stage="total",le="{told}"}} {seen}')
        return "\n".join(lines) + "\n"

    def infer(self, body: bytes) -> Any:
        """The answer to one row."""
        (given,) = json.loads(body)["inputs"]
        dog = probability(given["data"][0], self.behaviour.shift)
        label = CLASSES[int(dog >= 0.5)]
        self.requests["200"] += 1
        outputs = [
            {"name": "label", "datatype": "BYTES", "shape": [1], "data": [label]},
            {"name": "probabilities", "datatype": "FP64", "shape": [1, 2], "data": [1 - dog, dog]},
        ]
        return {"model_name": NAME, "outputs": outputs}


class KServeStandIn:
    """The cluster; use `running`.

    Attributes
    ----------
    behaviours
        By version.
    traffic
        Requests that clients send between two looks.
    fault_rate
        How many of the API's answers are 429, 503, or a connection that breaks.
    applied
        Every object as it was after a change, in order.
    """

    def __init__(self, *, has_route: bool = True) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.has_route = has_route
        self.traffic, self.fault_rate = 400, 0.0
        self.applied: list[dict[str, Any]] = []
        self.found: dict[str, Any] | None = None
        self._owned: dict[str, dict[str, Any]] = {}
        self.pods: list[Pod] = []
        self._stack = contextlib.ExitStack()
        self._ports: dict[str, int] = {}
        self._random = random.Random(0)
        self._numbers = iter(range(1, 10**9))
        self._lock = threading.RLock()
        self._rolled_out: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._deployment_generation = 0
        self.port = 0

    # What clients of the endpoint do.

    def let_clients_ask(self) -> None:
        """Requests of the cluster's clients, split as the cluster splits them."""
        with self._lock:
            weights = self.weights()
            ready = {
                version: [pod for pod in self.pods if pod.version == version and not pod.behaviour.trouble]
                for version in weights
            }
            for _ in range(self.traffic):
                versions, shares = list(weights), list(weights.values())
                (version,) = self._random.choices(versions, shares)
                self._random.choice(ready[version]).serve(self._random)

    def weights(self) -> dict[str, int]:
        """Percent of the traffic by version; only servers that are ready get any."""
        with self._lock:
            if self.found is None or self._is_stopped():
                return {}
            stable, canary, percent = self._sides()
            serving = self._serving(stable)
            to_canary = percent if canary is not None and self._is_ready(canary) else 0
            shares = {serving[0].version: 100 - to_canary} if serving else {}
            if canary is not None and to_canary:
                shares[_version(canary)] = to_canary
            return shares

    # The API.

    def patch(self, query: Mapping[str, str], wanted: dict[str, Any]) -> tuple[int, Any]:
        """Server-side apply."""
        with self._lock:
            manager, force = query["fieldManager"], query["force"] == "true"
            wanted = copy.deepcopy(wanted)
            version = wanted["metadata"].pop("resourceVersion", None)
            if version is not None and (self.found is None or version != self.found["metadata"]["resourceVersion"]):
                return 409, "Operation cannot be fulfilled: the object has been modified"
            fault = self._webhook(wanted)
            if fault is not None:
                return (
                    400,
                    f'admission webhook "inferenceservice.kserve-webhook-server.validator" denied the request: {fault}',
                )
            leaves = {path: value for path, value in _leaves(wanted) if path[0] in ("spec", "metadata")}
            taken = self._conflicts(manager, leaves)
            if taken and not force:
                other, path = taken[0]
                return 409, f'Apply failed with {len(taken)} conflict: conflict with "{other}": .{".".join(path)}'
            if query.get("dryRun"):
                return 200, wanted
            for _, path in taken:
                for owned in self._owned.values():
                    owned.pop(path, None)
            self._owned[manager] = leaves
            merged: dict[str, Any] = {
                "apiVersion": wanted["apiVersion"],
                "kind": wanted["kind"],
                "metadata": {},
                "spec": {},
            }
            for owned in self._owned.values():
                for path, value in owned.items():
                    _put(merged, path, copy.deepcopy(value))
            before = self.found
            generation = 1 if before is None else before["metadata"]["generation"]
            if before is not None and before["spec"] != merged["spec"]:
                generation += 1
            merged["metadata"] |= {"resourceVersion": str(next(self._numbers)), "generation": generation}
            self.found = merged
            self._reconcile()
            self.applied.append(copy.deepcopy(self.found))
            return 200, self.found

    def get(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        """What is at a path."""
        with self._lock:
            if "/inferenceservices/" in path:
                return (200, self.found) if self.found is not None else (404, "not found")
            if "/httproutes/" in path:
                return (200, self._route()) if self.has_route and self.found is not None else (404, "not found")
            if "/deployments/" in path:
                return self._deployment(path.rpartition("/")[2])
            if path.endswith("/log"):
                return 200, "Traceback (most recent call last):\nValueError: the bundle is damaged\n"
            return 200, {"items": [self._pod_object(pod) for pod in self.pods]}

    # The controller.

    def _webhook(self, wanted: dict[str, Any]) -> str | None:
        errors = _schema_errors(json.dumps(wanted, sort_keys=True))
        if errors:
            return errors[0]
        stable = wanted["spec"]["predictor"]
        if stable.get("model", {}).get("name"):
            return "the 'name' field is not allowed in standard predictor"
        for canary in wanted["spec"].get("canary", ()):
            predictor = canary["predictor"]
            if wanted["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] != "Standard":
                return "canary is only supported in Standard deployment mode"
            if not predictor.get("name") or predictor["name"] == stable.get("name"):
                return f"canary predictor.name {predictor.get('name')} is wrong"
            for name in ("maxReplicas", "scaleTarget", "scaleMetric"):
                if name in predictor:
                    return f"canary must not set {name}"
            if predictor.get("minReplicas", 0) > stable.get("minReplicas", 1):
                return "canary minReplicas must not exceed stable predictor minReplicas"
        return None

    def _conflicts(self, manager: str, leaves: Mapping[tuple[str, ...], Any]) -> list[tuple[str, tuple[str, ...]]]:
        return [
            (other, path)
            for other, owned in self._owned.items()
            if other != manager
            for path, value in leaves.items()
            if path in owned and owned[path] != value
        ]

    def _sides(self) -> tuple[dict[str, Any], dict[str, Any] | None, int]:
        assert self.found is not None
        spec = self.found["spec"]
        if spec.get("canary"):
            (canary,) = spec["canary"]
            return spec["predictor"], canary["predictor"], canary["trafficPercent"]
        predictor = spec["predictor"]
        if "canaryTrafficPercent" in predictor and self._rolled_out is not None:
            return self._rolled_out[0], predictor, predictor["canaryTrafficPercent"]
        return predictor, None, 0

    def _is_stopped(self) -> bool:
        assert self.found is not None
        return self.found["metadata"]["annotations"].get("serving.kserve.io/stop") == "true"

    def _reconcile(self) -> None:
        """Servers and status; what rolls keeps the server of before until the new one is ready."""
        assert self.found is not None
        stable, canary, _ = self._sides()
        asked = [(each, self._template(each)) for each in (stable, canary) if each is not None]
        if self._is_stopped():
            self.pods, asked = [], []
        for predictor, template in asked:
            name = predictor.get("name", "")
            if not any(pod.template == template for pod in self._pods_of(name)):
                self._deployment_generation += predictor is stable
                self.pods += self._started(predictor, template)
        kept = []
        for predictor, template in asked:
            there = self._pods_of(predictor.get("name", ""))
            new = [pod for pod in there if pod.template == template]
            # The rolling update waits, as Knative's traffic does.
            kept += new if any(not pod.behaviour.trouble for pod in new) else there
        self.pods = [pod for pod in self.pods if pod in kept]
        if canary is None and self._is_ready(stable):
            self._rolled_out = (copy.deepcopy(stable), self._template(stable))
        ready = bool(self._serving(stable))
        statuses = []
        for each in self.found["spec"].get("canary", ()):
            statuses.append({"name": each["predictor"]["name"], "ready": self._is_ready(each["predictor"])})
        if canary is not None and not statuses:
            ready = ready and self._is_ready(canary)
        self.found["status"] = {
            "observedGeneration": self._deployment_generation,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "canaryStatuses": statuses,
        }
        if ready and self.pods:
            port = self._ports[self._serving(stable)[0].uid]
            self.found["status"]["address"] = {"url": f"http://127.0.0.1:{port}"}

    def _template(self, predictor: Mapping[str, Any]) -> dict[str, Any]:
        """What pods of a predictor are made from."""
        assert self.found is not None
        if self._rolled_out is not None and predictor is self._rolled_out[0]:
            return self._rolled_out[1]  # a revision stays as it was
        told = {
            name: {**self.found["metadata"].get(name, {}), **predictor.get(name, {})}
            for name in ("labels", "annotations")
        }
        scaling = ("name", "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "canaryTrafficPercent")
        settings = {name: value for name, value in predictor.items() if name not in (*scaling, *told)}
        return copy.deepcopy({"metadata": told, "spec": settings})

    def _pods_of(self, deployment: str) -> list[Pod]:
        return [pod for pod in self.pods if pod.deployment == deployment]

    def _started(self, predictor: Mapping[str, Any], template: dict[str, Any]) -> list[Pod]:
        version = _version(predictor)
        behaviour = self.behaviours[version]
        if behaviour.trouble == "quota":
            return []
        pod = Pod(
            version=version,
            behaviour=behaviour,
            uid=f"pod-{next(self._numbers)}",
            deployment=predictor.get("name", ""),
            template=template,
        )
        self._ports[pod.uid] = self._stack.enter_context(_served(_pod_handler(pod)))
        return [pod]

    def _is_ready(self, predictor: Mapping[str, Any]) -> bool:
        template = self._template(predictor)
        return any(pod.template == template for pod in self._serving(predictor))

    def _serving(self, predictor: Mapping[str, Any]) -> list[Pod]:
        """Ready pods of a predictor; while it rolls, those of before."""
        ready = [pod for pod in self._pods_of(predictor.get("name", "")) if not pod.behaviour.trouble]
        template = self._template(predictor)
        return [pod for pod in ready if pod.template == template] or ready

    def _route(self) -> dict[str, Any]:
        """The HTTPRoute, in Standard mode: a canary gets its weight when it is ready."""
        stable, canary, percent = self._sides()
        ready = canary if canary is not None and self._is_ready(canary) else None
        shares = [(stable, 100 - percent if ready else 100), *([(ready, percent)] if ready else [])]
        backends = [
            {"name": f"{NAME}-{each['name']}-predictor" if each.get("name") else f"{NAME}-predictor", "weight": weight}
            for each, weight in shares
        ]
        return {"spec": {"rules": [{"backendRefs": backends}]}}

    def _deployment(self, name: str) -> tuple[int, Any]:
        troubled = any(behaviour.trouble == "quota" for behaviour in self.behaviours.values())
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                   "message": f'pods "{name}" is forbidden: exceeded quota: small'}  # fmt: skip
        return 200, {"status": {"conditions": [failure] if troubled else []}}

    def _pod_object(self, pod: Pod) -> dict[str, Any]:
        trouble = pod.behaviour.trouble
        state: dict[str, Any] = {"running": {}}
        status: dict[str, Any] = {"name": "kserve-container", "restartCount": 0}
        if trouble == "image":
            state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
        elif trouble == "crash":
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
            status |= {"restartCount": 3, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}
        return {
            "metadata": {
                "name": pod.uid,
                "uid": pod.uid,
                "labels": pod.template["metadata"]["labels"],
                "annotations": {**pod.template["metadata"]["annotations"], PORT_ANNOTATION: str(self._ports[pod.uid])},
            },
            "status": {
                "podIP": "127.0.0.1",
                "conditions": [{"type": "Ready", "status": "False" if trouble else "True"}],
                "containerStatuses": [{**status, "state": state}],
            },
        }

    def set_behaviour(self, version: str, behaviour: Behaviour) -> None:
        """Have a release's servers do otherwise from now on."""
        with self._lock:
            self.behaviours[version] = behaviour
            for pod in self.pods:
                if pod.version == version:
                    pod.behaviour = behaviour
            if self.found is not None:
                self._reconcile()

    def is_fault(self) -> bool:
        """Whether this answer of the API goes wrong."""
        with self._lock:
            return self._random.random() < self.fault_rate


@contextlib.contextmanager
def running(**options: Any) -> Iterator[KServeStandIn]:
    """A cluster whose API listens on loopback (`port`)."""
    stand_in = KServeStandIn(**options)
    with stand_in._stack:
        stand_in.port = stand_in._stack.enter_context(_served(_api_handler(stand_in)))
        yield stand_in


def pod_port(pod: Mapping[str, Any]) -> tuple[str, int]:
    """Where a pod of the stand-in listens."""
    return pod["status"]["podIP"], int(pod["metadata"]["annotations"][PORT_ANNOTATION])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def said(self, status: int, content: Any) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def log_message(self, *_: object) -> None:
        pass


def _api_handler(stand_in: KServeStandIn) -> type[_Handler]:
    class Handler(_Handler):
        def _answer(self, status: int, content: Any) -> None:
            if status >= 400:
                content = {"kind": "Status", "message": content}
            self.said(status, content)

        def _lose(self) -> None:
            """Answer with what passes, or not at all."""
            status = random.choice([429, 503, 0])
            if status:
                self._answer(status, "try again")
            else:
                self.close_connection = True

        def do_GET(self) -> None:
            if stand_in.is_fault():
                self._lose()
                return
            url = urllib.parse.urlsplit(self.path)
            self._answer(*stand_in.get(url.path, dict(urllib.parse.parse_qsl(url.query))))

        def do_PATCH(self) -> None:
            wanted = json.loads(self.body())
            if stand_in.is_fault():
                self._lose()
                return
            url = urllib.parse.urlsplit(self.path)
            status, content = stand_in.patch(dict(urllib.parse.parse_qsl(url.query)), wanted)
            # The answer may be lost when what was asked is done.
            if stand_in.is_fault():
                self._lose()
            else:
                self._answer(status, content)

    return Handler


def _pod_handler(pod: Pod) -> type[_Handler]:
    class Handler(_Handler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self.said(200, pod.metrics())
            else:
                inputs = [{"name": MODEL_FEATURE, "datatype": "FP64", "shape": [-1]}]
                self.said(200, {"name": NAME, "inputs": inputs})

        def do_POST(self) -> None:
            body = self.body()
            if pod.behaviour.latency_s > 0.05:
                time.sleep(pod.behaviour.latency_s)
            self.said(200, pod.infer(body))

    return Handler


@contextlib.contextmanager
def _served(handler: type[_Handler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@functools.lru_cache(maxsize=256)
def _schema_errors(text: str) -> tuple[str, ...]:
    """What the kind's definition says to an object; it is large, and objects come again."""
    return tuple(spec_errors(json.loads(text)))


def _version(predictor: Mapping[str, Any]) -> str:
    return str(predictor["model"]["storageUri"]).rpartition("/")[2]


def _leaves(found: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Fields with their values; a list is one."""
    for key, value in found.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _put(found: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        found = found.setdefault(key, {})
    found[path[-1]] = value
