"""Whether the programs that a run stands on are there and new enough."""

from collections.abc import Mapping
from dataclasses import dataclass
import re

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Object, Unseen
from components.cluster.facts import ARGO, ARGO_CONTROLLER, ClusterFacts, KSERVE, KUEUE, name_of, names_of, TRAINER
from components.cluster.wanted import Wanted
from components.shared.runtime.cluster_versions import Program, REQUIREMENTS, unmet_floors


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    """How a program shows: by its deployment's name, its image's where Helm named the deployment, a kind of its own."""

    deployment: str
    image: str
    kind: tuple[str, str] | None = None


_MARKS: Mapping[Program, _Mark] = {
    "kfp": _Mark(deployment="ml-pipeline", image="kfp-api-server"),
    "argo": _Mark(deployment=ARGO_CONTROLLER, image="workflow-controller", kind=(ARGO, "workflows")),
    "kserve": _Mark(
        deployment="kserve-controller-manager", image="kserve-controller", kind=(KSERVE, "inferenceservices")
    ),
    "kueue": _Mark(deployment="kueue-controller-manager", image="kueue", kind=(KUEUE, "localqueues")),
    "trainer": _Mark(
        deployment="kubeflow-trainer-controller-manager",
        image="trainer-controller-manager",
        kind=(TRAINER, "trainjobs"),
    ),
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
    answers += [_program_answer(program, facts, wanted) for program in programs]
    if wanted.profile == "nodes":
        answers.append(_runtime_answer(facts))
    return answers


def _program_answer(program: Program, facts: ClusterFacts, wanted: Wanted) -> Answer:
    requirement, mark = REQUIREMENTS[program], _MARKS[program]
    if isinstance(facts.deployments, Unseen):
        if mark.kind is not None and not facts.has(*mark.kind):
            return _missing(program)
        return unseen(requirement.title, "deployments of other namespaces, by which its version shows")
    found = _deployment(mark, facts.deployments, wanted.namespace)
    if found is None:
        return _missing(program)
    version = _image_version(found, mark)
    if _is_down(found):
        return note(
            requirement.title,
            asked="a controller that runs",
            found=f"{version or 'one'} without a pod that is ready",
            remedy=f"kubectl describe deployment {name_of(found)} -n {found['metadata']['namespace']}",
        )
    if version is None:
        return note(
            requirement.title,
            asked=requirement.asked(),
            found=f"an image without a version, {_image(found, mark)}",
            remedy="compare its release with docs/cluster.md",
        )
    return _of_version(program, version)


def _deployment(mark: _Mark, deployments: list[Object], namespace: str) -> Object | None:
    """A program's deployment; of several, one KFP a namespace for one, that of the namespace."""
    found = [each for each in deployments if name_of(each) == mark.deployment or _image_name(each, mark) == mark.image]
    return min(found, key=lambda each: each["metadata"].get("namespace") != namespace, default=None)


def _is_down(deployment: Object) -> bool:
    wanted = deployment["spec"].get("replicas", 1)
    return wanted > 0 and deployment.get("status", {}).get("availableReplicas", 0) == 0


def _missing(program: Program) -> Answer:
    requirement = REQUIREMENTS[program]
    if program == "kueue":
        # A label that means nothing: GPU steps run, unqueued.
        return note(requirement.title, asked=requirement.asked(), found="none: GPU steps do not queue")
    return bad(requirement.title, asked=requirement.asked(), found="none in the cluster", remedy=_UPGRADE)


def _of_version(program: Program, version: str) -> Answer:
    requirement = REQUIREMENTS[program]
    try:
        lacking = unmet_floors(program, version)
    except ValueError:
        return note(requirement.title, asked=requirement.asked(), found=f"the version {version!r}")
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
        found=names_of(facts.training_runtimes),
        remedy="have an administrator apply Kubeflow Trainer's runtimes (by Helm: runtimes.torchDistributed.enabled)",
    )


def _image(deployment: Object, mark: _Mark) -> str:
    """The program's own image: beside it a proxy may run."""
    images = [str(each.get("image", "")) for each in deployment["spec"]["template"]["spec"]["containers"]]
    return next((image for image in images if _repository(image) == mark.image), images[0])


def _image_name(deployment: Object, mark: _Mark) -> str:
    return _repository(_image(deployment, mark))


def _repository(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _image_version(deployment: Object, mark: _Mark) -> str | None:
    """The image's tag; where it is named by digest alone, what Helm's label says."""
    tag = _image(deployment, mark).partition("@")[0].rpartition("/")[2].partition(":")[2]
    said = str(deployment["metadata"].get("labels", {}).get("app.kubernetes.io/version", ""))
    return next((each for each in (tag, said) if _TAG.fullmatch(each)), None)
