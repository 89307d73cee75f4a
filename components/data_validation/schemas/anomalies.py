"""Anomalies of an evaluation split against the training schema, as findings in plain words.

TFDV says what does not fit the schema; it knows no sample sizes, so a single rare value is an error to it. Here each
anomaly keeps TFDV's name and gets its severity from `components.data_validation.schemas.materiality`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import math

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_validation.schemas.anomaly_words import anomaly_sentence, anomaly_words, TYPE_CHANGED
from components.data_validation.schemas.materiality import (
    Materiality,
    missing_severity,
    share_change_chance,
    unseen_chance,
    unseen_severity,
)
from components.data_validation.schemas.offending_values import responsible_values, shown_values
from components.data_validation.schemas.schema_inference import TRAINING
from components.data_validation.statistics.feature_summaries import FeatureSummary
from components.data_validation.statistics.quiet_tfdv import tfdv
from components.shared.contracts.example_table import ColumnRole
from components.shared.contracts.verdict import Finding

MISSING_CHANGED = "MISSING_SHARE_CHANGED"
__all__ = [
    "MISSING_CHANGED",
    "PRESENCE",
    "TYPE_CHANGED",
    "Comparison",
    "anomalies_text",
    "anomaly_findings",
    "split_anomalies",
]

_UNSEEN = {
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
    "BOOL_TYPE_UNEXPECTED_STRING",
    "BOOL_TYPE_BIG_INT",
    "BOOL_TYPE_SMALL_INT",
}
PRESENCE = {
    "FEATURE_TYPE_LOW_FRACTION_PRESENT",
    "FEATURE_TYPE_LOW_NUMBER_PRESENT",
    "FEATURE_TYPE_NOT_PRESENT",
    "FEATURE_TYPE_NO_VALUES",
}
# A missing value also breaks the shape; the presence says it better.
_SHAPE = {"INVALID_FEATURE_SHAPE", "FEATURE_TYPE_LOW_NUMBER_VALUES", "FEATURE_TYPE_HIGH_NUMBER_VALUES"}
_COLUMNS = {"SCHEMA_MISSING_COLUMN", "SCHEMA_NEW_COLUMN"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A dataset held against the schema of another one.

    Attributes
    ----------
    current_name, reference_name
        What messages call the two: `the test split`, `training`.
    num_comparisons
        How many columns are compared in the whole run, over all splits.
    whole_groups
        Whether the current dataset keeps groups of rows together.
    judge_missing
        Whether changed shares of missing values that TFDV passes over are findings too.
    memory_rows
        How many neighbouring rows say as much as one independent row, by column, 1 or more: rows that are ordered in
        time resemble their neighbours, and then one run of a rare value is no ten rows. A column that is absent has 1.
    """

    current_name: str
    reference_name: str = "training"
    reference: Mapping[str, FeatureSummary]
    current: Mapping[str, FeatureSummary]
    roles: Mapping[str, ColumnRole]
    num_comparisons: int
    whole_groups: bool = False
    judge_missing: bool = True
    memory_rows: Mapping[str, float] = field(default_factory=dict)
    materiality: Materiality


def split_anomalies(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, schema: schema_pb2.Schema
) -> anomalies_pb2.Anomalies:
    """TFDV's anomalies of a split against the schema; none where the split or the schema is empty."""
    if not statistics.datasets[0].num_examples or not schema.feature:
        return anomalies_pb2.Anomalies()
    return tfdv.validate_statistics(statistics, schema, environment=TRAINING)


def anomalies_text(anomalies: anomalies_pb2.Anomalies) -> str:
    """The anomalies as protobuf text."""
    return text_format.MessageToString(anomalies, as_utf8=True)


def anomaly_findings(anomalies: anomalies_pb2.Anomalies, comparison: Comparison) -> list[Finding]:
    """A finding for each reason that TFDV gives, and for each changed share of missing values that it passes over.

    The findings come in the order of the columns' names.
    """
    findings = []
    judged_missing = set()
    for key, info in sorted(anomalies.anomaly_info.items()):
        column = info.path.step[-1] if info.path.step else key
        names = [anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in info.reason]
        for name, reason in zip(names, info.reason, strict=True):
            if name in _SHAPE and PRESENCE & set(names):
                continue
            findings.append(_finding(column, name, reason.description, comparison))
        if (PRESENCE | _COLUMNS) & set(names):
            judged_missing.add(column)
    if not comparison.judge_missing:
        return findings
    for column in sorted((comparison.reference.keys() & comparison.current.keys()) - judged_missing):
        finding = _missing_finding(column, MISSING_CHANGED, comparison)
        if finding.severity != "note":
            findings.append(finding)
    return findings


def _finding(column: str, name: str, description: str, comparison: Comparison) -> Finding:
    on_both_sides = column in comparison.reference and column in comparison.current
    if name in _UNSEEN and on_both_sides and comparison.current[column].value_counts:
        return _unseen_finding(column, name, comparison)
    if name in PRESENCE and on_both_sides:
        return _missing_finding(column, name, comparison)
    words = anomaly_words(name)
    return Finding(
        kind=words.kind,
        severity=words.severity,
        column=column,
        name=name,
        message=anomaly_sentence(name, column, description, where=f" of {comparison.current_name}"),
        remedy=words.remedy,
    )


def _unseen_finding(column: str, name: str, comparison: Comparison) -> Finding:
    reference, current = comparison.reference[column], comparison.current[column]
    unseen = {value: count for value, count in current.value_counts.items() if value not in reference.value_counts}
    num_rows = sum(unseen.values())
    share = num_rows / current.num_present
    memory_rows = comparison.memory_rows.get(column, 1.0)
    counts = max(unseen.values(), default=0), reference.num_present, current.num_present
    most, num_reference, num_current = (math.ceil(count / memory_rows) for count in counts)
    chance = unseen_chance(most, num_reference=num_reference, num_current=num_current)
    num_values = len({*reference.value_counts, *unseen})
    p_value = min(1.0, chance * num_values * comparison.num_comparisons)
    severity = unseen_severity(
        share,
        p_value,
        role=comparison.roles.get(column, "feature"),
        whole_groups=comparison.whole_groups,
        materiality=comparison.materiality,
    )
    return Finding(
        kind="schema_drift",
        severity=severity,
        column=column,
        name=name,
        statistic="share of rows with unseen values",
        value=share,
        threshold=comparison.materiality.unseen_share,
        message=f"column {column!r} has values in {comparison.current_name} that {comparison.reference_name} never "
        f"had: {shown_values(unseen)}; {num_rows} of {current.num_present} values, {share:.1%}",
        values=responsible_values(unseen, current.num_present),
        num_reference=reference.num_present,
        num_current=current.num_present,
        effect="share of rows with unseen values",
        effect_size=share,
        p_value=p_value,
        significant=p_value < comparison.materiality.false_alarm_rate,
        material=severity == "blocking",
        remedy="few rare values need nothing; else collect training examples that have them"
        if severity == "note"
        else "find out where these values come from; if they are right, collect training examples that have them",
    )


def _missing_finding(column: str, name: str, comparison: Comparison) -> Finding:
    reference, current = comparison.reference[column], comparison.current[column]
    change = abs(current.missing_share - reference.missing_share)
    chance = share_change_chance(
        reference.num_missing, reference.num_examples, current.num_missing, current.num_examples
    )
    p_value = min(1.0, chance * comparison.num_comparisons)
    severity = missing_severity(
        change,
        p_value,
        role=comparison.roles.get(column, "feature"),
        whole_groups=comparison.whole_groups,
        materiality=comparison.materiality,
    )
    return Finding(
        kind="quality",
        severity=severity,
        column=column,
        name=name,
        statistic="difference of the shares of missing values",
        value=change,
        threshold=comparison.materiality.missing_change_warning,
        message=f"column {column!r} lacks a value in {current.num_missing} of {current.num_examples} rows of "
        f"{comparison.current_name} ({current.missing_share:.1%}), in {comparison.reference_name} in "
        f"{reference.num_missing} of {reference.num_examples} ({reference.missing_share:.1%})",
        num_reference=reference.num_examples,
        num_current=current.num_examples,
        effect="difference of shares",
        effect_size=change,
        p_value=p_value,
        significant=p_value < comparison.materiality.false_alarm_rate,
        material=change >= comparison.materiality.missing_change_warning,
        remedy="" if severity == "note" else "find out why the values are missing, and fill or collect them",
    )
