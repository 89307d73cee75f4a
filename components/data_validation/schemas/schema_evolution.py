"""The next version of a reviewed schema, proposed from newer data for a person to accept."""

from collections.abc import Collection

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_validation.schemas.schema_diff import schema_differences, SchemaDifference
from components.data_validation.schemas.schema_domains import is_checked
from components.data_validation.schemas.schema_inference import MAX_CATEGORIES, without_values
from components.data_validation.statistics.feature_summaries import feature_name
from components.data_validation.statistics.quiet_tfdv import tfdv


def evolved_schema(
    old: schema_pb2.Schema,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    *,
    masked: Collection[str] = (),
) -> tuple[schema_pb2.Schema, tuple[SchemaDifference, ...]]:
    """A schema that newer data fit, and what it changes; without rows, the old schema and no change.

    The proposal is TFDV's `update_schema`: bounds and domains grow to hold the data, new columns come in, columns that
    are not in the data are deprecated. In one thing it differs: where a column's type changed, TFDV deprecates the
    column and so checks it no more; here the column gets the type and domain that the data imply. No domain of `masked`
    columns, which may hold personal data, is proposed or kept.
    """
    old = without_values(old, masked)
    if not statistics.datasets[0].num_examples:
        return old, ()
    proposal = tfdv.update_schema(old, statistics, max_string_domain_size=MAX_CATEGORIES)
    _take_changed_types(proposal, old, statistics)
    proposal = without_values(proposal, masked)
    return proposal, schema_differences(old, proposal)


def _take_changed_types(
    proposal: schema_pb2.Schema,
    old: schema_pb2.Schema,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> None:
    held = {feature_name(feature) for feature in statistics.datasets[0].features}
    checked = {feature.name for feature in old.feature if is_checked(feature)}
    inferred = tfdv.infer_schema(statistics, max_string_domain_size=MAX_CATEGORIES)
    by_name = {feature.name: feature for feature in inferred.feature}
    known_domains = {domain.name for domain in proposal.string_domain}
    for feature in proposal.feature:
        if is_checked(feature) or feature.name not in held & checked:
            continue
        environments = list(feature.in_environment), list(feature.not_in_environment)
        feature.CopyFrom(by_name[feature.name])
        feature.in_environment.extend(environments[0])
        feature.not_in_environment.extend(environments[1])
        if feature.domain not in known_domains:
            proposal.string_domain.extend(item for item in inferred.string_domain if item.name == feature.domain)
