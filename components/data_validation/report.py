"""The validation report: verdict first, then findings, then what is in every column, training beside evaluation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, UTC
import math

from markupsafe import escape, Markup

from components.data_validation.arrow_lists import ExaminedColumn
from components.data_validation.common_bins import common_shares, number_name, Shares, total_variation
from components.data_validation.feature_summaries import FeatureSummary
from components.reporting.charts import bar_chart
from components.reporting.page import Cell, Report
from components.shared.verdict import Finding, Verdict

MAX_COLUMNS_SHOWN = 50
MAX_FINDINGS_SHOWN = 100
_MAX_CLASSES_SHOWN = 30
_TOP_VALUES = 3
_MAX_CHARACTERS = 40
_SEVERITY_WORDS = {"blocking": "blocking findings", "warning": "warnings", "note": "notes"}
_NUMBER_KINDS = ("integer", "float", "time")
_DAY_S = 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportContent:
    """What the report is made of.

    Attributes
    ----------
    verdict
        With all findings, most severe first.
    modality
        Of the example table.
    columns
        The examined columns.
    unexamined
        Columns left out for their type: `{name: type}`.
    counts
        Examples by split and label.
    summaries
        Summaries of the columns by split and name.
    """

    verdict: Verdict
    modality: str
    columns: Sequence[ExaminedColumn]
    unexamined: Mapping[str, str]
    counts: Mapping[str, Mapping[str, int]]
    summaries: Mapping[str, Mapping[str, FeatureSummary]]


def validation_report(content: ReportContent) -> Report:
    """The report, ready to be written.

    A table of many columns shows the 50 most notable: those with findings, then those that differ most between
    training and evaluation.
    """
    verdict = content.verdict
    report = Report("Data validation", subtitle=f"Splits of one {content.modality} table against the training schema")
    report.verdict(verdict.passed, verdict.reason)
    sizes: dict[str, Cell] = {f"{split} examples": sum(by.values()) for split, by in content.counts.items()}
    severities: dict[str, Cell] = {
        word: sum(finding.severity == name for finding in verdict.findings) for name, word in _SEVERITY_WORDS.items()
    }
    report.facts({**sizes, "columns examined": len(content.columns), **severities})
    _add_findings(report, verdict.findings)
    _add_classes(report, content.counts)
    _add_columns(report, content)
    return report


def _add_findings(report: Report, findings: Sequence[Finding]) -> None:
    report.heading("Findings")
    if not findings:
        report.paragraph("Nothing was found: every split fits the schema of the training split.", tone="good")
        return
    rows = [
        [finding.severity, finding.kind.replace("_", " "), finding.message, finding.remedy or "–", finding.name]
        for finding in findings[:MAX_FINDINGS_SHOWN]
    ]
    report.table(["severity", "kind", "what", "what to do", "name"], rows)
    if len(findings) > MAX_FINDINGS_SHOWN:
        report.paragraph(f"The first {MAX_FINDINGS_SHOWN} of {len(findings):,} findings; verdict.json has them all.")


def _add_classes(report: Report, counts: Mapping[str, Mapping[str, int]]) -> None:
    total = {name: sum(by.get(name, 0) for by in counts.values()) for by in counts.values() for name in by}
    names = sorted(total, key=lambda name: (-total[name], name))
    if not names:
        return
    report.heading("Classes")
    rows: list[list[Cell]] = [
        [_short(name) or "(no label)", *(by.get(name, 0) for by in counts.values())]
        for name in names[:_MAX_CLASSES_SHOWN]
    ]
    report.table(["class", *counts], rows, caption="Examples by class and split")
    if len(names) > _MAX_CLASSES_SHOWN:
        report.paragraph(f"The {_MAX_CLASSES_SHOWN} largest of {len(names):,} classes.")


def _add_columns(report: Report, content: ReportContent) -> None:
    report.heading("Columns")
    evaluation = next((split for split in ("test", "validation") if content.summaries.get(split)), "train")
    train, current = content.summaries["train"], content.summaries[evaluation]
    shares = {
        column.name: common_shares(train[column.name], current[column.name], name_of=_namer(column))
        for column in content.columns
        if column.name in train and column.name in current
    }
    ordered = _most_notable_first(content, shares)
    shown = ordered[:MAX_COLUMNS_SHOWN]
    if len(ordered) > len(shown):
        report.paragraph(f"The {len(shown)} most notable of {len(ordered):,} columns; the statistics hold them all.")
    for name, kind in content.unexamined.items():
        report.paragraph(f"{name} was not examined: its type is {kind}.", tone="warn")
    _add_tables(report, shown, content.summaries, ("train",) if evaluation == "train" else ("train", evaluation))
    for column in shown:
        if column.kind != "masked" and shares.get(column.name) and evaluation != "train":
            report.details(*_drawing(column, shares[column.name], evaluation))


def _add_tables(
    report: Report,
    columns: Sequence[ExaminedColumn],
    summaries: Mapping[str, Mapping[str, FeatureSummary]],
    splits: Sequence[str],
) -> None:
    held = [
        (column, split, summaries[split][column.name])
        for column in columns
        for split in splits
        if column.name in summaries[split]
    ]
    numbers = [_number_row(*item) for item in held if item[0].kind in _NUMBER_KINDS]
    categories = [_category_row(*item) for item in held if item[0].kind not in _NUMBER_KINDS]
    if numbers:
        report.table(["column", "split", "missing", "mean", "std", "min", "median", "max"], numbers, caption="Numbers")
    if categories:
        names = ["column", "split", "missing", "different", "most frequent"]
        report.table(names, categories, caption="Categories")


def _most_notable_first(content: ReportContent, shares: Mapping[str, Shares]) -> list[ExaminedColumn]:
    ranks = {name: rank for rank, name in enumerate(_SEVERITY_WORDS)}
    severities: dict[str, int] = {}
    for finding in content.verdict.findings:
        severities[finding.column] = min(ranks[finding.severity], severities.get(finding.column, len(ranks)))

    def notability(column: ExaminedColumn) -> tuple[int, float]:
        distance = total_variation(shares.get(column.name, {}))
        return severities.get(column.name, len(ranks)), -(0.0 if math.isnan(distance) else distance)

    return sorted(content.columns, key=notability)


def _number_row(column: ExaminedColumn, split: str, summary: FeatureSummary) -> list[Cell]:
    numbers = [summary.mean, summary.std, summary.minimum, summary.median, summary.maximum]
    cells: list[Cell] = [_shown(value, column, is_length=place == 1) for place, value in enumerate(numbers)]
    return [_short(column.name), split, f"{summary.missing_share:.1%}", *cells]


def _category_row(column: ExaminedColumn, split: str, summary: FeatureSummary) -> list[Cell]:
    missing = f"{summary.missing_share:.1%}"
    if column.kind == "masked":
        return [_short(column.name), split, missing, None, "personal data: counted only"]
    return [_short(column.name), split, missing, summary.num_unique, _top_values(summary)]


def _shown(value: float, column: ExaminedColumn, *, is_length: bool) -> Cell:
    if column.kind != "time" or not math.isfinite(value):
        return value
    return f"{value / _DAY_S:.4g} days" if is_length else _date(value)


def _date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return number_name(seconds)


def _namer(column: ExaminedColumn) -> Callable[[float], str]:
    return _date if column.kind == "time" else number_name


def _top_values(summary: FeatureSummary) -> str:
    top = list(summary.value_counts.items())[:_TOP_VALUES]
    return ", ".join(f"{_short(value)} {count / summary.num_present:.0%}" for value, count in top) or "–"


def _drawing(column: ExaminedColumn, shares: Shares, evaluation: str) -> tuple[str, Markup]:
    chart = bar_chart(
        {_short(name): {"train": left, evaluation: right} for name, (left, right) in shares.items()},
        y_label="share of the values",
    )
    text = f"{column.name}: {total_variation(shares):.1%} of the values lie differently in {evaluation}"
    return text, Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(chart, escape(column.role))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"
