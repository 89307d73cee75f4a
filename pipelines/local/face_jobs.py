"""Which job a face calls: both bear the same name, and the job lies in the face's family.

A face named X of the family F calls the function X of `components.F.jobs.X` where the family has a folder of jobs,
else of `components.F.jobs`. A test holds every face to it; a face or job that is renamed alone fails at the next run.
"""

from functools import cache
import importlib

from kfp.dsl.python_component import PythonComponent

from pipelines.local.image_source import REPOSITORY


def job_module(face: str) -> str:
    """Module of the job that a face calls: `components.training.jobs.train_model`."""
    family = face_families().get(face)
    if family is None:
        raise ValueError(f"{face} must be a face of a family in components, but none has it")
    jobs = f"components.{family}.jobs"
    return f"{jobs}.{face}" if (REPOSITORY / "components" / family / "jobs" / "__init__.py").is_file() else jobs


@cache
def face_families() -> dict[str, str]:
    """The family of every face, by the face's name."""
    families: dict[str, str] = {}
    for file in sorted((REPOSITORY / "components").glob("*/component.py")):
        family = file.parent.name
        for name, value in vars(importlib.import_module(f"components.{family}.component")).items():
            if isinstance(value, PythonComponent) and families.setdefault(name, family) != family:
                raise ValueError(f"a face's name must be its own, but {families[name]} and {family} both have {name}")
    return families
