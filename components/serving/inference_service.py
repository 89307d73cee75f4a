"""The KServe `InferenceService` of a release, as YAML."""

import re

import yaml

RUNTIME = "pluszero-bundle"
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_MAX_NAME_LENGTH = 53  # KServe calls the Service NAME-predictor, and a Service's name has at most 63 characters
_REQUESTS = {"cpu": "500m", "memory": "1Gi"}
_LIMITS = {"cpu": "2", "memory": "4Gi"}


def check_model_name(name: str) -> str:
    """Return `name` where KServe accepts it for an InferenceService.

    Raises
    ------
    ValueError
        If it is no DNS label that starts with a letter, or longer than 53 characters.

    References
    ----------
    `IsvcNameFmt` of KServe's validating webhook, `[a-z]([-a-z0-9]*[a-z0-9])?`.
    """
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME_LENGTH:
        raise ValueError(
            f"model_name must be 1 to {_MAX_NAME_LENGTH} small letters, digits and hyphens, start with a letter "
            f"and end with a letter or digit, got {name!r}"
        )
    return name


def inference_service_yaml(*, model_name: str, version: str, storage_uri: str) -> str:
    """Render an InferenceService; the same arguments give the same bytes.

    Parameters
    ----------
    model_name
        Name of the service; see `check_model_name`.
    version
        The release's version.
    storage_uri
        Where KServe's storage initialiser finds the bundle.

    Returns
    -------
    str
        YAML of `serving.kserve.io/v1beta1`, Standard deployment mode, for the runtime `pluszero-bundle`.

    Raises
    ------
    ValueError
        If the name cannot be used.
    """
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
                "pluszero-mlops/model-version": version,
            },
        },
        "spec": {
            "predictor": {
                "model": {
                    "modelFormat": {"name": RUNTIME},
                    "runtime": RUNTIME,
                    "protocolVersion": "v2",
                    "storageUri": storage_uri,
                    "resources": {"requests": dict(_REQUESTS), "limits": dict(_LIMITS)},
                }
            }
        },
    }
    return yaml.safe_dump(service, sort_keys=False, allow_unicode=True, width=1000)
