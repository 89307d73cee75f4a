"""The schema that the training split implies: TFDV's inference, made fit for data split at random."""

from collections.abc import Collection, Mapping

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_validation.statistics.quiet_tfdv import tfdv

TRAINING = "TRAINING"
SERVING = "SERVING"
MAX_CATEGORIES = 100
# What a schema says of a column without telling its values.
_COUNTED = {
    "name",
    "type",
    "presence",
    "shape",
    "value_count",
    "in_environment",
    "not_in_environment",
    "lifecycle_stage",
    "deprecated",
}


def training_schema(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    *,
    label: str | None = "label",
    masked: Collection[str] = (),
) -> schema_pb2.Schema:
    """Schema of the training split, with the environments `TRAINING` and `SERVING`; the label is absent when serving.

    TFDV infers type, presence, shape and, for columns of at most 100 categories, the domain. Two relaxations: an
    integer column that happened to hold 0 and 1 alone is not held to these, since other numeric ranges are not
    inferred either; a masked column has no domain. Without examples there are no features.
    """
    schema = schema_pb2.Schema()
    if statistics.datasets[0].num_examples:
        schema = tfdv.infer_schema(statistics, max_string_domain_size=MAX_CATEGORIES)
    schema.default_environment.extend([TRAINING, SERVING])
    for feature in schema.feature:
        if feature.type == schema_pb2.INT and feature.HasField("bool_domain"):
            feature.ClearField("bool_domain")
        if feature.name == label:
            feature.not_in_environment.append(SERVING)
    return without_values(schema, masked)


def without_values(
    schema: schema_pb2.Schema, masked: Collection[str], *, types: Mapping[str, int] | None = None
) -> schema_pb2.Schema:
    """A copy whose masked columns keep type, presence, shape and environments alone: they are counted only.

    `types` holds the TFMD `FeatureType` of a masked column's placeholder; a column that it lacks keeps its type.
    """
    held = schema_pb2.Schema()
    held.CopyFrom(schema)
    hidden = {feature.domain for feature in held.feature if feature.name in masked and feature.HasField("domain")}
    for feature in held.feature:
        if feature.name in masked:
            for field, _ in feature.ListFields():
                if field.name not in _COUNTED:
                    feature.ClearField(field.name)
            feature.type = (types or {}).get(feature.name, feature.type)
    hidden -= {feature.domain for feature in held.feature}
    shown = [domain for domain in held.string_domain if domain.name not in hidden]
    del held.string_domain[:]
    held.string_domain.extend(shown)
    return held


def schema_text(schema: schema_pb2.Schema) -> str:
    """The schema as protobuf text: what `schema.pbtxt` holds, and what people review."""
    return text_format.MessageToString(schema, as_utf8=True)
