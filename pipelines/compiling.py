"""Pipelines as YAML: the same bytes for the same source, every time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import re

from kfp.compiler import Compiler
from kfp.compiler.compiler_utils import KubernetesManifestOptions
from kfp.dsl.base_component import BaseComponent

from components.shared.runtime.atomic_files import atomic_file
from components.shared.runtime.container_images import image_version
from pipelines import augmentation_search, labelling, monitoring, scoring, training
from pipelines.steps.placement import ProfileName, PROFILES


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """A pipeline for one kind of cluster; `profile` is empty where it is the same on all."""

    pipeline_name: str
    profile: str
    build: Callable[[], BaseComponent]

    @property
    def file_name(self) -> str:
        """Name of its files without their suffix: `training-gpu`, `monitoring`."""
        return "-".join(filter(None, (self.pipeline_name.removeprefix("pluszero-"), self.profile)))


# Trials are short, and a run that scores is one step: each computes on one node.
_ONE_NODE_PROFILES: tuple[ProfileName, ...] = ("gpu", "cpu")

VARIANTS = (
    *(
        Variant(
            pipeline_name=training.PIPELINE_NAME, profile=profile, build=partial(training.training_pipeline, profile)
        )
        for profile in PROFILES
    ),
    *(
        Variant(
            pipeline_name=augmentation_search.PIPELINE_NAME,
            profile=profile,
            build=partial(augmentation_search.augmentation_search_pipeline, profile),
        )
        for profile in _ONE_NODE_PROFILES
    ),
    *(
        Variant(pipeline_name=scoring.PIPELINE_NAME, profile=profile, build=partial(scoring.scoring_pipeline, profile))
        for profile in _ONE_NODE_PROFILES
    ),
    *(
        Variant(pipeline_name=name, profile=profile, build=partial(build, profile))
        for name, build in (
            (labelling.PIPELINE_NAME, labelling.labelling_pipeline),
            (labelling.TRAINING_NAME, labelling.labelled_training_pipeline),
        )
        for profile in _ONE_NODE_PROFILES
    ),
    Variant(pipeline_name=monitoring.PIPELINE_NAME, profile="", build=monitoring.monitoring_pipeline),
)


def compile_pipelines(folder: str | Path) -> list[Path]:
    """Compile every pipeline for every profile, as the KFP UI takes it: `training-gpu.yaml` for one."""
    return [compile_pipeline(variant.file_name, folder) for variant in VARIANTS]


def compile_pipeline(name: str, folder: str | Path) -> Path:
    """Compile one pipeline for one profile, by its file's name, `training-gpu`: kfp takes a second or two for each."""
    variant = next(variant for variant in VARIANTS if variant.file_name == name)
    return _compiled(variant, Path(folder) / f"{variant.file_name}.yaml")


def compile_manifests(folder: str | Path) -> list[Path]:
    """Compile them into `Pipeline` and `PipelineVersion` objects, as kubectl takes it: `training-gpu.kubernetes.yaml`.

    The profiles are versions of one pipeline, each with the images' tag in its name: a version never changes.
    """
    return [
        _compiled(variant, Path(folder) / f"{variant.file_name}.kubernetes.yaml", as_objects=True)
        for variant in VARIANTS
    ]


def _compiled(variant: Variant, target: Path, *, as_objects: bool = False) -> Path:
    with atomic_file(target) as part:
        yaml_part = part.with_suffix(".yaml")
        Compiler().compile(
            variant.build(),
            package_path=str(yaml_part),
            kubernetes_manifest_format=as_objects,
            kubernetes_manifest_options=_objects(variant) if as_objects else None,
        )
        yaml_part.replace(part)
    return target


def _objects(variant: Variant) -> KubernetesManifestOptions:
    tag = image_version()
    return KubernetesManifestOptions(
        pipeline_name=variant.pipeline_name,
        pipeline_display_name=variant.pipeline_name.removeprefix("pluszero-").replace("-", " ").capitalize(),
        pipeline_version_name=f"pluszero-{variant.file_name}-{_plain(tag)}",
        pipeline_version_display_name=f"{tag} ({variant.profile})" if variant.profile else tag,
        include_pipeline_manifest=True,
    )


def _plain(tag: str) -> str:
    """A tag as part of a Kubernetes name."""
    return re.sub(r"[^a-z0-9]+", "-", tag.lower()).strip("-")
