"""What a schema allows in one column: listed values, a numeric range, environments; whether it is checked at all."""

from collections.abc import Collection
import math

from tensorflow_metadata.proto.v0 import schema_pb2

# TFDV passes over columns of these stages, in the data and in the schema.
_UNCHECKED_STAGES = {
    schema_pb2.PLANNED,
    schema_pb2.ALPHA,
    schema_pb2.DEPRECATED,
    schema_pb2.DEBUG_ONLY,
    schema_pb2.DISABLED,
}


def is_checked(feature: schema_pb2.Feature) -> bool:
    """Whether TFDV checks the column: columns of other lifecycle stages than beta and production it passes over."""
    return not feature.deprecated and feature.lifecycle_stage not in _UNCHECKED_STAGES


def checked_features(schema: schema_pb2.Schema) -> dict[str, schema_pb2.Feature]:
    """The columns that TFDV checks, by name, in the schema's order."""
    return {feature.name: feature for feature in schema.feature if is_checked(feature)}


def listed_values(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> tuple[str, ...] | None:
    """The values that the schema lists for a text column; None where it lists none."""
    kind = feature.WhichOneof("domain_info")
    if kind == "domain":
        return next((tuple(domain.value) for domain in schema.string_domain if domain.name == feature.domain), None)
    if kind == "string_domain":
        return tuple(feature.string_domain.value)
    if kind == "bool_domain" and feature.type == schema_pb2.BYTES:
        words = (feature.bool_domain.true_value, feature.bool_domain.false_value)
        return tuple(word for word in words if word) or None
    return None


def numeric_range(feature: schema_pb2.Feature) -> tuple[float, float]:
    """The smallest and largest number that the schema allows; infinite where it sets no bound."""
    kind = feature.WhichOneof("domain_info")
    if kind == "bool_domain" and feature.type != schema_pb2.BYTES:
        return 0.0, 1.0
    if kind not in ("int_domain", "float_domain"):
        return -math.inf, math.inf
    domain = getattr(feature, kind)
    low = float(domain.min) if domain.HasField("min") else -math.inf
    return low, float(domain.max) if domain.HasField("max") else math.inf


def values_a_row(feature: schema_pb2.Feature) -> tuple[int, float]:
    """The fewest and most values that a row which has the column may hold: a shape of one value means (1, 1)."""
    if feature.HasField("shape"):
        size = math.prod(dimension.size for dimension in feature.shape.dim)
        return size, size
    if feature.HasField("value_count"):
        most = feature.value_count.max if feature.value_count.HasField("max") else math.inf
        return feature.value_count.min, most
    return 0, math.inf


def is_expected(feature: schema_pb2.Feature, environment: str | None) -> bool:
    """Whether the column is expected in an environment; every column is where none is given."""
    if environment is None:
        return True
    if feature.in_environment:
        return environment in feature.in_environment
    return environment not in feature.not_in_environment


def environments_of(feature: schema_pb2.Feature, declared: Collection[str]) -> frozenset[str]:
    """The declared environments in which the column is expected."""
    return frozenset(name for name in declared if is_expected(feature, name))
