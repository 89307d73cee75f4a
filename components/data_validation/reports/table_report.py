"""Reports on one table: what it holds, and how it fits a reviewed schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.data_validation.reports.findings_table import add_findings
from components.data_validation.reports.summary_tables import add_summary_tables
from components.data_validation.statistics.feature_summaries import FeatureSummary
from components.data_validation.tables.arrow_lists import ExaminedColumn
from components.reporting.page import Report
from components.shared.contracts.verdict import Verdict

MAX_COLUMNS_SHOWN = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class TableContent:
    """What a report shows of a table; `remarks` say what was recognised and left out."""

    name: str
    num_rows: int
    columns: Sequence[ExaminedColumn]
    summaries: Mapping[str, FeatureSummary]
    remarks: Sequence[str] = ()


def statistics_report(content: TableContent) -> Report:
    """The statistics of a table as a page; personal data are counted only."""
    report = Report("Statistics", subtitle=content.name)
    report.facts({"rows": content.num_rows, "columns": len(content.columns)})
    _add_table(report, content)
    return report


def schema_report(content: TableContent, verdict: Verdict) -> Report:
    """How a table fits a reviewed schema, verdict first."""
    report = Report("Validation against a schema", subtitle=content.name)
    report.verdict(verdict.passed, verdict.reason)
    report.facts({"rows": content.num_rows, "columns": len(content.columns), "findings": len(verdict.findings)})
    add_findings(report, verdict.findings, nothing="Every column fits the reviewed schema.")
    _add_table(report, content)
    return report


def _add_table(report: Report, content: TableContent) -> None:
    report.heading("Columns")
    add_summary_tables(report, content.columns[:MAX_COLUMNS_SHOWN], {"all": content.summaries}, ("all",))
    if len(content.columns) > MAX_COLUMNS_SHOWN:
        report.paragraph(f"The first {MAX_COLUMNS_SHOWN} of {len(content.columns):,} columns; the statistics hold all.")
    for remark in content.remarks:
        report.paragraph(remark)
