"""The schema that the training split implies: TFDV's inference, made fit for data split at random."""

from collections.abc import Collection

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_validation.quiet_tfdv import tfdv

TRAINING = "TRAINING"
SERVING = "SERVING"
MAX_CATEGORIES = 100


def training_schema(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, *, label: str = "label", masked: Collection[str] = ()
) -> schema_pb2.Schema:
    """Schema of the training split.

    TFDV infers type, presence, shape and, for columns of at most 100 categories, the domain. Two relaxations: an
    integer column that happened to hold 0 and 1 alone is not held to these, since other numeric ranges are not
    inferred either; a masked column has no domain.

    Parameters
    ----------
    statistics
        Statistics of the training split.
    label
        The label's column: there when training, absent when serving.
    masked
        Columns whose values were replaced by a placeholder.

    Returns
    -------
    schema_pb2.Schema
        With the environments `TRAINING` and `SERVING`; without features where the split has no examples.
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
        if feature.name in masked:
            _drop_domain(schema, feature)
    return schema


def schema_text(schema: schema_pb2.Schema) -> str:
    """The schema as protobuf text: what `schema.pbtxt` holds, and what people review."""
    return text_format.MessageToString(schema, as_utf8=True)


def _drop_domain(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> None:
    domains = [domain for domain in schema.string_domain if domain.name != feature.domain]
    if feature.HasField("domain"):
        del schema.string_domain[:]
        schema.string_domain.extend(domains)
    domain_field = feature.WhichOneof("domain_info")
    if domain_field is not None:
        feature.ClearField(domain_field)
