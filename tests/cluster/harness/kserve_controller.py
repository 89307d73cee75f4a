"""What KServe's controller makes of InferenceServices in Standard mode, as far as it was seen: for tests without it.

Of each predictor, the stable one and those of `spec.canary`, a Deployment and a Service by the names that KServe
gives; what no predictor asks for any longer is deleted when the stable one is there; conditions, canaries' states and
the address go into the status.
"""

from collections.abc import Mapping
import json
import threading
from typing import Any

from components.shared.contracts.cluster_spec import OBJECT_STORE_SECRET
from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.harness.predictor import predictor

_EVERY_S = 0.5
_LABEL = "serving.kserve.io/inferenceservice"


class StandInController:
    """The controller of one InferenceService, for the length of a block.

    Parameters
    ----------
    namespace, name
        The InferenceService; nothing happens while there is none.
    runtime
        The ServingRuntime that it asks for, with the image that is there.
    """

    def __init__(self, cluster: Cluster, namespace: str, name: str, runtime: Mapping[str, Any]) -> None:
        self._cluster, self._where, self._name, self._runtime = cluster, ("-n", namespace), name, runtime
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._applied: dict[str, str] = {}
        self._told = ""
        self.failure: Exception | None = None

    def __enter__(self) -> "StandInController":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        while not self._ended.wait(_EVERY_S):
            try:
                self._reconcile()
            except ClusterError as error:
                # Somebody else's change came between: the next round sees it.
                if "the object has been modified" not in str(error):
                    self.failure = error
                    return

    def _reconcile(self) -> None:
        found = self._get("inferenceservice", self._name)
        if found is None:
            return
        asked = [found["spec"]["predictor"], *(each["predictor"] for each in found["spec"].get("canary", ()))]
        names = [self._placed(found, each) for each in asked]
        ready = [self._is_ready(name) for name in names]
        if ready[0]:
            self._tidy(names)
        self._tell(found, names, ready)

    def _placed(self, found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
        """Apply a predictor's Deployment and Service; their name."""
        objects = predictor(found, self._runtime, secret=OBJECT_STORE_SECRET, asked=asked)
        name = str(objects[0]["metadata"]["name"])
        text = "\n---\n".join(map(json.dumps, objects))
        if self._applied.get(name) != text:
            self._cluster.kubectl("apply", *self._where, "-f", "-", stdin=text)
            self._applied[name] = text
        return name

    def _is_ready(self, name: str) -> bool:
        status = (self._get("deployment", name) or {}).get("status", {})
        return bool(status.get("availableReplicas", 0) > 0 and status.get("updatedReplicas", 0) > 0)

    def _tidy(self, names: list[str]) -> None:
        for name in [name for name in self._applied if name not in names]:
            self._cluster.kubectl("delete", "--wait=false", "deployment,service", name, *self._where)
            del self._applied[name]

    def _tell(self, found: Mapping[str, Any], names: list[str], ready: list[bool]) -> None:
        service = self._get("service", names[0])
        address = "" if service is None else service["spec"]["clusterIP"]
        status = {
            "observedGeneration": found["metadata"]["generation"],
            "conditions": [{"type": "Ready", "status": "True" if ready[0] else "False"}],
            "address": {"url": f"http://{address}"},
            "canaryStatuses": [
                {"name": each["predictor"]["name"], "ready": is_ready, "trafficPercent": each["trafficPercent"]}
                for each, is_ready in zip(found["spec"].get("canary", ()), ready[1:], strict=True)
            ],
        }
        text = json.dumps({"status": status})
        if text != self._told:
            patch = ("--subresource=status", "--type=merge", "-p", text)
            self._cluster.kubectl("patch", "inferenceservice", self._name, *self._where, *patch)
            self._told = text

    def _get(self, kind: str, name: str) -> dict[str, Any] | None:
        text = self._cluster.kubectl("get", kind, name, *self._where, "-o", "json", "--ignore-not-found")
        found: dict[str, Any] | None = json.loads(text) if text.strip() else None
        return found
