"""Personal data that nobody named: what was found about such a column is kept, and none of its values is shown.

Columns named under `pii` are masked as they are read. Others turn out to hold personal data only once all rows have
been read; then their values are taken out of everything that is written.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.data_validation.schemas.anomalies import PRESENCE
from components.shared.contracts.verdict import Finding

_HIDDEN = "its values are not shown, for it seems to hold personal data"
# What says no more than names and counts, whatever the column holds.
_COUNTS_ONLY = {
    "PERSONAL_DATA",
    "MISSING_SHARE_CHANGED",
    "INFINITE_VALUES",
    "SCHEMA_MISSING_COLUMN",
    "SCHEMA_NEW_COLUMN",
    *PRESENCE,
}


def findings_without_values(findings: Sequence[Finding], hidden: Collection[str]) -> list[Finding]:
    """Findings that tell no value of the `hidden` columns, in the same order.

    A finding about such a column loses its values, and its message is made of what was measured.
    """
    return [
        replace(finding, values=(), message=_measured(finding))
        if finding.column in hidden and finding.name not in _COUNTS_ONLY
        else finding
        for finding in findings
    ]


def anomalies_without_values(anomalies: anomalies_pb2.Anomalies, hidden: Collection[str]) -> anomalies_pb2.Anomalies:
    """TFDV's anomalies without the words that may quote values of `hidden` columns, nor the schema that lists them."""
    shown = anomalies_pb2.Anomalies()
    shown.CopyFrom(anomalies)
    if hidden:
        shown.ClearField("baseline")
    for key, info in shown.anomaly_info.items():
        if (info.path.step[-1] if info.path.step else key) in hidden:
            info.description = info.short_description = _HIDDEN
            for reason in info.reason:
                reason.description = reason.short_description = _HIDDEN
    return shown


def statistics_without_values(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, hidden: Collection[str]
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics without the most frequent values of `hidden` columns; counts stay."""
    shown = statistics_pb2.DatasetFeatureStatisticsList()
    shown.CopyFrom(statistics)
    for dataset in shown.datasets:
        for feature in dataset.features:
            name = feature.name or feature.path.step[-1]
            if name in hidden and feature.HasField("string_stats"):
                feature.string_stats.ClearField("top_values")
                feature.string_stats.ClearField("rank_histogram")
    return shown


def _measured(finding: Finding) -> str:
    measured = "" if finding.value is None else f" ({finding.statistic}: {finding.value:.3g})"
    return f"column {finding.column!r}: {finding.name.replace('_', ' ').lower()}{measured}; {_HIDDEN}"
