"""The report of a comparison with the champion: the verdict, the difference overall and by slice, what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from components.model_analysis.gate.champion_comparison import ChampionComparison, Compared
from components.model_analysis.gate.champion_gate import ComparedRows
from components.reporting.page import Cell, Report
from components.shared.contracts.verdict import Verdict

_MAX_SLICES, _MAX_IDS = 50, 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionReportContent:
    """What the report shows; `rows` and `comparison` are None where there was nothing to compare.

    `only_champion_right` are identifiers of examples that only the champion answers right.
    """

    verdict: Verdict
    model_name: str
    champion: str
    rows: ComparedRows | None = None
    comparison: ChampionComparison | None = None
    only_champion_right: Sequence[str] = ()


def champion_report(content: ChampionReportContent) -> Report:
    """Build the report of a comparison."""
    against = f"against the champion {content.champion}" if content.champion else "no champion to compare with"
    report = Report("Comparison with the champion", subtitle=f"{content.model_name}, {against}")
    report.verdict(content.verdict.passed, content.verdict.reason)
    for finding in content.verdict.findings:
        if finding.severity != "blocking":
            report.paragraph(finding.message, tone="warn" if finding.severity == "warning" else "plain")
    if content.comparison is not None:
        _add_overall(report, content.comparison)
        _add_slices(report, content.comparison)
    for remark in content.verdict.remarks:
        report.paragraph(remark)
    if content.only_champion_right:
        report.heading("Right by the champion alone")
        report.paragraph("Examples to look at first; all are test examples.")
        report.table(["example"], [[name] for name in content.only_champion_right[:_MAX_IDS]])
    return report


def _add_overall(report: Report, comparison: ChampionComparison) -> None:
    overall = comparison.overall
    report.facts(
        {
            "test examples": overall.found.num_examples,
            f"{comparison.metric}, this model": overall.found.challenger,
            f"{comparison.metric}, champion": overall.found.champion,
            "difference": _signed(overall.found.difference),
            "95 % interval": _interval(overall),
            "smallest loss that is found": overall.detectable,
        }
    )


def _add_slices(report: Report, comparison: ChampionComparison) -> None:
    if not comparison.slices:
        return
    worst = sorted(comparison.slices, key=lambda item: item.found.difference)[:_MAX_SLICES]
    more = len(comparison.slices) - len(worst)
    report.heading("Slices")
    report.table(
        ["slice", "examples", "this model", "champion", "difference", "95 % interval", "p (Holm)", ""],
        [
            [
                item.name,
                item.found.num_examples,
                item.found.challenger,
                item.found.champion,
                _signed(item.found.difference),
                _interval(item),
                item.adjusted_p,
                "refused" if item.is_refused else "",
            ]
            for item in worst
        ],
        caption="The largest losses first; a difference is positive where this model is better. Intervals are of each "
        "slice alone, p counts all comparisons" + (f"; {more} more are in the comparison's JSON." if more else "."),
    )


def _signed(value: float) -> Cell:
    return f"{value:+.4f}" if math.isfinite(value) else None


def _interval(item: Compared) -> Cell:
    low, high = item.found.low, item.found.high
    return f"{low:+.4f} to {high:+.4f}" if math.isfinite(low) else None
