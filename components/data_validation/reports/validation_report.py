"""The validation report: verdict first, then findings, then what is in every column, training beside evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math

from markupsafe import escape, Markup

from components.data_validation.quality.label_rates import LabelRates
from components.data_validation.reports.common_bins import common_shares, Shares, total_variation
from components.data_validation.reports.findings_table import add_findings, SEVERITIES, severity_counts
from components.data_validation.reports.label_rates_section import add_label_rates
from components.data_validation.reports.short_text import short
from components.data_validation.reports.summary_tables import add_summary_tables, bin_namer
from components.data_validation.statistics.feature_summaries import FeatureSummary
from components.data_validation.tables.arrow_lists import ExaminedColumn
from components.reporting.charts import bar_chart
from components.reporting.page import Cell, Report
from components.shared.contracts.verdict import Verdict

MAX_COLUMNS_SHOWN = 50
_MAX_CLASSES_SHOWN = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportContent:
    """What the report is made of."""

    verdict: Verdict
    modality: str
    columns: Sequence[ExaminedColumn]
    unexamined: Mapping[str, str]  # columns left out for their type, and why
    counts: Mapping[str, Mapping[str, int]]  # examples by split and label
    summaries: Mapping[str, Mapping[str, FeatureSummary]]  # by split and column
    label_rates: LabelRates = field(default_factory=LabelRates)  # by group of people, and by whom texts mention


def validation_report(content: ReportContent) -> Report:
    """The report; of many columns the 50 most notable.

    First come those with findings, then those that differ most between training and evaluation.
    """
    verdict = content.verdict
    report = Report("Data validation", subtitle=f"Splits of one {content.modality} table against the training schema")
    report.verdict(verdict.passed, verdict.reason)
    sizes: dict[str, Cell] = {f"{split} examples": sum(by.values()) for split, by in content.counts.items()}
    report.facts({**sizes, "columns examined": len(content.columns), **severity_counts(verdict.findings)})
    add_findings(
        report, verdict.findings, nothing="Nothing was found: every split fits the schema of the training split."
    )
    if not any(column.role == "label" and column.kind == "float" for column in content.columns):
        _add_classes(report, content.counts)
    add_label_rates(report, content.label_rates)
    _add_columns(report, content)
    return report


def _add_classes(report: Report, counts: Mapping[str, Mapping[str, int]]) -> None:
    total = {name: sum(by.get(name, 0) for by in counts.values()) for by in counts.values() for name in by}
    names = sorted(total, key=lambda name: (-total[name], name))
    if not names:
        return
    report.heading("Classes")
    rows: list[list[Cell]] = [
        [short(name) or "(no label)", *(by.get(name, 0) for by in counts.values())]
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
        column.name: common_shares(train[column.name], current[column.name], name_of=bin_namer(column))
        for column in content.columns
        if column.name in train and column.name in current
    }
    ordered = _most_notable_first(content, shares)
    shown = ordered[:MAX_COLUMNS_SHOWN]
    if len(ordered) > len(shown):
        report.paragraph(f"The {len(shown)} most notable of {len(ordered):,} columns; the statistics hold them all.")
    for name, why in content.unexamined.items():
        report.paragraph(f"{name} was not examined: {why}.", tone="warn")
    add_summary_tables(report, shown, content.summaries, tuple(dict.fromkeys(("train", evaluation))))
    for column in shown:
        if column.kind != "masked" and shares.get(column.name) and evaluation != "train":
            report.details(*_drawing(column, shares[column.name], evaluation))


def _most_notable_first(content: ReportContent, shares: Mapping[str, Shares]) -> list[ExaminedColumn]:
    ranks: dict[str, int] = {}
    for finding in content.verdict.findings:
        rank = SEVERITIES.index(finding.severity)
        ranks[finding.column] = min(rank, ranks.get(finding.column, rank))

    def notability(column: ExaminedColumn) -> tuple[int, float]:
        distance = total_variation(shares.get(column.name, {}))
        return ranks.get(column.name, len(SEVERITIES)), -(0.0 if math.isnan(distance) else distance)

    return sorted(content.columns, key=notability)


def _drawing(column: ExaminedColumn, shares: Shares, evaluation: str) -> tuple[str, Markup]:
    chart = bar_chart(
        {short(name): {"train": left, evaluation: right} for name, (left, right) in shares.items()},
        y_label="share of the values",
    )
    text = f"{column.name}: {total_variation(shares):.1%} of the values lie differently in {evaluation}"
    return text, Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(chart, escape(column.role))
