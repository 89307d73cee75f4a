"""The page that is read in two minutes: the verdict, why, the three worst things, what to do, then what it rests on."""

from collections.abc import Mapping, Sequence

from components.reporting.page import Cell, Report
from components.shared.contracts.analysis_summary import AnalysisSummary, GroupFigure

_WORST = 3
_SHOWN_GROUPS = 50


def summary_page(summary: AnalysisSummary, *, figures: Sequence[Sequence[Cell]], counts: Mapping[str, Cell]) -> Report:
    """The page, not yet written.

    Parameters
    ----------
    summary
        What was found.
    figures
        Rows of metric, value, lower and upper end of its 95 % interval.
    counts
        What it rests on: how many examples, and the like.
    """
    report = Report("May this model ship?")
    report.verdict(summary.passed, summary.reason)
    report.facts(dict(counts))
    _add_worst(report, summary)
    if figures:
        report.heading("How good it is")
        report.table(["metric", "value", "low", "high"], figures, caption="On the test split, with 95 % intervals.")
    report.heading("What was asked")
    rows: list[list[Cell]] = [
        [check.name, "passed" if check.passed else "refused", check.reason] for check in summary.checks
    ]
    report.table(["check", "", "why"], rows, caption="Each has a report of its own.")
    if summary.weaknesses[_WORST:]:
        report.heading("What else was found")
        for weakness in summary.weaknesses[_WORST:]:
            report.paragraph(_said(weakness.sentence, weakness.remedy))
    if summary.groups:
        report.heading("Groups")
        report.table(
            ["column", "group", "measure", "examples", "value", "low", "high"],
            [_group_row(group) for group in summary.groups[:_SHOWN_GROUPS]],
            caption=f"The first {_SHOWN_GROUPS}." if len(summary.groups) > _SHOWN_GROUPS else "",
        )
    if summary.cannot_see:
        report.heading("What this cannot see")
        for sentence in summary.cannot_see:
            report.paragraph(sentence)
    return report


def _add_worst(report: Report, summary: AnalysisSummary) -> None:
    worst = summary.weaknesses[:_WORST]
    if not worst:
        report.paragraph("Nothing was found that speaks against it.")
        return
    names = ("What is worst", "The two worst things", "The three worst things")
    report.heading(names[len(worst) - 1])
    report.table(
        ["", "what", "what to do"],
        [[number, item.sentence, item.remedy or "see its report"] for number, item in enumerate(worst, start=1)],
    )


def _said(sentence: str, remedy: str) -> str:
    return f"{sentence}: {remedy}." if remedy else f"{sentence}."


def _group_row(group: GroupFigure) -> list[Cell]:
    return [group.column, group.group, group.measure, group.num_examples, group.value, group.low, group.high]
