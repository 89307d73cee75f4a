"""The local cache key: in a local run the tag of a step's image is a digest of the code that the step runs.

KFP's cache takes the image's name to stand for what is inside. A cluster's tags are commits; here the tree may be
dirty, so every step's tag is the fingerprint of its job's code, and a changed line reruns the steps that can reach it
and no others.
"""

from collections.abc import Mapping
import configparser
import platform
from typing import Any

import yaml

from components.shared.runtime.code_fingerprint import job_fingerprint
from components.shared.runtime.container_images import image_name, image_repository
from components.shared.runtime.custom_code import custom_code_fingerprints
from components.shared.runtime.fingerprints import fingerprint_json
from pipelines.local.face_jobs import job_module
from pipelines.local.image_source import REPOSITORY, requirement_files

_FOR_CLUSTERS = {"write_run_page"}


def tag_with_source(package: str, *, in_containers: bool = False, looked_at: Mapping[str, str] | None = None) -> str:
    """Give every image of a compiled pipeline (YAML) the tag of its step's code, and take its retries away.

    A retry is for a cluster's network and nodes; here it would only delay the news that a step has refused its data.
    Every step may be taken from the cache here: the command says by `data_fingerprint` what is outside, and by
    `looked_at`, a text for a face, what it looks at that no argument of a step says. The step that
    writes the page of a run goes: here whoever runs the steps sees them and writes it.
    Where steps run in the images themselves, the images' locks count, else the environments of this machine.
    """
    documents = [document for document in yaml.safe_load_all(package) if document]
    for executor in documents[0]["deploymentSpec"]["executors"].values():
        container = executor["container"]
        code = _code(container, in_containers)
        seen = (looked_at or {}).get(_face(container), "")
        tag = f"src-{(fingerprint_json([code, seen]) if seen else code)[:16]}"
        container["image"] = f"{image_repository(container['image'])}:{tag}"
    for dag in _dags(documents[0]):
        dag["tasks"] = {name: task for name, task in dag["tasks"].items() if not _is_for_clusters(task, documents[0])}
        for task in dag["tasks"].values():
            task.pop("retryPolicy", None)
            task["cachingOptions"] = {"enableCache": True}
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True)


def _is_for_clusters(task: dict[str, Any], specification: dict[str, Any]) -> bool:
    label = specification["components"][task["componentRef"]["name"]].get("executorLabel")
    return (
        label is not None and _face(specification["deploymentSpec"]["executors"][label]["container"]) in _FOR_CLUSTERS
    )


def _dags(specification: dict[str, Any]) -> list[dict[str, Any]]:
    roots = [specification["root"], *specification["components"].values()]
    return [root["dag"] for root in roots if "dag" in root]


def _face(container: dict[str, Any]) -> str:
    """The face that a step runs."""
    arguments = container.get("args", [])
    if "--function_to_execute" not in arguments:
        raise ValueError(f"the step in {container['image']} must run a face, but names none")
    return str(arguments[arguments.index("--function_to_execute") + 1])


def _code(container: dict[str, Any], in_containers: bool) -> str:
    face = _face(container)
    code = job_fingerprint(job_module(face), face)
    image = image_name(container["image"])
    requirements = _locked(image) if in_containers else _requirements(image)
    # A team's custom functions run in any step of these images.
    custom = {} if image == "validation" else custom_code_fingerprints()
    return fingerprint_json({"code": code, "requirements": requirements, "own": custom})


def _locked(image: str) -> str:
    """Fingerprint of what an image itself holds."""
    return fingerprint_json([path.read_text(encoding="utf-8") for path in requirement_files(image)])


def _requirements(name: str) -> str:
    """Fingerprint of what the environment of an image must hold: its extra, the pins, and Python."""
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    wanted = [parser["options"]["install_requires"], parser["options.extras_require"][name]]
    pins = "constraints-validation.txt" if name == "validation" else "constraints.txt"
    python = platform.python_version()
    return fingerprint_json([wanted, (REPOSITORY / "docker" / pins).read_text(encoding="utf-8"), python])
