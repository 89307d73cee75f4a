"""Checks of single columns that need no second split: nothing in them, nothing varying, or infinities."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from components.data_validation.statistics.feature_summaries import FeatureSummary
from components.shared.contracts.example_table import ColumnRole
from components.shared.contracts.verdict import Finding
from components.shared.tables.missing_words import missing_words_among, missing_words_sentences


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


def missing_word_findings(
    datasets: Iterable[Mapping[str, FeatureSummary]], roles: Mapping[str, ColumnRole], *, known: Sequence[str] = ()
) -> list[Finding]:
    """Warnings about columns with values that look missing (`?`, `NA`, `-`, `null`), counted over all `datasets`.

    `known` is what the problem file's `table.missing` lists already. `none` is a class like any other.
    """
    found: dict[str, Counter[str]] = {}
    for summaries in datasets:
        for name, summary in summaries.items():
            counts = missing_words_among(summary.value_counts)
            if roles.get(name) in ("label", "prediction"):
                counts = Counter({value: count for value, count in counts.items() if value.casefold() != "none"})
            found.setdefault(name, Counter()).update(counts)
    return [
        Finding(
            kind="quality",
            severity="warning",
            column=name,
            name="LOOKS_MISSING",
            statistic="rows with a value that looks missing",
            value=float(found[name].total()),
            message=message,
            remedy="list what means a missing value under table.missing",
        )
        for name, message in missing_words_sentences(found, known=known).items()
    ]


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
