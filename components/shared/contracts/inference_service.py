"""The KServe `InferenceService` of a release: as YAML for those who use kubectl, and in parts for the deploy step.

Every release's predictor bears its version, as label and annotation of its own: pods of a canary are told from those of
the stable release, and KServe's logger hands the annotation on to the collector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import hashlib
import json
from typing import Any

import yaml

from components.shared.contracts.deploy_spec import DeploySpec
from components.shared.contracts.releases import VERSION_ANNOTATION
from components.shared.runtime.cluster_versions import REQUIREMENTS
from components.shared.runtime.gpu_placement import IMAGE_USER
from components.shared.runtime.model_name import check_model_name

Object = dict[str, Any]

API_VERSION = "serving.kserve.io/v1beta1"
RUNTIME = "pluszero-bundle"
# Of the image without torch, for releases with a graph.
CPU_RUNTIME = "pluszero-bundle-cpu"
CPU_RUNTIME_ANNOTATION = "pluszero-mlops/cpu-runtime"
MODE_ANNOTATION = "serving.kserve.io/deploymentMode"
VERSION_LABEL = "app.kubernetes.io/version"
# On the object: what the deploy step noted. On a predictor, and so on its pods: the mark of its settings.
ROLLOUT_ANNOTATION = "pluszero-mlops/rollout"
# Of a predictor, what is changed without a restart.
SCALING = ("minReplicas", "maxReplicas", "scaleTarget", "scaleMetric")
# Of the manifests: it names the secret by which KServe fetches the bundle.
SERVICE_ACCOUNT = "pluszero-predictor"
# 5 seconds before the server is told, 5 in which it still takes requests, 30 for what it accepted, and some to spare.
_GRACE_PERIOD_S = 60
_REQUESTS = {"cpu": "500m", "memory": "1Gi"}
_LIMITS = {"cpu": "2", "memory": "4Gi"}
_GPU = "nvidia.com/gpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedRelease:
    """What an InferenceService says of a release.

    Attributes
    ----------
    model_name, version
        Which release.
    storage_uri
        By which KServe's storage initialiser finds it.
    pull_secrets
        Secrets by which nodes pull the server's image.
    """

    model_name: str
    version: str
    storage_uri: str
    pull_secrets: Sequence[str] = ()


def inference_service_yaml(
    *,
    model_name: str,
    version: str,
    storage_uri: str,
    pull_secrets: Sequence[str] = (),
    runs_without_torch: bool = False,
) -> str:
    """An InferenceService in Standard deployment mode as YAML; the same arguments give the same bytes.

    Where the release runs without torch, an annotation names the runtime that it may have instead.
    """
    release = ServedRelease(
        model_name=model_name, version=version, storage_uri=storage_uri, pull_secrets=tuple(pull_secrets)
    )
    service = service_object(model_name, predictor=marked(predictor_of(release)))
    service["metadata"]["labels"][VERSION_LABEL] = version
    service["metadata"]["annotations"][VERSION_ANNOTATION] = version
    if runs_without_torch:
        service["metadata"]["annotations"][CPU_RUNTIME_ANNOTATION] = CPU_RUNTIME
    (floor, *_) = REQUIREMENTS["kserve"].floors
    head = f"# Asks for KServe {floor.least} or newer. With an older one {floor.below}.\n"
    return head + yaml.safe_dump(service, sort_keys=False, allow_unicode=True, width=1000)


def service_object(model_name: str, *, predictor: Object, mode: str = "Standard") -> Object:
    """An InferenceService around a predictor."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {
            "name": check_model_name(model_name),
            "labels": {"app.kubernetes.io/name": model_name, "app.kubernetes.io/part-of": "pluszero-mlops"},
            "annotations": {MODE_ANNOTATION: mode},
        },
        "spec": {"predictor": predictor},
    }


def marked(predictor: Object) -> Object:
    """A predictor with a mark of its settings, by which its pods are told from those with others.

    KServe hands every annotation of the object on to the pods, where the predictor has none of that name: without the
    mark, each change of the deploy step's note would start all servers anew.
    """
    annotations = predictor.get("annotations", {})
    if ROLLOUT_ANNOTATION in annotations:
        return predictor
    settings = {name: value for name, value in predictor.items() if name not in ("name", *SCALING)}
    mark = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    return {**predictor, "annotations": {**annotations, ROLLOUT_ANNOTATION: mark}}


def mark_of(predictor: Object) -> str:
    """The mark of a predictor; empty where it has none."""
    return str(predictor.get("annotations", {}).get(ROLLOUT_ANNOTATION, ""))


def predictor_of(release: ServedRelease) -> Object:
    """The predictor of a release, of the sizes that the embedded data need."""
    pulled = {"imagePullSecrets": [{"name": name} for name in release.pull_secrets]} if release.pull_secrets else {}
    return {
        "serviceAccountName": SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": _GRACE_PERIOD_S,
        **pulled,
        # For the container that fetches the bundle too, which KServe adds.
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": IMAGE_USER,
            "runAsGroup": IMAGE_USER,
            "fsGroup": IMAGE_USER,
            # A large volume with releases is not walked through at every start.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "model": {
            "modelFormat": {"name": RUNTIME},
            "runtime": RUNTIME,
            "protocolVersion": "v2",
            "storageUri": release.storage_uri,
            "resources": {"requests": dict(_REQUESTS), "limits": dict(_LIMITS)},
        },
    }


def deployed_predictor(release: ServedRelease, deploy: DeploySpec) -> Object:
    """The predictor of a release as the problem file's `deploy:` section has it, without its number of replicas."""
    predictor = predictor_of(release)
    size, runtime = deploy.size, CPU_RUNTIME if deploy.image == "serving-cpu" else RUNTIME
    gpus = {_GPU: str(size.gpus)} if size.gpus else {}
    predictor["model"] |= {
        "runtime": runtime,
        "resources": {
            "requests": {"cpu": size.cpu, "memory": size.memory, **gpus},
            "limits": {"cpu": size.cpu_limit, "memory": size.memory_limit, **gpus},
        },
    }
    predictor["labels"] = {VERSION_LABEL: release.version}
    predictor["annotations"] = {VERSION_ANNOTATION: release.version}
    if deploy.node_selector:
        predictor["nodeSelector"] = dict(deploy.node_selector)
    if deploy.tolerations:
        predictor["tolerations"] = [dict(each) for each in deploy.tolerations]
    if deploy.logger is not None:
        predictor["logger"] = {"mode": "all", "url": deploy.logger}
    return predictor
