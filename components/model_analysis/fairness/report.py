"""The page on a model's fairness: the verdict, every group's rates, differences, and what thresholds would change."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
import math

from markupsafe import Markup

from components.model_analysis.fairness.findings import CANNOT_SEE, JudgedExamples, TOO_SMALL
from components.model_analysis.fairness.group_rates import GroupRate, OddsDifference
from components.model_analysis.fairness.group_thresholds import GroupThreshold, ThresholdChange
from components.model_analysis.fairness.judgement import JudgedComparison
from components.model_analysis.fairness.measures import in_words
from components.reporting.page import Cell, Report
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.contracts.verdict import Finding, Verdict

_MAX_GROUPS = 20
_CAPTION = (
    "The groups that differ most. Each group's interval is its own; the interval of the largest difference, and of the "
    "smallest ratio, holds for all pairs of groups at once, so that of many groups more is asked; p (Holm) counts all "
    "comparisons of this page."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FairnessReportContent:
    """What the page shows; `judged` is empty where nothing could be compared."""

    verdict: Verdict
    spec: FairnessSpec
    examples: JudgedExamples
    judged: Sequence[JudgedComparison] = ()
    odds: Sequence[OddsDifference] = ()
    thresholds: Sequence[ThresholdChange] = ()


def fairness_report(content: FairnessReportContent) -> Report:
    """Build the page."""
    report = Report("Fairness", subtitle="Groups of the sensitive columns on the test split, as people labelled it")
    verdict = content.verdict
    report.verdict(verdict.passed, verdict.reason)
    report.facts(_facts(content))
    _add_findings(report, verdict.findings)
    for by, found in groupby(content.judged, key=lambda one: one.comparison.by):
        _add_grouping(report, by, list(found), content.odds)
    if content.thresholds:
        _add_thresholds(report, content.thresholds)
    report.heading("What was left out, and what this cannot see")
    for remark in verdict.remarks or (CANNOT_SEE,):
        report.paragraph(remark)
    return report


def _add_findings(report: Report, findings: Sequence[Finding]) -> None:
    """What is refused beyond the verdict's own sentence, and what is too small; the rest unfolds."""
    blocking = [finding for finding in findings if finding.severity == "blocking"]
    small = [finding for finding in findings if finding.name == TOO_SMALL]
    for finding in blocking[1:]:
        report.paragraph(finding.message, tone="bad")
    for finding in small:
        report.paragraph(finding.message, tone="warn")
    others = [finding for finding in findings if finding not in blocking and finding not in small]
    if others:
        lines = Markup("").join(Markup("<li>{}: {}</li>").format(one.severity, one.message) for one in others)
        summary = f"other differences that are more than chance, the largest first: {len(others)}"
        report.details(summary, Markup("<ul>{}</ul>").format(lines), opened=not blocking)


def _facts(content: FairnessReportContent) -> dict[str, Cell]:
    spec, statuses = content.spec, [one.status for one in content.judged]
    limits = {"largest difference allowed": spec.max_difference, "smallest ratio allowed": spec.min_ratio}
    return {
        "test examples": content.examples.num_examples,
        "examples a group needs": spec.min_group_size,
        **({} if spec.metric is None else {"held against limits": spec.metric.replace("_", " ")}),
        **{name: limit for name, limit in limits.items() if limit is not None},
        "comparisons": len(statuses),
        "refused": statuses.count("refused"),
        "too small to judge": statuses.count("too small to judge"),
    }


def _add_grouping(report: Report, by: str, found: Sequence[JudgedComparison], odds: Sequence[OddsDifference]) -> None:
    report.heading(f"By {by}")
    rows = [_difference_row(one) for one in found]
    rows += [
        [
            f"equalized odds{f' of {one.positive!r}' if one.positive else ''}",
            None,
            None,
            _with_interval(one.difference, one.low, one.high),
            None,
            None,
            "",
        ]
        for one in odds
        if " and ".join(one.columns) == by
    ]
    names = ["measure", "lowest", "highest", "largest difference", "smallest ratio", "p (Holm)", ""]
    report.table(names, rows, caption=_CAPTION)
    report.details(f"every group by {by}", _group_tables(found), opened=" and " not in by)


def _difference_row(one: JudgedComparison) -> list[Cell]:
    compared, found = one.comparison, one.comparison.found
    if found is None:
        return [compared.words, None, None, None, None, None, one.status]
    lowest, highest = compared.judged[found.lowest], compared.judged[found.highest]
    return [
        compared.words,
        f"{lowest.name}: {lowest.value:.3g}",
        f"{highest.name}: {highest.value:.3g}",
        _with_interval(found.difference, found.low, found.high),
        None if compared.measure == "mean_error" else _with_interval(found.ratio, found.ratio_low, found.ratio_high),
        f"{one.adjusted_p:.2g}" if one.adjusted_p >= 1e-4 else "below 0.0001",
        one.status,
    ]


def _group_tables(found: Sequence[JudgedComparison]) -> Markup:
    """All groups' values: of several classes a table each."""
    tables = []
    several = len({one.comparison.positive for one in found if one.comparison.positive}) > 1
    for _, of_class in groupby(found, key=lambda one: one.comparison.positive if several else ""):
        compared = [one.comparison for one in of_class]
        groups = compared[0].groups[:_MAX_GROUPS]
        head = ["group", *(one.words for one in compared)]
        rows = [
            [group.name, *(_group_cell(one.groups[place]) for one in compared)] for place, group in enumerate(groups)
        ]
        tables.append(_html_table(head, rows))
        if len(compared[0].groups) > _MAX_GROUPS:
            more = len(compared[0].groups) - _MAX_GROUPS
            tables.append(Markup("<p>The {} largest groups; {} more are in the JSON.</p>").format(_MAX_GROUPS, more))
    return Markup("").join(tables)


def _group_cell(group: GroupRate) -> str:
    small = "" if group.is_judged else ", too small to judge"
    return f"{_with_interval(group.value, group.low, group.high) or '–'}; n = {group.num_examples:,}{small}"


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    cells = Markup("").join(Markup("<th>{}</th>").format(name) for name in head)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    return Markup('<div class="scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        cells, body
    )


def _add_thresholds(report: Report, changes: Sequence[ThresholdChange]) -> None:
    report.heading("What a threshold a group would change")
    report.paragraph(
        "Shown, not applied: each group's threshold was chosen on the validation split so that its rate is the overall "
        "one, and the test split shows what comes of it. Treating people by their group may itself be forbidden: ask."
    )
    for change in changes:
        by = " and ".join(change.columns)
        report.table(
            ["group", "threshold", f"{in_words(change.measure, '')} now", "then", ""],
            [
                [group.name, f"{group.threshold:.3f}", f"{group.before:.3f}", f"{group.after:.3f}", _whose(group)]
                for group in change.groups[:_MAX_GROUPS]
            ],
            caption=f"By {by}: largest difference {change.difference_before:.3g} now, {change.difference_after:.3g} "
            f"then; accuracy {change.accuracy_before:.3f} now, {change.accuracy_change:+.4f} then (95 % interval "
            f"{change.accuracy_low:+.4f} to {change.accuracy_high:+.4f})",
        )


def _whose(group: GroupThreshold) -> str:
    return "" if group.is_own else "too few validation examples: the common threshold"


def _with_interval(value: float, low: float, high: float) -> str | None:
    if not math.isfinite(value):
        return None
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{value:.3g}"
    return f"{value:.3g} ({low:.3g} to {high:.3g})"
