"""Whether a node can pull an image: tried, by a pod that ends at once."""

from collections.abc import Callable, Sequence
import time
from uuid import uuid4

from components.cluster.answers import Answer, bad, good, note
from components.cluster.api import Object, Unseen, WritingApi
from components.shared.runtime.gpu_placement import IMAGE_USER

_NEVER = ("InvalidImageName", "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "ImageInspectError")
# The first failure may be a registry's hiccup: the node tries again.
_PATIENCE_S = 30.0


def pull_answers(
    api: WritingApi,
    images: Sequence[str],
    *,
    namespace: str,
    pull_secrets: Sequence[str] = (),
    timeout_s: float = 1800,
    said: Callable[[str], None] = lambda line: None,
) -> list[Answer]:
    """An answer for each image; the pods are deleted whatever happens.

    Parameters
    ----------
    images
        Their full names.
    pull_secrets
        Secrets that pull them.
    timeout_s
        How long a pull may take, in seconds.
    said
        Called with a line before each pull.
    """
    answers = []
    for image in images:
        said(f"pulling {image}")
        answers.append(_tried(api, image, namespace, pull_secrets, timeout_s))
    return answers


def _tried(api: WritingApi, image: str, namespace: str, pull_secrets: Sequence[str], timeout_s: float) -> Answer:
    subject = f"image {image.rpartition('/')[2].partition('@')[0]}"
    pods = f"/api/v1/namespaces/{namespace}/pods"
    pod = _pod(image, pull_secrets)
    path = f"{pods}/{pod['metadata']['name']}"
    refusal = api.created(pods, pod)
    if refusal is not None:
        return note(subject, asked="a pod that pulls it", found=f"that none may be made: {refusal.reason}")
    try:
        return _outcome(api, path, subject, image, timeout_s)
    finally:
        api.deleted(path)


def _outcome(api: WritingApi, path: str, subject: str, image: str, timeout_s: float) -> Answer:
    give_up, failing_since = time.monotonic() + timeout_s, None
    while time.monotonic() < give_up:
        found = api.get(path)
        if isinstance(found, Unseen) or found is None:
            return note(subject, asked="a pod that pulls it", found="that the pod cannot be read, or is gone")
        status: Object = next(iter(found.get("status", {}).get("containerStatuses", [])), {})
        state = status.get("state", {})
        if "terminated" in state or "running" in state:
            return good(subject, "a node has pulled it")
        waiting = state.get("waiting", {})
        if waiting.get("reason") in _NEVER:
            failing_since = failing_since or time.monotonic()
            if time.monotonic() - failing_since > _PATIENCE_S:
                return _never(subject, image, waiting)
        time.sleep(1)
    return bad(
        subject,
        asked=f"a pull within {timeout_s:.0f} s",
        found="none: no node took the pod, or the registry is slow",
        remedy="kubectl get events says what the pod waited for",
    )


def _never(subject: str, image: str, waiting: Object) -> Answer:
    said = " ".join(str(waiting.get("message") or waiting["reason"]).split())
    return bad(
        subject,
        asked="an image that nodes can pull",
        found=f"{image}: {said}",
        remedy="make push-images; where the registry has a password, PLUSZERO_IMAGE_PULL_SECRETS (docs/cluster.md)",
    )


def _pod(image: str, pull_secrets: Sequence[str]) -> Object:
    """A pod that pod security lets in where it is restricted."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"pluszero-pull-{uuid4().hex[:8]}",
            "labels": {"app.kubernetes.io/part-of": "pluszero-mlops"},
            "annotations": {"sidecar.istio.io/inject": "false"},
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "imagePullSecrets": [{"name": name} for name in pull_secrets],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": IMAGE_USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "pull",
                    "image": image,
                    "command": ["true"],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "16Mi"},
                        "limits": {"cpu": "100m", "memory": "64Mi"},
                    },
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
