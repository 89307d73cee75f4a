"""The KServe `InferenceService` of a release, as YAML."""

from collections.abc import Sequence

import yaml

from components.shared.contracts.releases import VERSION_ANNOTATION
from components.shared.runtime.cluster_versions import REQUIREMENTS
from components.shared.runtime.gpu_placement import IMAGE_USER
from components.shared.runtime.model_name import check_model_name

RUNTIME = "pluszero-bundle"
# Of the image without torch, for releases with a graph.
CPU_RUNTIME = "pluszero-bundle-cpu"
CPU_RUNTIME_ANNOTATION = "pluszero-mlops/cpu-runtime"
# Of the manifests: it names the secret by which KServe fetches the bundle.
SERVICE_ACCOUNT = "pluszero-predictor"
# 5 seconds before the server is told, 5 in which it still takes requests, 30 for what it accepted, and some to spare.
_GRACE_PERIOD_S = 60
_REQUESTS = {"cpu": "500m", "memory": "1Gi"}
_LIMITS = {"cpu": "2", "memory": "4Gi"}


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
    without_torch = {CPU_RUNTIME_ANNOTATION: CPU_RUNTIME} if runs_without_torch else {}
    pulled = {"imagePullSecrets": [{"name": name} for name in pull_secrets]} if pull_secrets else {}
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": check_model_name(model_name),
            "labels": {
                "app.kubernetes.io/name": model_name,
                "app.kubernetes.io/version": version,
                "app.kubernetes.io/part-of": "pluszero-mlops",
            },
            "annotations": {
                "serving.kserve.io/deploymentMode": "Standard",
                VERSION_ANNOTATION: version,
                **without_torch,
            },
        },
        "spec": {
            "predictor": {
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
                    "storageUri": storage_uri,
                    "resources": {"requests": dict(_REQUESTS), "limits": dict(_LIMITS)},
                },
            }
        },
    }
    (floor, *_) = REQUIREMENTS["kserve"].floors
    head = f"# Asks for KServe {floor.least} or newer. With an older one {floor.below}.\n"
    return head + yaml.safe_dump(service, sort_keys=False, allow_unicode=True, width=1000)
