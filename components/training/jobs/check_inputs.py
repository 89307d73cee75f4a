"""Checks a run's parameters before anything is paid for."""

from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any, NamedTuple

from components.modeling.backbone_config import AUTO, backbone_modality, BackboneConfig, is_custom_model, SMALL_CNN
from components.modeling.images.backbones import native_image_size
from components.modeling.preparation_settings import preparation_section, preparation_settings_from
from components.shared.contracts.asked_classes import asked_classes
from components.shared.contracts.cluster_spec import ClusterSpec
from components.shared.contracts.data_fingerprint import data_fingerprint
from components.shared.contracts.deploy_spec import DEPLOY_STEP
from components.shared.contracts.language_bias_corpus import read_corpus
from components.shared.contracts.problem import Problem, PROBLEM_FILE, problem_from
from components.shared.contracts.split_record import known_splits
from components.shared.contracts.user_files import given_problem
from components.shared.runtime.custom_code import check_allowed
from components.shared.runtime.gpu_placement import WORKSPACE_CLAIM
from components.shared.runtime.model_name import check_model_name, MAX_NAME_LENGTH
from components.shared.runtime.settings_text import written_settings
from components.shared.runtime.step_record import keep_results, RUN_PARAMETERS, SKIPPED, this_run, this_step
from components.shared.runtime.workspace import as_claim_uri, check_claim, mounted
from components.shared.runtime.written_settings import WrittenSettings
from components.shared.tables.sources import check_source, check_writable, companion_uri
from components.training.jobs.cluster_room import refuse_without_room
from components.training.recipes import recipe_config
from components.training.training_config import overridden

_TRIAL = "-smoke"
# What the steps after the data take of the problem file, each apart.
_SECTIONS = ("target", "preparation", "training", "budget", "fairness", "language_bias")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDestination:
    """What a run's model is called, and where the run writes.

    Attributes
    ----------
    model_name
        See `check_model_name`.
    model_root, checkpoint_dir
        Folders or URIs, `pvc://CLAIM/PATH` among them.
    feature_dir
        A folder that all steps mount, for the feature store; empty for none.
    workspace_claim
        The volume claim that steps mount, where there is a cluster.
    """

    model_name: str
    model_root: str
    checkpoint_dir: str
    feature_dir: str = ""
    workspace_claim: str = WORKSPACE_CLAIM


class CheckedInputs(NamedTuple):
    """The checked parameters, as the steps that follow take them; the step's outputs have these names and this order.

    The problem file comes in parts, so that a changed target does not repeat what it does not touch.

    Attributes
    ----------
    data_problem
        JSON text: everything but the other parts.
    target, preparation, training, budget, fairness, language_bias
        JSON texts: these sections; an augmentation policy with its content, and with the preparation how values of a
        table are cleaned.
    asked_classes
        JSON text: classes that the target and the fairness section name.
    source, checkpoint_dir
        Where steps find them: a place on the workspace as a path.
    model_name
        What the model is called: a smoke run's is `NAME-smoke`, since it shows that things run and is no model to use.
    model_root
        Where models are published to, for all who read them: a place on the workspace as `pvc://CLAIM/PATH`.
    data_fingerprint
        What was given, or where nothing was, the fingerprint of what is at the source now.
    problem_text
        The whole problem file, read where only its place was given.
    deploy
        JSON text: how the release goes live; empty where the problem file does not say.
    secret, registry, gpus
        The secret for outside data, the Kubeflow Model Registry's address (empty for none, and on a desk), and how many
        GPUs the training asks for, as text.
    data_cpu, data_cpu_limit, data_memory, data_memory_limit
        What steps that read data ask of a node, and the most that they may take.
    training_cpu, training_cpu_limit, training_memory, training_memory_limit
        What steps that compute with a model ask of a node, and the most that they may take.
    """

    data_problem: str
    target: str
    preparation: str
    training: str
    budget: str
    fairness: str
    language_bias: str
    asked_classes: str
    source: str
    checkpoint_dir: str
    model_name: str
    model_root: str
    data_fingerprint: str
    problem_text: str
    deploy: str
    secret: str
    registry: str
    gpus: str
    data_cpu: str
    data_cpu_limit: str
    data_memory: str
    data_memory_limit: str
    training_cpu: str
    training_cpu_limit: str
    training_memory: str
    training_memory_limit: str


def check_inputs(
    *,
    source: str,
    problem: str,
    recipe: str,
    backbone: str,
    seed: int,
    destination: RunDestination,
    fingerprint: str = "",
    profile: str = "cpu",
) -> CheckedInputs:
    """Check a run's parameters before anything is paid for.

    Parameters
    ----------
    source
        Where the data are.
    problem
        The problem file's text, or the URI of the file; empty where everything is inferred.
    recipe, backbone, seed
        How to train.
    destination
        The model's name, and where the run writes: its folders are made where they are missing, and a file is written
        and deleted where the last step will write.
    fingerprint
        Any text that changes when the data change; empty for the fingerprint of what is at the source.
    profile
        What the pipeline is compiled for: on a cluster, whether there is room for the run is looked at, too.

    Raises
    ------
    ValueError
        If a parameter is wrong; the message says which, and what it may be. If the cluster has no room for the run.
    FileNotFoundError
        If there is nothing at `source`, or nothing to split like where the problem file says.
    """
    asked = {
        "model_data": source,
        "data_fingerprint": fingerprint,
        "recipe": recipe,
        "backbone": backbone,
        "seed": seed,
        **asdict(destination),
        "problem": problem,
    }
    keep_results(RUN_PARAMETERS, facts=asked)
    text = given_problem(problem, destination.workspace_claim)
    written = written_settings(text, where=PROBLEM_FILE)
    said = problem_from(written)
    checked = _checked(text, written, said, source, recipe, backbone, seed, destination, fingerprint)
    keep_results(RUN_PARAMETERS, facts={**asked, "data_fingerprint": checked.data_fingerprint, "problem": text})
    refuse_without_room(said, profile)
    keep_results(this_step(), facts={SKIPPED: [] if checked.deploy else [DEPLOY_STEP]})
    return checked


def _checked(
    text: str,
    written: WrittenSettings,
    said: Problem,
    source: str,
    recipe: str,
    backbone: str,
    seed: int,
    destination: RunDestination,
    fingerprint: str,
) -> CheckedInputs:
    # The target is no part of what ingestion gets, but may say what the label is.
    parsed = {**said.to_dict(), "task": said.asked_task}
    if backbone != AUTO:
        _check_backbone(backbone, parsed["modality"])
    overridden(recipe_config(recipe, _some_backbone(backbone)), written.section("training"))
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    published_name = _published_name(destination.model_name, recipe)
    found = _found(source, destination)
    if said.split.like is not None:
        known_splits(companion_uri(found, said.split.like))
    _check_destination(destination, published_name)
    if said.language_bias.corpus is not None:
        parsed["language_bias"]["corpus"] = _found_corpus(said.language_bias.corpus, destination)
    parsed["preparation"] = preparation_section(
        _checked_preparation(written.section("preparation"), parsed["modality"]), said.table
    )
    del parsed["cluster"]
    deploy = parsed.pop("deploy")
    sections = {name: _canonical(parsed.pop(name)) for name in _SECTIONS}
    return CheckedInputs(
        data_problem=_canonical(parsed),
        **sections,
        asked_classes=asked_classes(said.target, said.fairness).to_json(),
        source=found,
        checkpoint_dir=mounted(destination.checkpoint_dir),
        model_name=published_name,
        model_root=as_claim_uri(destination.model_root, destination.workspace_claim),
        data_fingerprint=fingerprint or data_fingerprint(found, said),
        problem_text=text,
        deploy=_checked_deploy(said, deploy, destination, published_name),
        **_asked_of_cluster(said.cluster),
    )


def _published_name(name: str, recipe: str) -> str:
    check_model_name(name)
    return f"{name[: MAX_NAME_LENGTH - len(_TRIAL)].rstrip('-')}{_TRIAL}" if recipe == "smoke" else name


def _found(source: str, destination: RunDestination) -> str:
    """The source as steps find it."""
    check_claim("model_data", source, destination.workspace_claim)
    found = mounted(source)
    check_source(found)
    return found


def _found_corpus(corpus: str, destination: RunDestination) -> str:
    """A team's own sentences as steps find them."""
    check_claim("language_bias.corpus", corpus, destination.workspace_claim)
    found = mounted(corpus)
    if not Path(found).is_file():
        raise FileNotFoundError(f"language_bias.corpus must be a file that every step finds, got {corpus}, not there")
    read_corpus(found)
    return found


def _check_destination(destination: RunDestination, published_name: str) -> None:
    for name, uri in (("checkpoint_dir", destination.checkpoint_dir), ("model_root", destination.model_root)):
        check_claim(name, uri, destination.workspace_claim)
    check_writable("checkpoint_dir", mounted(destination.checkpoint_dir))
    check_writable("model_root", mounted(destination.model_root), below=published_name)
    if destination.feature_dir:
        _check_feature_dir(destination.feature_dir)


def _checked_deploy(said: Problem, written: Any, destination: RunDestination, name: str) -> str:
    """The section, checked against what KServe can fetch; a smoke run goes nowhere."""
    if said.deploy is None or name != destination.model_name:
        return ""
    if "://" not in as_claim_uri(destination.model_root, destination.workspace_claim) and this_run() is not None:
        raise ValueError(
            "model_root must be where KServe finds it, s3://, gs:// or pvc://, where the problem file says deploy, "
            f"got {destination.model_root}"
        )
    return _canonical(written)


def _asked_of_cluster(cluster: ClusterSpec) -> dict[str, str]:
    sizes = {
        f"{kind}_{name}": value
        for kind, steps in (("data", cluster.data), ("training", cluster.training))
        for name, value in asdict(steps).items()
    }
    # Runs on a desk have no cluster, and their releases nothing to do in its registry.
    registry = "" if this_run() is None else cluster.registry or ""
    return {"secret": cluster.secret, "registry": registry, "gpus": str(cluster.gpus), **sizes}


def _check_backbone(name: str, modality: str | None) -> None:
    taken = backbone_modality(name)
    if modality is not None and taken not in (None, modality):
        raise ValueError(f"the backbone {name} takes {taken} examples, but the problem file says modality {modality}")
    if is_custom_model(name):
        check_allowed(name)
    native_image_size(BackboneConfig(name=name))


def _checked_preparation(written: WrittenSettings, modality: str | None) -> dict[str, Any]:
    """The section, checked; an augmentation policy's file is read here, so that an error in it shows at once."""
    settings = preparation_settings_from(written)
    section = written.content or {}
    if modality is not None:
        settings.check_modality(modality)
    if settings.augmentation is None:
        return dict(section)
    # Loading albumentations takes longer than all the other checks together.
    from components.modeling.augmentation.named_policies import NO_POLICY, policy_from

    return {**section, "augmentation": policy_from(settings.augmentation, image_size=settings.image_size) or NO_POLICY}


def _some_backbone(name: str) -> BackboneConfig:
    """A backbone to try the settings with: which one `auto` takes is known when the examples are."""
    return BackboneConfig(name=SMALL_CNN if name == AUTO else name)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _check_feature_dir(folder: str) -> None:
    if "://" in folder or not Path(folder).is_absolute():
        raise ValueError(
            f"feature_dir must be the absolute path of a folder that steps mount, or empty, got {folder!r}: "
            "a feature store is memory-mapped, which only files can be"
        )
    check_writable("feature_dir", folder)
