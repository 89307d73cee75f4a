"""What came of a user's own checks, as findings in the user's words."""

from collections.abc import Iterable, Iterator, Sequence

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_validation.anomaly_words import anomaly_words
from components.data_validation.custom_validations import CustomValidation
from components.data_validation.feature_summaries import feature_name
from components.data_validation.schema_domains import is_expected
from components.shared.verdict import Finding, Severity

CUSTOM_VALIDATION = "CUSTOM_VALIDATION"


def check_columns(
    validations: Iterable[CustomValidation],
    schema: schema_pb2.Schema,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> None:
    """Refuse checks of columns that neither the schema nor the table has.

    Raises
    ------
    ValueError
        If there is one; the message names its column.
    """
    known = {feature.name for feature in schema.feature} | set(map(feature_name, statistics.datasets[0].features))
    for validation in validations:
        if validation.feature not in known:
            raise ValueError(
                f"a custom validation must be of a column of the schema or the table, got {validation.feature!r} "
                f"({validation.description})"
            )


def custom_finding(
    column: str, reason: anomalies_pb2.AnomalyInfo.Reason, validations: Sequence[CustomValidation]
) -> Finding:
    """The finding for a check that came out false.

    Parameters
    ----------
    column
        The column.
    reason
        TFDV's: its short description is the user's, its description holds the expression.
    validations
        The checks that ran.
    """
    described = [item for item in validations if (item.feature, item.description) == (column, reason.short_description)]
    validation = next((item for item in described if item.sql in reason.description), described[0])
    return Finding(
        kind="quality",
        severity=_severity(validation),
        column=column,
        name=CUSTOM_VALIDATION,
        message=f"column {column!r} fails a check: {validation.description} ({validation.sql} is false)",
        remedy=anomaly_words(CUSTOM_VALIDATION).remedy,
    )


def undecided_findings(
    applied: Sequence[CustomValidation],
    decidable: Sequence[CustomValidation],
    schema: schema_pb2.Schema,
    environment: str | None,
) -> Iterator[Finding]:
    """A finding for each check that should have run but has no answer.

    Parameters
    ----------
    applied, decidable
        The environment's checks, and those of them that ran.
    schema, environment
        Say whether the column is expected: a check of a label that is rightly absent is passed over.

    Yields
    ------
    Finding
        Of the check's own severity.
    """
    features = {feature.name: feature for feature in schema.feature}
    for validation in applied:
        feature = features.get(validation.feature)
        if validation in decidable or (feature is not None and not is_expected(feature, environment)):
            continue
        yield Finding(
            kind="quality",
            severity=_severity(validation),
            column=validation.feature,
            name=CUSTOM_VALIDATION,
            message=f"column {validation.feature!r} could not be checked: {validation.description} "
            f"({validation.sql} has no value: the column is not there, or lacks this statistic)",
            remedy="repair the column's type, or the check",
        )


def _severity(validation: CustomValidation) -> Severity:
    return "blocking" if validation.severity == "error" else "warning"
