"""Checks of single columns that need no second split: nothing in them, nothing varying, or infinities."""

from collections.abc import Mapping

from components.data_validation.statistics.feature_summaries import FeatureSummary
from components.shared.contracts.example_table import ColumnRole
from components.shared.contracts.verdict import Finding


def column_findings(
    summaries: Mapping[str, Mapping[str, FeatureSummary]], roles: Mapping[str, ColumnRole]
) -> list[Finding]:
    """Notes on empty and constant features of the training split, and warnings about infinite values in any split.

    Derived columns may be constant: they describe the payload, and photos of one size are no fault.
    """
    findings = []
    for name, summary in summaries["train"].items():
        if roles.get(name) == "feature" and summary.num_examples:
            findings += _uninformative(summary)
    for split, columns in summaries.items():
        findings += infinite_findings(columns, where=f"the {split} split")
    return findings


def infinite_findings(summaries: Mapping[str, FeatureSummary], *, where: str) -> list[Finding]:
    """Warnings about columns that hold infinite values; `where` is what the message calls the rows."""
    return [_infinite(name, where) for name, summary in summaries.items() if summary.has_infinity]


def _uninformative(summary: FeatureSummary) -> list[Finding]:
    if not summary.num_present:
        text, name = "has no value in any training example", "ALL_MISSING"
    elif summary.is_constant and not summary.num_missing:
        text, name = "has the same value in every training example", "CONSTANT"
    else:
        return []
    return [
        Finding(
            kind="quality",
            severity="note",
            column=summary.name,
            name=name,
            message=f"column {summary.name!r} {text}: a model learns nothing from it",
            remedy="leave the column out, or repair what fills it",
        )
    ]


def _infinite(column: str, where: str) -> Finding:
    return Finding(
        kind="quality",
        severity="warning",
        column=column,
        name="INFINITE_VALUES",
        message=f"column {column!r} has infinite values in {where}",
        remedy="repair the computation that gives them, or make them missing",
    )
