"""One table against a schema that a person has reviewed: what does not fit it blocks, since somebody meant it.

A schema inferred from a sample is another matter: see `components.data_validation.schemas.anomalies`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_validation.schemas.anomalies import PRESENCE
from components.data_validation.schemas.anomaly_words import anomaly_sentence, anomaly_words, TYPE_CHANGED
from components.data_validation.schemas.comparator_distances import distance_findings, DISTANCE_NAMES
from components.data_validation.schemas.custom_findings import (
    add_failed,
    check_columns,
    failed_finding,
    undecided_findings,
)
from components.data_validation.schemas.custom_validations import CustomValidation, validation_outcomes
from components.data_validation.schemas.offending_values import Offence, offence
from components.data_validation.schemas.schema_inference import without_values
from components.data_validation.statistics.feature_summaries import feature_name, feature_summaries, FeatureSummary
from components.data_validation.statistics.quiet_tfdv import tfdv
from components.shared.contracts.verdict import Finding

DATA_MISSING = "DATA_MISSING"
_TYPE = "UNEXPECTED_DATA_TYPE"
_NEW_COLUMN = "SCHEMA_NEW_COLUMN"
# A missing value also breaks the shape; the presence says it better.
_SHAPE = {"INVALID_FEATURE_SHAPE", "FEATURE_TYPE_LOW_NUMBER_VALUES"}
# Not the schema's word against the data: nothing in it is broken.
_WARNINGS = {_NEW_COLUMN, "COMPARATOR_CONTROL_DATA_MISSING", "COMPARATOR_TREATMENT_DATA_MISSING"}

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedStatistics:
    """What the schema's comparators compare with: earlier data for `drift_comparator`, served for `skew_comparator`."""

    previous: Statistics | None = None
    serving: Statistics | None = None


def validate_against_schema(
    statistics: Statistics,
    schema: schema_pb2.Schema,
    *,
    environment: str | None,
    masked: Collection[str] = (),
    validations: Sequence[CustomValidation] = (),
    compared: ComparedStatistics | None = None,
) -> tuple[anomalies_pb2.Anomalies, tuple[Finding, ...]]:
    """TFDV's anomalies, with the custom checks that failed among them, and a finding for each of their reasons.

    All findings block but: new columns; the comparators' distances, whose thresholds know no sample size (warnings of
    `data_drift` and `data_skew`); and custom checks of severity `warning`. A column that is not expected in
    `environment` may be absent; a schema without environments has one rule everywhere. Columns in `masked` may hold
    personal data: they are counted, and what the schema says of their values is ignored. `ValueError` where the schema
    has environments but not this one, or a check is of a column that neither the schema nor the table has.
    """
    held = without_values(schema, masked, types=_schema_types(statistics))
    environment = _checked_environment(environment, held)
    if not statistics.datasets[0].num_examples:
        return anomalies_pb2.Anomalies(data_missing=True), (_no_rows(),)
    applied = [validation for validation in validations if validation.applies(environment)]
    check_columns(applied, held, statistics)
    outcomes = list(zip(applied, validation_outcomes(applied, statistics), strict=True))
    failed = [validation for validation, outcome in outcomes if outcome is False]
    undecided = [validation for validation, outcome in outcomes if outcome is None]
    other = compared or ComparedStatistics()
    anomalies = tfdv.validate_statistics(
        statistics,
        held,
        environment=environment,
        previous_statistics=other.previous,
        serving_statistics=other.serving,
    )
    table = _Table(schema=held, environment=environment, summaries=feature_summaries(statistics))
    findings = [*_column_findings(anomalies, table), *map(failed_finding, failed)]
    findings += [*distance_findings(anomalies), *_table_findings(anomalies)]
    findings += undecided_findings(undecided, held, environment)
    add_failed(anomalies, failed, dataset_name=statistics.datasets[0].name)
    return anomalies, tuple(sorted(findings, key=lambda finding: finding.column))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    schema: schema_pb2.Schema
    environment: str | None
    summaries: Mapping[str, FeatureSummary]


def _schema_types(statistics: Statistics) -> dict[str, int]:
    types = {
        statistics_pb2.FeatureNameStatistics.INT: schema_pb2.INT,
        statistics_pb2.FeatureNameStatistics.FLOAT: schema_pb2.FLOAT,
    }
    features = statistics.datasets[0].features
    return {feature_name(feature): types.get(feature.type, schema_pb2.BYTES) for feature in features}


def _checked_environment(environment: str | None, schema: schema_pb2.Schema) -> str | None:
    if environment is None or not schema.default_environment:
        return None
    if environment not in schema.default_environment:
        declared = ", ".join(schema.default_environment)
        raise ValueError(f"environment must be one of the schema's ({declared}), got {environment!r}")
    return environment


def _column_findings(anomalies: anomalies_pb2.Anomalies, table: _Table) -> Iterator[Finding]:
    for key, info in anomalies.anomaly_info.items():
        column = info.path.step[-1] if info.path.step else key
        names = {anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in info.reason}
        for reason in info.reason:
            name = anomalies_pb2.AnomalyInfo.Type.Name(reason.type)
            if name not in DISTANCE_NAMES and not _is_implied(name, names):
                yield _column_finding(column, name, reason.description, table)


def _is_implied(name: str, names: Collection[str]) -> bool:
    """Whether another of the column's anomalies says the same better."""
    implied_by_type = name in TYPE_CHANGED and name != _TYPE and _TYPE in names
    return implied_by_type or (name in _SHAPE and not PRESENCE.isdisjoint(names))


def _column_finding(column: str, name: str, description: str, table: _Table) -> Finding:
    words = anomaly_words(name)
    evidence = _evidence(column, name, table) or Offence(words=description)
    summary = table.summaries.get(column)
    return Finding(
        kind=words.kind,
        severity="warning" if name in _WARNINGS else "blocking",
        column=column,
        name=name,
        statistic=evidence.statistic,
        value=evidence.value,
        threshold=evidence.threshold,
        message=_message(column, name, evidence, table),
        remedy=words.remedy,
        values=evidence.values,
        num_current=summary.num_examples if summary else None,
    )


def _message(column: str, name: str, evidence: Offence, table: _Table) -> str:
    if name == _NEW_COLUMN and any(feature.name == column for feature in table.schema.feature):
        return f"column {column!r} is in the table, but the schema does not expect it in {table.environment}"
    return anomaly_sentence(name, column, evidence.words)


def _evidence(column: str, name: str, table: _Table) -> Offence | None:
    feature = next((feature for feature in table.schema.feature if feature.name == column), None)
    if feature is None or column not in table.summaries:
        return None
    return offence(name, feature, table.summaries[column], table.schema)


def _table_findings(anomalies: anomalies_pb2.Anomalies) -> Iterator[Finding]:
    for reason in anomalies.dataset_anomaly_info.reason:
        name = anomalies_pb2.AnomalyInfo.Type.Name(reason.type)
        words = anomaly_words(name)
        message = words.words or reason.description.rstrip(". ")
        yield Finding(kind=words.kind, severity="blocking", name=name, message=message, remedy=words.remedy)


def _no_rows() -> Finding:
    return Finding(
        kind="quality",
        severity="blocking",
        name=DATA_MISSING,
        message="the table has no rows: nothing was validated",
        remedy=anomaly_words("NO_DATA_IN_SPAN").remedy,
    )
