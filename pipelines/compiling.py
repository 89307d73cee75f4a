"""Pipelines as YAML: the same bytes for the same source, every time."""

from pathlib import Path

from kfp.compiler import Compiler

from components.shared.atomic_files import atomic_file
from pipelines.placement import PROFILES
from pipelines.training import training_pipeline


def compile_pipelines(folder: str | Path) -> list[Path]:
    """Compile every pipeline for every profile.

    Parameters
    ----------
    folder
        Where the YAML goes, `training-gpu.yaml` for one.

    Returns
    -------
    list of Path
        The files written.
    """
    written = []
    for profile in PROFILES:
        target = Path(folder) / f"training-{profile}.yaml"
        with atomic_file(target) as part:
            yaml_part = part.with_suffix(".yaml")
            Compiler().compile(training_pipeline(profile), package_path=str(yaml_part))
            yaml_part.replace(part)
        written.append(target)
    return written
