"""Custom resources' schemas as an API server holds objects against them."""

import functools
from pathlib import Path
from typing import Any

import jsonschema
import yaml

CRDS = Path(__file__).parent / "cluster" / "crds"
_FILES = {"serving": "kserve", "kueue": "kueue", "trainer": "trainer"}


def spec_errors(found: dict[str, Any]) -> list[str]:
    """What is wrong with an object's spec, unknown fields included."""
    errors = _validator(found["apiVersion"], found["kind"]).iter_errors(found["spec"])
    return [f"{error.json_path}: {error.message}" for error in errors]


@functools.cache
def _validator(api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_closed(_schema_of(api_version, kind)["properties"]["spec"]))


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A structural schema with unknown fields as errors, as the API server's strict validation takes them."""
    found = dict(schema)
    if "x-kubernetes-int-or-string" in found:
        return {"type": ["integer", "string"]}
    if "properties" in found:
        found["properties"] = {name: _closed(part) for name, part in found["properties"].items()}
        if not found.get("x-kubernetes-preserve-unknown-fields"):
            found["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _closed(found[key])
    return found


def _schema_of(api_version: str, kind: str) -> dict[str, Any]:
    group = api_version.split("/")[0].split(".")[0]
    path = CRDS / f"{_FILES[group]}_{kind.lower()}s.yaml"
    definition = next(yaml.load_all(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    versions = {version["name"]: version for version in definition["spec"]["versions"]}
    schema: dict[str, Any] = versions[api_version.split("/")[1]]["schema"]["openAPIV3Schema"]
    return schema
