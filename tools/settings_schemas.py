"""JSON Schemas of what people write, for editors: `make docs` writes them to `docs/schemas/`.

An editor with a YAML language server then completes keys, shows what they mean and marks mistakes; `docs/settings.md`
says how. The loader checks more than a schema can say, and has the last word.
"""

from collections.abc import Iterator
import dataclasses
import inspect
import json
from pathlib import Path
import re
from typing import Any

from pydantic import TypeAdapter

from components.data_validation.schemas.custom_validations import CustomValidations
from components.drift.drift_settings import DriftSettings
from components.modeling.preparation_settings import PreparationSettings
from components.shared.contracts.problem import Problem
from components.shared.runtime.atomic_files import write_text
from components.training.augmentation_search.trials import SearchSettings
from components.training.training_config import TrainingSection

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTES = re.compile(r"\n\s*Attributes\n\s*-+\n")


def schemas() -> dict[str, dict[str, Any]]:
    """The schemas by file name."""
    problem = _schema(Problem)
    for name, kind in (("training", TrainingSection), ("preparation", PreparationSettings)):
        section = _schema(kind)
        problem["$defs"].update(section.pop("$defs", {}))
        problem["$defs"][section["title"]] = section
        said = problem["properties"][name].get("description")
        problem["properties"][name] = {"$ref": f"#/$defs/{section['title']}", **({"description": said} if said else {})}
    found = {
        "problem.json": problem,
        "search.json": _schema(SearchSettings),
        "drift.json": _schema(DriftSettings),
        "custom_validations.json": _schema(CustomValidations),
    }
    return {name: {"$schema": _DIALECT, **schema} for name, schema in found.items()}


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def write_schemas(folder: Path = FOLDER) -> None:
    """Write every schema."""
    for name, schema in schemas().items():
        write_text(folder / name, schema_text(schema))


def _schema(kind: Any) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema()
    described = {model.__name__: model for model in _models(kind)}
    for found in (schema, *schema.get("$defs", {}).values()):
        model = described.get(found.get("title", ""))
        if model is not None:
            summary, attributes = _documented(model)
            found["description"] = summary
            for name, words in attributes.items():
                found["properties"][name]["description"] = words
        for value in found.get("properties", {}).values():
            value.pop("title", None)
    return schema


def _models(kind: Any) -> Iterator[Any]:
    """A dataclass and those in its fields."""
    if dataclasses.is_dataclass(kind):
        yield kind
        for field in dataclasses.fields(kind):
            for inner in (field.type, *getattr(field.type, "__args__", ())):
                yield from _models(inner)


def _documented(model: Any) -> tuple[str, dict[str, str]]:
    """Summary of a numpydoc docstring, and what it says of each attribute."""
    summary, _, block = _ATTRIBUTES.sub("\0", inspect.getdoc(model) or "", count=1).partition("\0")
    attributes: dict[str, list[str]] = {}
    names: list[str] = []
    for line in block.splitlines():
        if line and not line[0].isspace():
            names = line.split(", ")
        else:
            for name in names:
                attributes.setdefault(name, []).append(line.strip())
    return " ".join(summary.split()), {name: " ".join(lines).strip() for name, lines in attributes.items()}


if __name__ == "__main__":
    write_schemas()
