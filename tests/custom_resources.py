"""Custom resources' schemas as an API server holds objects against them."""

from pathlib import Path
from typing import Any

import jsonschema
import yaml

CRDS = Path(__file__).parent / "cluster" / "crds"
_FILES = {"serving": "kserve", "kueue": "kueue", "trainer": "trainer"}


def spec_errors(found: dict[str, Any]) -> list[str]:
    """What is wrong with an object's spec, unknown fields included."""
    schema = _closed(_schema_of(found)["properties"]["spec"])
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(found["spec"])]


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


def _schema_of(found: dict[str, Any]) -> dict[str, Any]:
    group = found["apiVersion"].split("/")[0].split(".")[0]
    path = CRDS / f"{_FILES[group]}_{found['kind'].lower()}s.yaml"
    definition = next(yaml.load_all(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    versions = {version["name"]: version for version in definition["spec"]["versions"]}
    schema: dict[str, Any] = versions[found["apiVersion"].split("/")[1]]["schema"]["openAPIV3Schema"]
    return schema
