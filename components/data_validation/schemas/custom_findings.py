"""What came of a user's own checks: findings in the user's words, and entries among TFDV's anomalies."""

from collections.abc import Iterable, Iterator
import re

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_validation.schemas.anomaly_words import anomaly_words
from components.data_validation.schemas.custom_validations import CustomValidation
from components.data_validation.schemas.schema_domains import is_expected
from components.data_validation.statistics.feature_summaries import feature_name
from components.shared.contracts.verdict import Finding

CUSTOM_VALIDATION = "CUSTOM_VALIDATION"
# TFDV quotes a step of a path that holds a sign of its own, but for one in parentheses.
_PLAIN_STEP = re.compile(r"[^.()']+|\([^()']*\)")


def check_columns(
    validations: Iterable[CustomValidation],
    schema: schema_pb2.Schema,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> None:
    """Raise `ValueError` for a check of a column that neither the schema nor the table has."""
    known = {feature.name for feature in schema.feature} | set(map(feature_name, statistics.datasets[0].features))
    for validation in validations:
        if validation.feature not in known:
            raise ValueError(
                f"a custom validation must be of a column of the schema or the table, got {validation.feature!r} "
                f"({validation.description})"
            )


def failed_finding(validation: CustomValidation) -> Finding:
    """The finding for a check that came out false."""
    said = f"fails a check: {validation.description} ({validation.expression} is false)"
    return _finding(validation, said, remedy=anomaly_words(CUSTOM_VALIDATION).remedy)


def undecided_findings(
    undecided: Iterable[CustomValidation], schema: schema_pb2.Schema, environment: str | None
) -> Iterator[Finding]:
    """A finding, of the check's own severity, for each check of the environment that has no answer.

    A check of a column that the environment does not expect, such as an absent label, is passed over.
    """
    features = {feature.name: feature for feature in schema.feature}
    for validation in undecided:
        feature = features.get(validation.feature)
        if feature is not None and not is_expected(feature, environment):
            continue
        said = (
            f"could not be checked: {validation.description} ({validation.expression} has no value: the column is not "
            "there, lacks this statistic, or a divisor is 0)"
        )
        yield _finding(validation, said, remedy="repair the column's type, or the check")


def add_failed(anomalies: anomalies_pb2.Anomalies, failed: Iterable[CustomValidation], *, dataset_name: str) -> None:
    """Enter checks that came out false among TFDV's anomalies, in place, as TFDV 1.16 does where it runs them."""
    for validation in failed:
        info = _column_info(anomalies, validation.feature)
        reason = info.reason.add(
            type=anomalies_pb2.AnomalyInfo.CUSTOM_VALIDATION,
            short_description=validation.description,
            description=f"Custom validation triggered anomaly. Query: {validation.expression} "
            f"Test dataset: {dataset_name}",
        )
        severity = anomalies_pb2.AnomalyInfo.Severity.Value(validation.severity.upper())
        info.severity = max(info.severity, severity)
        info.description = f"{info.description} {reason.description}".strip()
        info.short_description = reason.short_description if len(info.reason) == 1 else "Multiple errors"


def _column_info(anomalies: anomalies_pb2.Anomalies, column: str) -> anomalies_pb2.AnomalyInfo:
    """The column's entry, which is made where there is none."""
    for info in anomalies.anomaly_info.values():
        if list(info.path.step) == [column]:
            return info
    quoted = "'" + column.replace("'", "''") + "'"
    info = anomalies.anomaly_info[column if _PLAIN_STEP.fullmatch(column) else quoted]
    info.path.step.append(column)
    return info


def _finding(validation: CustomValidation, said: str, *, remedy: str) -> Finding:
    return Finding(
        kind="quality",
        severity="blocking" if validation.severity == "error" else "warning",
        column=validation.feature,
        name=CUSTOM_VALIDATION,
        message=f"column {validation.feature!r} {said}",
        remedy=remedy,
    )
