"""The Deployment and Service that KServe makes of a release in Standard mode, without its controller and webhook.

The runtime's container comes first; the release's resources go over it, name by name. A release in an object store
gets a container that fetches it before the server starts; one in a claim is mounted (KServe's pkg/webhook/admission/pod
and pkg/controller/v1beta1/inferenceservice, as of 0.20).
"""

from collections.abc import Mapping
import copy
import json
from typing import Any

import yaml

from components.shared.contracts.cluster_spec import OBJECT_STORE_SECRET
from components.shared.runtime.container_images import image
from tests.cluster.cluster import Cluster, ClusterError

_MODELS_PATH = "/mnt/models"
# Of a predictor, what is no field of a pod; and an annotation that KServe does not hand on to pods.
_NOT_OF_PODS = ("model", "name", "labels", "annotations", "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric")
_DISALLOWED = ("kubectl.kubernetes.io/last-applied-configuration",)
# What KServe's chart gives the container that fetches; its image is not at hand, ours brings the same library for S3.
_FETCHING = {
    "securityContext": {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    "terminationMessagePolicy": "FallbackToLogsOnError",
}
_FETCH = """
import sys, s3fs
source, target = sys.argv[1:]
s3fs.S3FileSystem().get(source.rstrip("/") + "/", target, recursive=True)
"""


def predictor(
    service: Mapping[str, Any], runtime: Mapping[str, Any], *, secret: str, asked: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Deployment and Service of a release.

    Parameters
    ----------
    service
        The release's InferenceService.
    asked
        One of its predictors: by default the stable one.
    runtime
        The ServingRuntime that it asks for.
    secret
        The secret from which the container that fetches gets its variables.
    """
    of_service = service["metadata"]["name"]
    asked = service["spec"]["predictor"] if asked is None else asked
    name = f"{of_service}-{asked['name']}" if "name" in asked else of_service
    model = asked["model"]
    (container,) = copy.deepcopy(runtime["spec"]["containers"])
    container["args"] = [each.replace("{{.Name}}", of_service) for each in container["args"]]
    for kind, values in model["resources"].items():
        container["resources"][kind] = {**container["resources"].get(kind, {}), **values}
    labels = {
        **runtime["spec"].get("labels", {}),
        **service["metadata"]["labels"],
        **asked.get("labels", {}),
        "app": f"isvc.{name}-predictor",
        "component": "predictor",
        "serving.kserve.io/inferenceservice": of_service,
    }
    container["env"] = [*container.get("env", []), {"name": "INFERENCE_SERVICE_NAME", "value": of_service}]
    annotations = {
        **runtime["spec"].get("annotations", {}),
        **{key: value for key, value in service["metadata"]["annotations"].items() if key not in _DISALLOWED},
        **asked.get("annotations", {}),
        # The webhook's, by which the pod gets its model.
        "internal.serving.kserve.io/storage-initializer-sourceuri": model["storageUri"],
    }
    pod = {key: value for key, value in asked.items() if key not in _NOT_OF_PODS}
    pod |= {"containers": [container], "volumes": [*runtime["spec"].get("volumes", [])]}
    _bring_model(pod, container, model["storageUri"], secret)
    selector = {"app": labels["app"]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{name}-predictor", "labels": labels, "annotations": annotations},
        "spec": {
            "replicas": asked.get("minReplicas", 1),
            "selector": {"matchLabels": selector},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": pod,
            },
        },
    }
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"},
        {"name": "grpc", "port": 8081, "targetPort": 8081, "protocol": "TCP", "appProtocol": "kubernetes.io/h2c"},
    ]
    door = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{name}-predictor", "labels": labels, "annotations": annotations},
        "spec": {"selector": selector, "ports": ports},
    }
    return deployment, door


def start_predictor(cluster: Cluster, namespace: str, service: Mapping[str, Any], overlay: str) -> str:
    """Start a release with the runtime of an overlay, in the image that was built; the address of its Service.

    Raises
    ------
    ClusterError
        If it does not become ready; the message describes its pods.
    """
    rendered = yaml.safe_load_all(cluster.kubectl("kustomize", overlay))
    (runtime,) = (each for each in rendered if each["kind"] == "ServingRuntime")
    runtime["spec"]["containers"][0]["image"] = image("serving")
    for each in predictor(service, runtime, secret=OBJECT_STORE_SECRET):
        cluster.kubectl("apply", "--validate=strict", "-n", namespace, "-f", "-", stdin=json.dumps(each))
    name = f"{service['metadata']['name']}-predictor"
    try:
        cluster.kubectl("rollout", "status", "--timeout=300s", "-n", namespace, f"deployment/{name}")
    except ClusterError as error:
        described = cluster.kubectl("describe", "pods", "-n", namespace, "-l", f"app=isvc.{name}")
        raise ClusterError(f"{error}\n{described[-3000:]}") from error
    return cluster.kubectl("get", "-n", namespace, f"service/{name}", "-o", "jsonpath={.spec.clusterIP}")


def ask(cluster: Cluster, address: str, path: str, body: Mapping[str, Any]) -> Any:
    """The answer to one request, sent from the node."""
    sent = ["--header", "Content-Type: application/json", "--post-data", json.dumps(body)]
    return json.loads(cluster.run(["busybox", "wget", "-q", "-O", "-", *sent, f"http://{address}{path}"]))


def _bring_model(pod: dict[str, Any], container: dict[str, Any], uri: str, secret: str) -> None:
    """Mount the release where the runtime looks for it, read-only, fetched before where it is not in a claim."""
    scheme, _, place = uri.partition("://")
    if scheme == "pvc":
        claim, _, path = place.partition("/")
        volume: dict[str, Any] = {
            "name": "kserve-pvc-source",
            "persistentVolumeClaim": {"claimName": claim, "readOnly": False},
        }
        mount = {"name": volume["name"], "mountPath": _MODELS_PATH, "subPath": path}
    else:
        volume = {"name": "kserve-provision-location", "emptyDir": {}}
        mount = {"name": volume["name"], "mountPath": _MODELS_PATH}
        fetching = {
            "name": "storage-initializer",
            "image": image("serving"),
            "command": ["python", "-c", _FETCH],
            "args": [uri, _MODELS_PATH],
            "envFrom": [{"secretRef": {"name": secret}}],
            "volumeMounts": [mount],
            **_FETCHING,
        }
        pod["initContainers"] = [fetching]
    pod["volumes"].append(volume)
    container["volumeMounts"] = [*container.get("volumeMounts", []), {**mount, "readOnly": True}]
