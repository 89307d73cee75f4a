"""A compiled pipeline as a file: its name, its parameters, and the arguments that somebody gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

_SHOWN_DIGITS = 12
_KINDS: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "NUMBER_INTEGER": (int, "a whole number"),
    "NUMBER_DOUBLE": ((int, float), "a number"),
    "BOOLEAN": (bool, "true or false"),
    "LIST": (list, "a list in JSON"),
    "STRUCT": (dict, "an object in JSON"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelinePackage:
    """A compiled pipeline.

    Attributes
    ----------
    path
        The file, as KFP takes it.
    name
        The pipeline's name, `pluszero-training`.
    version
        Name of the version that these bytes are: the file's name and a digest of its contents. Versions of KFP never
        change, and the same bytes are the same version.
    parameters
        What kfp wrote of each parameter, by name: `parameterType`, `defaultValue`, `isOptional`.
    """

    path: Path
    name: str
    version: str
    parameters: Mapping[str, Mapping[str, Any]]

    def arguments(self, written: Sequence[str]) -> dict[str, Any]:
        """Arguments by name, each of its parameter's type, from texts `NAME=VALUE`; a value may hold `=`.

        Raises
        ------
        ValueError
            If a text is not so written, names no parameter or one twice, its value is not of the type, or a parameter
            that has no default is left out.
        """
        given: dict[str, Any] = {}
        for argument in written:
            name, found, value = argument.partition("=")
            if not found or name not in self.parameters or name in given:
                raise ValueError(
                    f"an argument must be NAME=VALUE with NAME, once, of {', '.join(self.parameters)}, got {argument!r}"
                )
            given[name] = _typed(name, value, self.parameters[name]["parameterType"])
        missing = [name for name, told in self.parameters.items() if name not in given and not told.get("isOptional")]
        if missing:
            raise ValueError(f"{self.path.name} must be given {' and '.join(missing)}: {missing[0]}=VALUE")
        return given


def read_package(path: Path) -> PipelinePackage:
    """Read a compiled pipeline, as `make compile` writes it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is another kind of file; objects for kubectl are named as such.
    """
    if not path.is_file():
        raise FileNotFoundError(f"a compiled pipeline must be a file, but {path} is not there: run make compile")
    content = path.read_bytes()
    try:
        first = next(yaml.safe_load_all(content), None)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be a compiled pipeline in YAML: {error}") from error
    if isinstance(first, dict) and str(first.get("apiVersion", "")).startswith("pipelines.kubeflow.org/"):
        plain = path.name.replace(".kubernetes.yaml", ".yaml")
        raise ValueError(f"{path} holds objects, which kubectl apply takes: submit {plain}, the same pipeline")
    if not isinstance(first, dict) or "name" not in first.get("pipelineInfo", {}):
        raise ValueError(f"{path} must be a compiled pipeline, training-gpu.yaml of make compile for one")
    digest = hashlib.sha256(content).hexdigest()[:_SHOWN_DIGITS]
    return PipelinePackage(
        path=path,
        name=first["pipelineInfo"]["name"],
        version=f"pluszero-{path.name.partition('.')[0]}-{digest}",
        parameters=first.get("root", {}).get("inputDefinitions", {}).get("parameters", {}),
    )


def _typed(name: str, value: str, kind: str) -> Any:
    if kind not in _KINDS:
        return value
    wanted, words = _KINDS[kind]
    try:
        read = json.loads(value)
    except json.JSONDecodeError:
        read = None
    if not isinstance(read, wanted) or (isinstance(read, bool) and kind != "BOOLEAN"):
        raise ValueError(f"{name} must be {words}, got {value!r}")
    return read
