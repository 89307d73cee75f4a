"""Checks a run's parameters before anything is paid for."""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import fsspec

from components.modeling.backbone_config import AUTO, backbone_modality, BackboneConfig, is_custom_model, SMALL_CNN
from components.modeling.images.backbones import native_image_size
from components.modeling.preparation_settings import preparation_section, preparation_settings_from
from components.shared.contracts.problem import PROBLEM_FILE, problem_from
from components.shared.contracts.split_record import known_splits
from components.shared.runtime.custom_code import check_allowed
from components.shared.runtime.model_name import check_model_name
from components.shared.runtime.settings_text import written_settings
from components.shared.runtime.written_settings import WrittenSettings
from components.shared.tables.sources import check_source, companion_uri, readable_store_errors
from components.training.recipes import recipe_config
from components.training.training_config import overridden


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDestination:
    """What a run's model is called, and where the run writes.

    Attributes
    ----------
    model_name
        See `check_model_name`.
    model_root, checkpoint_dir
        Folders or URIs.
    feature_dir
        A folder that all steps mount, for the feature store; empty for none.
    """

    model_name: str
    model_root: str
    checkpoint_dir: str
    feature_dir: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedInputs:
    """The problem file in parts, so that a changed target does not repeat what it does not touch.

    Attributes
    ----------
    data_problem
        JSON text: everything but the other parts.
    target, preparation, training, budget
        JSON texts: these sections; an augmentation policy with its content, and with the preparation how values of a
        table are cleaned.
    """

    data_problem: str
    target: str
    preparation: str
    training: str
    budget: str


def check_inputs(
    *, source: str, problem: str, recipe: str, backbone: str, seed: int, destination: RunDestination
) -> CheckedInputs:
    """Check a run's parameters before anything is paid for.

    Parameters
    ----------
    source
        Where the data are.
    problem
        The problem file's text; empty where everything is inferred.
    recipe, backbone, seed
        How to train.
    destination
        The model's name, and where the run writes: its folders are made where they are missing.

    Raises
    ------
    ValueError
        If a parameter is wrong; the message says which, and what it may be.
    FileNotFoundError
        If there is nothing at `source`, or nothing to split like where the problem file says.
    """
    written = written_settings(problem, where=PROBLEM_FILE)
    said = problem_from(written)
    # The target is no part of what ingestion gets, but may say what the label is.
    parsed = {**said.to_dict(), "task": said.asked_task}
    if backbone != AUTO:
        _check_backbone(backbone, parsed["modality"])
    overridden(recipe_config(recipe, _some_backbone(backbone)), written.section("training"))
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}")
    check_model_name(destination.model_name)
    check_source(source)
    if parsed["split"]["like"] is not None:
        known_splits(companion_uri(source, parsed["split"]["like"]))
    _check_writable("checkpoint_dir", destination.checkpoint_dir)
    _check_writable("model_root", destination.model_root)
    if destination.feature_dir:
        _check_feature_dir(destination.feature_dir)
    parsed["preparation"] = preparation_section(
        _checked_preparation(written.section("preparation"), parsed["modality"]), said.table
    )
    sections = {name: _canonical(parsed.pop(name)) for name in ("target", "preparation", "training", "budget")}
    return CheckedInputs(data_problem=_canonical(parsed), **sections)


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
    _check_writable("feature_dir", folder)


def _check_writable(name: str, uri: str) -> None:
    if not uri.strip():
        raise ValueError(f"{name} must be a folder or a URI, got nothing")
    with readable_store_errors(f"{name} must be a folder or a URI that can be written, but {uri} cannot"):
        filesystem, path = fsspec.core.url_to_fs(uri)
        filesystem.makedirs(path, exist_ok=True)
        probe = f"{path.rstrip('/')}/.writable"
        filesystem.pipe_file(probe, b"")
        filesystem.rm_file(probe)
