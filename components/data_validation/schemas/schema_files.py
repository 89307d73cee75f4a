"""Schemas that people review: read from protobuf text with errors that name file, line and column, and written."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.schemas.schema_inference import schema_text
from components.shared.runtime.atomic_files import write_text


def read_schema(path: str | Path) -> schema_pb2.Schema:
    """A reviewed `schema.pbtxt` as it is, with its domains, presence, environments and constraints.

    TFDV takes a schema that contradicts itself and ignores parts of it in silence, so it is checked here. Raises
    `FileNotFoundError`, or `ValueError` that names the file, the line and what is wrong.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"the schema must be a schema.pbtxt file, but there is no file at {file}")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the schema {file} must be protobuf text in UTF-8: {error}") from error
    schema = _parsed(text, file)
    for column, mistake in _mistakes(schema):
        raise ValueError(f"the schema {file}{_line_of(column, text)} is wrong: {mistake}")
    return schema


def write_schema(path: str | Path, schema: schema_pb2.Schema) -> None:
    """Write a schema as protobuf text, whole or not at all."""
    write_text(path, schema_text(schema))


def _parsed(text: str, file: Path) -> schema_pb2.Schema:
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        place = f", line {error.GetLine()}" if error.GetLine() else ""
        reason = str(error).split(" : ", 1)[-1].rstrip(". ")
        raise ValueError(f"the schema {file}{place} must be TFMD's Schema as protobuf text: {reason}") from error


def _line_of(column: str, text: str) -> str:
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if f'"{column}"' in line]
    return f", line {lines[-1]}," if column and lines else ""


def _mistakes(schema: schema_pb2.Schema) -> Iterator[tuple[str, str]]:
    """Every mistake as the column that has it and a sentence."""
    if not schema.feature:
        yield "", "it must describe at least one column as a feature, got none"
    for name, count in Counter(feature.name for feature in schema.feature).items():
        if count > 1:
            yield name, f"column {name!r} must be described once, got {count} features of this name"
    domains = {domain.name for domain in schema.string_domain}
    for feature in schema.feature:
        for mistake in (
            *_identity_mistakes(feature),
            *_domain_mistakes(feature, domains),
            *_presence_mistakes(feature),
            *_environment_mistakes(feature, tuple(schema.default_environment)),
        ):
            yield feature.name, mistake


def _identity_mistakes(feature: schema_pb2.Feature) -> Iterator[str]:
    if not feature.name:
        yield "every feature must have a name, which is the column's; one has none"
    elif feature.type == schema_pb2.TYPE_UNKNOWN:
        yield f"column {feature.name!r} must have a type: INT, FLOAT, BYTES (text too) or STRUCT"


def _domain_mistakes(feature: schema_pb2.Feature, domains: set[str]) -> Iterator[str]:
    if feature.HasField("domain") and feature.domain not in domains:
        held = ", ".join(sorted(domains)) or "none"
        yield f"column {feature.name!r} must name a string_domain of the schema ({held}), got {feature.domain!r}"
    kind = feature.WhichOneof("domain_info")
    if kind in ("int_domain", "float_domain"):
        bounds = getattr(feature, kind)
        if bounds.HasField("min") and bounds.HasField("max") and bounds.min > bounds.max:
            yield f"column {feature.name!r} must have a minimum up to its maximum, got {bounds.min} and {bounds.max}"
    expected = {"int_domain": schema_pb2.INT, "domain": schema_pb2.BYTES, "string_domain": schema_pb2.BYTES}
    if kind in expected and feature.type not in (expected[kind], schema_pb2.BYTES):
        kind_name = schema_pb2.FeatureType.Name(feature.type)
        yield f"column {feature.name!r} must have a domain that goes with its type {kind_name}, got {kind}"


def _presence_mistakes(feature: schema_pb2.Feature) -> Iterator[str]:
    if not 0.0 <= feature.presence.min_fraction <= 1.0:
        got = feature.presence.min_fraction
        yield f"column {feature.name!r} must have a presence.min_fraction between 0 and 1, got {got}"


def _environment_mistakes(feature: schema_pb2.Feature, declared: tuple[str, ...]) -> Iterator[str]:
    for name in (*feature.in_environment, *feature.not_in_environment):
        if name not in declared:
            listed = ", ".join(declared) or "none"
            yield (
                f"column {feature.name!r} must name an environment that default_environment lists ({listed}), "
                f"got {name!r}"
            )
