"""What a cluster would say to an overlay: a dry run of each object by the server, before one is applied."""

from collections.abc import Iterator, Sequence
from pathlib import Path
import shutil
import subprocess
from typing import Any

import yaml

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import ClusterApi, ClusterError, Object, Unseen

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_IMMUTABLE = ("immutable", "forbidden: spec is", "field is immutable")


def rendered_overlay(folder: str | Path) -> list[Object]:
    """The objects of an overlay, as kustomize renders them.

    Raises
    ------
    FileNotFoundError
        If there is no kustomization, or no kubectl.
    ValueError
        If it cannot be rendered.
    """
    if not any((Path(folder) / name).is_file() for name in _KUSTOMIZATIONS):
        raise FileNotFoundError(f"the overlay must be a folder with a {_KUSTOMIZATIONS[0]}, but {folder} has none")
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise FileNotFoundError("kubectl must be on the PATH to render an overlay, but is not: install it")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"the overlay {folder} must be one that kustomize renders: {' '.join(done.stderr.split())}")
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def overlay_answers(api: ClusterApi, objects: Sequence[Object]) -> list[Answer]:
    """An answer for each object that the cluster would not take, or one for all.

    Raises
    ------
    ClusterError
        If the cluster does not answer.
    """
    new = _new_namespaces(api, objects)
    answers = [answer for each in objects for answer in _object_answers(api, each, new)]
    if any(answer.status == "bad" for answer in answers):
        return answers
    return [*answers, good("overlay", f"the cluster takes all {len(objects)} objects")]


def _object_answers(api: ClusterApi, written: Object, new: set[str]) -> Iterator[Answer]:
    metadata = written["metadata"]
    namespace = metadata.get("namespace", "")
    subject = f"{written['kind']} {metadata['name']}"
    found = _resource(api, written)
    if isinstance(found, Unseen):
        yield unseen(subject, found.what)
    elif found is None:
        yield _no_kind(subject, written)
    elif namespace in new:
        # The server tries nothing in a namespace that is not there.
        yield note(
            subject, asked="a dry run", found=f"a namespace {namespace} that the overlay makes", remedy="ask again then"
        )
    else:
        plural, is_namespaced = found
        place = f"namespaces/{namespace}/" if is_namespaced else ""
        refusal = api.tried(f"{_base(written)}/{place}{plural}/{metadata['name']}", written)
        if refusal is not None:
            yield _refused(subject, written, refusal.reason)


def _no_kind(subject: str, written: Object) -> Answer:
    group = str(written["apiVersion"]).partition("/")[0]
    programs = {
        "kueue.x-k8s.io": "Kueue 0.15 or newer, or an overlay without the component kueue",
        "serving.kserve.io": "KServe",
    }
    return bad(
        subject,
        asked=f"the kind {written['kind']} of {written['apiVersion']}",
        found="none of that kind in the cluster",
        remedy=f"have an administrator install {programs.get(group, group)}",
    )


def _refused(subject: str, written: Object, reason: str) -> Answer:
    namespace, name = written["metadata"].get("namespace", ""), written["metadata"]["name"]
    remedy = "change the overlay by a patch, or ask an administrator"
    if any(words in reason for words in _IMMUTABLE):
        kind = str(written["kind"]).lower()
        remedy = (
            f"leave it as it is and take it out of the overlay, or kubectl delete {kind} {name} -n {namespace} first"
        )
        if kind == "persistentvolumeclaim":
            remedy += ": what is on it is lost then (manifests/README.md)"
    elif "forbidden" in reason:
        remedy = (
            f"ask an administrator to apply the overlay, or for the right to write {written['kind']} in {namespace}"
        )
    return bad(subject, asked="an object that the cluster takes", found=reason, remedy=remedy)


def _new_namespaces(api: ClusterApi, objects: Sequence[Object]) -> set[str]:
    names = {str(each["metadata"]["name"]) for each in objects if each["kind"] == "Namespace"}
    return {name for name in names if api.get(f"/api/v1/namespaces/{name}") is None}


def _base(written: Object) -> str:
    version = str(written["apiVersion"])
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _resource(api: ClusterApi, written: Object) -> tuple[str, bool] | Unseen | None:
    """The plural of an object's kind, and whether it lies in a namespace; None where the cluster has no such kind."""
    found: Any = api.get(_base(written))
    if isinstance(found, Unseen) or found is None:
        return found
    if "resources" not in found:
        raise ClusterError(f"the cluster must say which kinds {written['apiVersion']} has, but does not")
    for each in found["resources"]:
        if each["kind"] == written["kind"] and "/" not in each["name"]:
            return str(each["name"]), bool(each["namespaced"])
    return None
