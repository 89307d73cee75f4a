"""Schemas by hand, and a check of a table against a schema that shares no code with what made the table."""

from collections.abc import Callable

from google.protobuf import text_format
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

_ARROW = {schema_pb2.INT: pa.int64(), schema_pb2.FLOAT: pa.float64(), schema_pb2.BYTES: pa.string()}
LABEL = """
feature { name: "label" type: BYTES string_domain { value: "no" value: "yes" }
          presence { min_fraction: 1.0 min_count: 1 } not_in_environment: "SERVING" }
default_environment: "TRAINING"
default_environment: "SERVING"
"""


def parsed_schema(text: str) -> schema_pb2.Schema:
    """A schema of a label `no` or `yes` and the features in `text`."""
    return text_format.Parse(text + LABEL, schema_pb2.Schema())


def schema_breaches(table: pa.Table, schema: schema_pb2.Schema) -> list[str]:
    """What of a table breaks a schema, in words; only what these tests' schemas say is checked."""
    domains = {domain.name: set(domain.value) for domain in schema.string_domain}
    breaches = []
    for feature in schema.feature:
        column = table.column(feature.name)
        if column.type != _ARROW[feature.type]:
            breaches.append(f"{feature.name}: type {column.type}")
        present = column.drop_null()
        if len(present) / len(column) < feature.presence.min_fraction or len(present) < feature.presence.min_count:
            breaches.append(f"{feature.name}: {len(present)} of {len(column)} present")
        if feature.HasField("shape") and column.null_count:
            breaches.append(f"{feature.name}: missing values in a fixed shape")
        if feature.HasField("unique_constraints"):
            distinct = pc.count_distinct(present).as_py()
            if not feature.unique_constraints.min <= distinct <= feature.unique_constraints.max:
                breaches.append(f"{feature.name}: {distinct} different values")
        breaches += [
            f"{feature.name}: {value!r}" for value in present.to_pylist() if not _fits(value, feature, domains)
        ]
    return breaches


def _fits(value: object, feature: schema_pb2.Feature, domains: dict[str, set[str]]) -> bool:
    kind = feature.WhichOneof("domain_info")
    if kind == "domain":
        return value in domains[feature.domain]
    if kind == "string_domain":
        return value in set(feature.string_domain.value)
    if kind == "bool_domain":
        words = {feature.bool_domain.true_value, feature.bool_domain.false_value}
        return value in (words if feature.type == schema_pb2.BYTES else {0, 1})
    if kind in ("int_domain", "float_domain"):
        bounds = getattr(feature, kind)
        number = int(value) if kind == "int_domain" else float(value)
        return not (
            (bounds.HasField("min") and number < bounds.min) or (bounds.HasField("max") and number > bounds.max)
        )
    return True


@pytest.fixture(scope="session")
def schema_of() -> Callable[[str], schema_pb2.Schema]:
    """The parser of schemas by hand."""
    return parsed_schema


@pytest.fixture(scope="session")
def breaches() -> Callable[[pa.Table, schema_pb2.Schema], list[str]]:
    """The independent check."""
    return schema_breaches
