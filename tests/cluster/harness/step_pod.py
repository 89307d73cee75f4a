"""The pod of a step as Kubeflow Pipelines makes it, without its driver and launcher.

The driver adds to a pod what the platform's half of the compiled pipeline says (backend/src/v2/driver/k8s.go), Argo's
template has folders for artifacts (backend/src/v2/compiler/argocompiler/container.go). Here the folder of artifacts is
a claim, so that steps find what earlier ones have written at the path that KFP gives it.
"""

from collections.abc import Iterator
import json
from typing import Any

from tests.cluster.harness.compiled_pipeline import Spec, Step

# What KFP itself gives the container of every step (backend/src/v2/compiler/argocompiler/security_context.go).
KFP_SETS = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
ARTIFACTS_PATH = "/minio"
ARTIFACTS_CLAIM = "artifacts"
_SCRATCH = {
    "gcs-scratch": "/gcs",
    "s3-scratch": "/s3",
    "dot-local-scratch": "/.local",
    "dot-cache-scratch": "/.cache",
    "dot-config-scratch": "/.config",
}
_KNOWN = {
    "activeDeadlineSeconds",
    "emptyDirMounts",
    "fieldPathAsEnv",
    "imagePullPolicy",
    "imagePullSecret",
    "nodeSelector",
    "podMetadata",
    "pvcMount",
    "secretAsEnv",
    "securityContext",
    "tolerations",
}


def step_pod(step: Step, *, name: str, account: str, executor_input: Spec, run_id: str) -> dict[str, Any]:
    """The pod that runs a step as its platform's half asks, strict enough for any field that it would lose.

    Parameters
    ----------
    step
        The step with its inputs.
    name
        The pod's name.
    account
        The account that pipelines run as.
    executor_input
        What the step is told of its inputs and outputs.
    run_id
        The run's, which KFP puts on each pod as a label.

    Raises
    ------
    ValueError
        If the platform's half asks for something that no pod of this module has.
    """
    unknown = step.platform.keys() - _KNOWN
    if unknown:
        raise ValueError(f"the harness must know all that a step asks for, it knows nothing of {sorted(unknown)}")
    volumes, mounts = _volumes(step)
    container = {
        "name": "main",
        "image": step.executor["image"],
        "command": list(step.executor["command"]),
        "args": [each.replace("{{$}}", json.dumps(executor_input)) for each in step.executor["args"]],
        "env": [*step.executor.get("env", []), *_secret_variables(step), *_field_variables(step)],
        "resources": resources(step),
        "securityContext": {**_numbers(step.platform.get("securityContext", {})), **KFP_SETS},
        "volumeMounts": mounts,
        **{key: step.platform[key] for key in ("imagePullPolicy",) if key in step.platform},
    }
    spec = {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    if "imagePullSecret" in step.platform:
        asked = step.platform["imagePullSecret"]
        spec["imagePullSecrets"] = [{"name": step.resolve(each["secretNameParameter"])} for each in asked]
    spec |= _placement(step.platform)
    asked = step.platform.get("podMetadata", {})
    labels = {**asked.get("labels", {}), "pipeline/runid": run_id}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **asked, "labels": labels}, "spec": spec}


def resources(step: Step) -> dict[str, dict[str, str]]:
    """Requests and limits of a step, GPUs among them."""
    asked = step.executor.get("resources", {})
    found: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for resource in ("Cpu", "Memory"):
        for kind, key in (("requests", "Request"), ("limits", "Limit")):
            value = step.filled(asked.get(f"resource{resource}{key}", ""))
            if value:
                found[kind][resource.lower()] = value
    accelerator = asked.get("accelerator")
    if accelerator:
        found["limits"][accelerator["resourceType"]] = step.filled(accelerator["resourceCount"])
    return found


def _volumes(step: Step) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    volumes: list[dict[str, Any]] = [{"name": name, "emptyDir": {}} for name in _SCRATCH]
    mounts = [{"name": name, "mountPath": path} for name, path in _SCRATCH.items()]
    for each in step.platform.get("emptyDirMounts", []):
        folder = {key: each[key] for key in ("medium", "sizeLimit") if key in each}
        volumes.append({"name": each["volumeName"], "emptyDir": folder})
        mounts.append({"name": each["volumeName"], "mountPath": each["mountPath"]})
    claims = [(ARTIFACTS_CLAIM, ARTIFACTS_PATH)]
    for each in step.platform.get("pvcMount", []):
        claims.append((step.resolve(each["pvcNameParameter"]), each["mountPath"]))
    for claim, path in claims:
        volumes.append({"name": claim, "persistentVolumeClaim": {"claimName": claim}})
        mounts.append({"name": claim, "mountPath": path})
    return volumes, mounts


def _secret_variables(step: Step) -> Iterator[dict[str, Any]]:
    for secret in step.platform.get("secretAsEnv", []):
        name = step.resolve(secret["secretNameParameter"])
        for each in secret["keyToEnv"]:
            chosen = {"name": name, "key": each["secretKey"], "optional": secret.get("optional", False)}
            yield {"name": each["envVar"], "valueFrom": {"secretKeyRef": chosen}}


def _field_variables(step: Step) -> Iterator[dict[str, Any]]:
    for each in step.platform.get("fieldPathAsEnv", []):
        yield {"name": each["name"], "valueFrom": {"fieldRef": {"fieldPath": each["fieldPath"]}}}


def _placement(platform: Spec) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "activeDeadlineSeconds" in platform:
        found["activeDeadlineSeconds"] = int(platform["activeDeadlineSeconds"])
    if "nodeSelector" in platform:
        found["nodeSelector"] = platform["nodeSelector"]["labels"]
    if "tolerations" in platform:
        found["tolerations"] = platform["tolerations"]
    return found


def _numbers(context: Spec) -> dict[str, Any]:
    """The compiled form writes large numbers as text."""
    return {key: value if isinstance(value, bool) else int(value) for key, value in context.items()}
