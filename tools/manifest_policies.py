"""What every object that we give to a cluster must keep to, whoever wrote it.

    kubectl kustomize manifests/overlays/dev | python -m tools.manifest_policies

Each policy is a function of all the objects, for some hold between objects. It knows the kinds that this project
writes: pods, what makes pods, KServe's runtimes and services, roles and accounts.
"""

from collections.abc import Callable, Iterator, Sequence
import re
import sys
from typing import Any

import yaml

Object = dict[str, Any]
Policy = Callable[[Sequence[Object]], Iterator[str]]

_SECRET = re.compile(r"(?i)(password|secret|token|credential|api_?key|access_?key)")
_MAKES_PODS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
_PREDICTOR_LABEL = "serving.kserve.io/inferenceservice"
_NAME_LABEL = "app.kubernetes.io/name"


def name_of(found: Object) -> str:
    """Kind and name."""
    return f"{found['kind']} {found['metadata']['name']}"


def pods(objects: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Everything that describes a pod: name, and what has containers and volumes."""
    for found in objects:
        spec = found.get("spec") or {}
        match found["kind"]:
            case "Pod" | "ServingRuntime" | "ClusterServingRuntime":
                yield name_of(found), spec
            case kind if kind in _MAKES_PODS:
                yield name_of(found), spec["template"]["spec"]
            case "InferenceService":
                yield name_of(found), spec["predictor"]


def containers(objects: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Every container that is written out: name, and the container."""
    for name, pod in pods(objects):
        for container in [*pod.get("initContainers", []), *pod.get("containers", [])]:
            yield f"{name}, container {container['name']}", container


def releases(objects: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Every InferenceService: name, and the pod's own security context.

    A runtime cannot set that one, and the container by which KServe fetches the model has no other.
    """
    for found in objects:
        if found["kind"] == "InferenceService":
            yield name_of(found), found["spec"]["predictor"].get("securityContext", {})


def not_root(objects: Sequence[Object]) -> Iterator[str]:
    """Containers run as a user that is not root, and say so."""
    for name, container in containers(objects):
        context = container.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
            yield f"{name} must run as a user that is not root (runAsNonRoot, runAsUser)"
    for name, context in releases(objects):
        if context.get("runAsNonRoot") is not True:
            yield f"{name} must have its model fetched by a user that is not root (runAsNonRoot of the predictor)"


def no_privilege(objects: Sequence[Object]) -> Iterator[str]:
    """Containers have no privilege, cannot gain one, hold no capability and keep the runtime's system call filter."""
    for name, container in containers(objects):
        context = container.get("securityContext", {})
        if context.get("privileged") or context.get("allowPrivilegeEscalation") is not False:
            yield f"{name} must have no privilege and gain none (allowPrivilegeEscalation: false)"
        capabilities = context.get("capabilities", {})
        if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
            yield f"{name} must drop all capabilities and add none"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name} must have the seccomp profile RuntimeDefault"
    for name, context in releases(objects):
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name} must have its model fetched under the seccomp profile RuntimeDefault (of the predictor)"


def read_only_root(objects: Sequence[Object]) -> Iterator[str]:
    """Containers write to their volumes alone."""
    for name, container in containers(objects):
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"{name} must have a read-only root file system"


def nothing_of_the_host(objects: Sequence[Object]) -> Iterator[str]:
    """Pods share no namespace, folder or port with their node."""
    for name, pod in pods(objects):
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(key):
                yield f"{name} must not have {key}"
        if any("hostPath" in volume for volume in pod.get("volumes", [])):
            yield f"{name} must not mount a folder of its node"
    for name, container in containers(objects):
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{name} must not take a port of its node"


def fixed_image(objects: Sequence[Object]) -> Iterator[str]:
    """Images have a tag or digest that stays."""
    for name, container in containers(objects):
        reference = container.get("image", "").rpartition("/")[2]
        tag = reference.partition(":")[2]
        if "@sha256:" not in reference and tag in ("", "latest"):
            yield f"{name} must name its image by a release or digest, got {container.get('image')!r}"


def limits(objects: Sequence[Object]) -> Iterator[str]:
    """Containers ask for cores and memory, and have a bound of both."""
    for name, container in containers(objects):
        yield from _unlimited(name, container.get("resources", {}))
    for found in objects:
        if found["kind"] == "InferenceService" and "model" in found["spec"]["predictor"]:
            yield from _unlimited(name_of(found), found["spec"]["predictor"]["model"].get("resources", {}))


def _unlimited(name: str, resources: Object) -> Iterator[str]:
    for side in ("requests", "limits"):
        missing = {"cpu", "memory"} - resources.get(side, {}).keys()
        if missing:
            yield f"{name} must have {side} of {' and '.join(sorted(missing))}"


def probes(objects: Sequence[Object]) -> Iterator[str]:
    """Containers that serve say when they have started, are ready, and live."""
    for name, container in containers(objects):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if container.get("ports") and probe not in container:
                yield f"{name} serves, and so must have a {probe}"


def no_secret_content(objects: Sequence[Object]) -> Iterator[str]:
    """Secrets are named, never written down."""
    for found in objects:
        if found["kind"] == "Secret" and (found.get("data") or found.get("stringData")):
            yield f"{name_of(found)} must not be written down with its content: create it on the cluster"
    for name, container in containers(objects):
        for variable in container.get("env", []):
            if _SECRET.search(variable["name"]) and variable.get("value"):
                yield f"{name} must take {variable['name']} from a secret, not from a value"


def no_needless_token(objects: Sequence[Object]) -> Iterator[str]:
    """No pod gets a key to the cluster unasked."""
    for found in objects:
        spec = found.get("spec", {})
        holders = {"ServiceAccount": found, "InferenceService": spec.get("predictor", {})}
        if found["kind"] in _MAKES_PODS:
            holders[found["kind"]] = spec["template"]["spec"]
        holder = holders.get(found["kind"])
        if holder is not None and holder.get("automountServiceAccountToken") is not False:
            yield f"{name_of(found)} must have automountServiceAccountToken: false"


def least_rights(objects: Sequence[Object]) -> Iterator[str]:
    """Roles name what they give, stay in their namespace, and reach no secret."""
    for found in objects:
        if found["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            yield f"{name_of(found)} must be a role of one namespace"
        for rule in found.get("rules", []) if found["kind"] in ("Role", "ClusterRole") else []:
            for key in ("apiGroups", "resources", "verbs"):
                if "*" in rule.get(key, []):
                    yield f"{name_of(found)} must name its {key}, got *"
            if "secrets" in rule.get("resources", []):
                yield f"{name_of(found)} must not reach secrets"


def restricted_namespace(objects: Sequence[Object]) -> Iterator[str]:
    """A namespace of ours takes restricted pods alone."""
    for found in objects:
        if found["kind"] == "Namespace":
            level = found["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
            if level != "restricted":
                yield f"{name_of(found)} must enforce restricted pod security, got {level!r}"


def bounded_network(objects: Sequence[Object]) -> Iterator[str]:
    """A policy bounds what predictors and our own pods reach and who reaches them, and it bounds no other pod."""
    policies = [found for found in objects if found["kind"] == "NetworkPolicy"]
    for found in objects:
        if found["kind"] == "ServingRuntime" and not any(_selects(policy, found) for policy in policies):
            yield f"{name_of(found)} must give its pods the labels that a network policy selects (spec.labels)"
        serves = any(container.get("ports") for _, container in containers([found]))
        if found["kind"] in _MAKES_PODS and serves and not any(_bounds(policy, found) for policy in policies):
            yield f"{name_of(found)} must have a network policy that selects its pods by app.kubernetes.io/name"
    for found in policies:
        selected = found["spec"]["podSelector"]
        keys = {rule["key"] for rule in selected.get("matchExpressions", [])} | selected.get("matchLabels", {}).keys()
        is_of_ours = any(_bounds(found, other) for other in objects if other["kind"] in _MAKES_PODS)
        if _PREDICTOR_LABEL not in keys and not is_of_ours:
            yield f"{name_of(found)} must select predictors alone, by the label {_PREDICTOR_LABEL}"
        if set(found["spec"].get("policyTypes", [])) != {"Ingress", "Egress"}:
            yield f"{name_of(found)} must bound both ways"
        for way in ("ingress", "egress"):
            for rule in found["spec"].get(way, []):
                if not rule.get("from" if way == "ingress" else "to") or not rule.get("ports"):
                    yield f"{name_of(found)} must say whom and on which ports its {way} allows"


def _selects(policy: Object, runtime: Object) -> bool:
    wanted = policy["spec"]["podSelector"].get("matchLabels", {}).items()
    given = runtime["spec"].get("labels", {}).items()
    # KServe adds its own label to every predictor.
    return all(label in given for label in wanted if label[0] != _PREDICTOR_LABEL)


def _bounds(policy: Object, found: Object) -> bool:
    """Whether a policy selects the pods of an object by their own name, and so no others."""
    selector = policy["spec"]["podSelector"]
    wanted, given = selector.get("matchLabels", {}), found["spec"]["template"]["metadata"].get("labels", {})
    return _NAME_LABEL in wanted and wanted.items() <= given.items() and not selector.get("matchExpressions")


POLICIES: tuple[Policy, ...] = (
    not_root,
    no_privilege,
    read_only_root,
    nothing_of_the_host,
    fixed_image,
    limits,
    probes,
    no_secret_content,
    no_needless_token,
    least_rights,
    restricted_namespace,
    bounded_network,
)


def violations(objects: Sequence[Object]) -> list[str]:
    """Everything that breaks a policy, a sentence each.

    Parameters
    ----------
    objects
        Kubernetes objects as parsed from YAML.
    """
    return [f"{policy.__name__}: {sentence}" for policy in POLICIES for sentence in policy(objects)]


def main() -> int:
    """Judge the objects on standard input; 0 when they keep to every policy."""
    objects = [found for found in yaml.safe_load_all(sys.stdin) if found]
    found = violations(objects)
    for sentence in found:
        sys.stderr.write(f"error: {sentence}\n")
    if not found:
        print(f"{len(objects)} objects keep to {len(POLICIES)} policies")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
