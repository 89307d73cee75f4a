"""Pipelines as YAML: the same bytes for the same source, every time."""

from pathlib import Path
import re

from kfp.compiler import Compiler
from kfp.compiler.compiler_utils import KubernetesManifestOptions

from components.shared.atomic_files import atomic_file
from components.shared.images import image
from pipelines.placement import ProfileName, PROFILES
from pipelines.training import PIPELINE_NAME, training_pipeline


def compile_pipelines(folder: str | Path) -> list[Path]:
    """Compile every pipeline for every profile, as the KFP UI takes it.

    Parameters
    ----------
    folder
        Where the YAML goes, `training-gpu.yaml` for one.

    Returns
    -------
    list of Path
        The files written.
    """
    return [_compiled(profile, Path(folder) / f"training-{profile}.yaml") for profile in PROFILES]


def compile_manifests(folder: str | Path) -> list[Path]:
    """Compile every pipeline for every profile into `Pipeline` and `PipelineVersion` objects, as kubectl takes it.

    The profiles are versions of one pipeline, each with the images' tag in its name: a version never changes.

    Parameters
    ----------
    folder
        Where the YAML goes, `training-gpu.kubernetes.yaml` for one.

    Returns
    -------
    list of Path
        The files written.
    """
    return [
        _compiled(profile, Path(folder) / f"training-{profile}.kubernetes.yaml", as_objects=True)
        for profile in PROFILES
    ]


def _compiled(profile: ProfileName, target: Path, *, as_objects: bool = False) -> Path:
    with atomic_file(target) as part:
        yaml_part = part.with_suffix(".yaml")
        Compiler().compile(
            training_pipeline(profile),
            package_path=str(yaml_part),
            kubernetes_manifest_format=as_objects,
            kubernetes_manifest_options=_objects(profile) if as_objects else None,
        )
        yaml_part.replace(part)
    return target


def _objects(profile: ProfileName) -> KubernetesManifestOptions:
    tag = image("training").rpartition(":")[2]
    version = f"{PIPELINE_NAME}-{profile}-{_plain(tag)}"
    return KubernetesManifestOptions(
        pipeline_name=PIPELINE_NAME,
        pipeline_display_name="Training",
        pipeline_version_name=version,
        pipeline_version_display_name=f"{tag} ({profile})",
        include_pipeline_manifest=True,
    )


def _plain(tag: str) -> str:
    """A tag as part of a Kubernetes name."""
    return re.sub(r"[^a-z0-9]+", "-", tag.lower()).strip("-")
