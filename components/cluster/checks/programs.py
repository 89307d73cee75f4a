"""Whether the programs that a run stands on are there and new enough."""

from collections.abc import Mapping
import re
from typing import Any

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Unseen
from components.cluster.facts import ARGO, ClusterFacts, KSERVE, KUEUE, name_of, TRAINER, Wanted
from components.shared.runtime.cluster_versions import Program, REQUIREMENTS, version_numbers

# The deployment whose image says a program's version, and the API group by which one that is not seen shows.
_DEPLOYMENTS: Mapping[Program, tuple[str, str]] = {
    "kfp": ("ml-pipeline", ""),
    "argo": ("workflow-controller", ARGO),
    "kserve": ("kserve-controller-manager", KSERVE),
    "kueue": ("kueue-controller-manager", KUEUE),
    "trainer": ("kubeflow-trainer-controller-manager", TRAINER),
}
_TAG = re.compile(r"v?\d+\.\d+(\.\d+)?([-+.].*)?")
_UPGRADE = "have an administrator install or upgrade it"


def program_answers(facts: ClusterFacts, wanted: Wanted) -> list[Answer]:
    """An answer for Kubernetes and for each program that the profile needs."""
    answers = [_of_version("kubernetes", facts.version)]
    programs: list[Program] = ["kfp", "argo", "kserve"]
    if wanted.profile != "cpu":
        programs.append("kueue")
    if wanted.profile == "nodes":
        programs.append("trainer")
    answers += [_program_answer(program, facts) for program in programs]
    if wanted.profile == "nodes":
        answers.append(_runtime_answer(facts))
    return answers


def _program_answer(program: Program, facts: ClusterFacts) -> Answer:
    name, group = _DEPLOYMENTS[program]
    requirement = REQUIREMENTS[program]
    if isinstance(facts.deployments, Unseen):
        if group and not facts.has_group(group):
            return _missing(program)
        return unseen(requirement.title, "deployments of other namespaces, by which its version shows")
    found = next((each for each in facts.deployments if name_of(each) == name), None)
    if found is None:
        return _missing(program)
    version = _image_version(found)
    if version is None:
        return note(
            requirement.title,
            asked=requirement.asked(),
            found=f"an image without a version, {_image(found)}",
            remedy="compare its release with docs/cluster.md",
        )
    return _of_version(program, version)


def _missing(program: Program) -> Answer:
    requirement = REQUIREMENTS[program]
    if program == "kueue":
        # A label that means nothing: GPU steps run, unqueued.
        return note(requirement.title, asked=requirement.asked(), found="none: GPU steps do not queue")
    return bad(requirement.title, asked=requirement.asked(), found="none in the cluster", remedy=_UPGRADE)


def _of_version(program: Program, version: str) -> Answer:
    requirement = REQUIREMENTS[program]
    try:
        numbers = version_numbers(version)
    except ValueError:
        return note(requirement.title, asked=requirement.asked(), found=f"the version {version!r}")
    lacking = [floor for floor in requirement.floors if numbers < version_numbers(floor.least)]
    if not lacking:
        return good(requirement.title, version)
    answer = bad if any(floor.is_needed for floor in lacking) else note
    return answer(
        requirement.title,
        asked=f"{lacking[-1].least} or newer",
        found=f"{version}: {'; '.join(floor.below for floor in lacking)}",
        remedy=_UPGRADE,
    )


def _runtime_answer(facts: ClusterFacts) -> Answer:
    subject, name = "training runtime", "torch-distributed"
    if isinstance(facts.training_runtimes, Unseen):
        return unseen(subject, "the cluster's training runtimes")
    if any(name_of(each) == name for each in facts.training_runtimes):
        return good(subject, name)
    return bad(
        subject,
        asked=f"Trainer's ClusterTrainingRuntime {name}",
        found=", ".join(map(name_of, facts.training_runtimes)) or "none",
        remedy="have an administrator apply Kubeflow Trainer's runtimes",
    )


def _image(deployment: Mapping[str, Any]) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0].get("image", ""))


def _image_version(deployment: Mapping[str, Any]) -> str | None:
    tag = _image(deployment).partition("@")[0].rpartition(":")[2]
    if _TAG.fullmatch(tag):
        return tag
    labels = deployment["metadata"].get("labels", {})
    said = str(labels.get("app.kubernetes.io/version", ""))
    return said if _TAG.fullmatch(said) else None
