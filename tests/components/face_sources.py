"""Faces as their sources give them, without kfp: the validation image's environment has none of its decorators."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
import importlib
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceSource:
    """A face, the image that it runs in, and the job that its body imports."""

    name: str
    image: str
    module: str

    def imported_job(self) -> Callable[..., Any]:
        """The job, imported as the body does."""
        job: Callable[..., Any] = getattr(importlib.import_module(self.module), self.name)
        return job


def faces_of(repository: Path) -> Iterator[FaceSource]:
    """Every function below `@dsl.component(base_image=image(...), ...)`."""
    for source in sorted((repository / "components").glob("*/component.py")):
        for function in ast.parse(source.read_text(encoding="utf-8")).body:
            if isinstance(function, ast.FunctionDef) and function.decorator_list:
                yield _face(function)


def _face(function: ast.FunctionDef) -> FaceSource:
    [decorator] = function.decorator_list
    assert isinstance(decorator, ast.Call)
    [image] = [keyword.value for keyword in decorator.keywords if keyword.arg == "base_image"]
    [name] = [node.value for node in ast.walk(image) if isinstance(node, ast.Constant)]
    [job] = [node for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
    return FaceSource(name=function.name, image=str(name), module=str(job.module))
