"""The page of a rehearsal: what was decided, and on what evidence."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

from components.deployment.canary.judge import CanaryJudge, Watched
from components.deployment.canary.side_counts import SideCounts
from components.deployment.canary.watched_block import WatchedBlock
from components.reporting.charts import line_chart
from components.reporting.page import Report
from components.shared.contracts.verdict import Verdict


def rehearsal_report(verdict: Verdict, blocks: Sequence[WatchedBlock], judge: CanaryJudge) -> Report:
    """Verdict, both sides in figures, the traffic's steps, and the evidence block by block against its bounds."""
    report = Report("Canary", subtitle="A candidate beside the stable release, on this machine")
    report.verdict(verdict.passed, verdict.reason)
    report.facts(
        {
            "requests of the candidate": judge.canary.requests,
            "of the stable release": judge.stable.requests,
            "looks": len(blocks),
        }
    )
    show_sides(report, judge.canary, judge.stable)
    requests = list(accumulate(block.canary.requests + block.stable.requests for block in blocks))
    show_looks(report, requests, [block.percent for block in blocks], [block.evidence for block in blocks], judge)
    return report


def show_sides(report: Report, canary: SideCounts, stable: SideCounts) -> None:
    """Both sides in figures."""
    report.heading("Both sides")
    report.table(
        ["", "requests", "errors", "wrong answers", "median latency, ms"],
        [_row("candidate", canary), _row("stable", stable)],
    )
    report.heading("Answers")
    classes = sorted({*canary.predictions, *stable.predictions})
    report.table(
        ["answer", "candidate", "stable"], [[name, _share(canary, name), _share(stable, name)] for name in classes]
    )


def show_looks(
    report: Report,
    requests: Sequence[int],
    percents: Sequence[int],
    evidence: Sequence[Mapping[Watched, float]],
    judge: CanaryJudge,
) -> None:
    """The traffic's steps and the evidence, look by look, over the requests of both sides."""
    xs = [float(count) for count in requests]
    report.heading("Traffic")
    shares = {"candidate": (xs, [float(percent) for percent in percents])}
    report.figure(line_chart(shares, x_label="requests of both", y_label="% of the traffic", y_range=(0.0, 100.0)))
    report.heading("Evidence against the candidate")
    report.paragraph(
        "Each line is the evidence that the candidate is worse, divided by what a rollback needs: at 1 it is rolled "
        "back. It may be looked at after every block: a candidate that is no worse ever reaches 1 with the stated "
        "chance at most."
    )
    report.figure(
        line_chart(
            {name: (xs, [each[name] / bound for each in evidence]) for name, bound in judge.bounds.items()},
            x_label="requests of both",
            y_label="share of what is needed",
        )
    )


def unwatched_report(verdict: Verdict, *, log: str) -> Report:
    """Of a candidate that was never watched: why, and the end of its server's log."""
    report = Report("Canary", subtitle="A candidate beside the stable release, on this machine")
    report.verdict(verdict.passed, verdict.reason)
    report.heading("Server log")
    report.code(log or "The server logged nothing.", caption="The end of the candidate's log:")
    return report


def _row(name: str, side: SideCounts) -> list[str | int | float]:
    return [name, side.requests, _of(side.errors, side.requests), _of(side.wrong, side.labelled), _median_ms(side)]


def _of(count: int, total: int) -> str:
    return f"{count:,} ({count / total:.1%})" if total else "-"


def _share(side: SideCounts, name: str) -> str:
    total = sum(side.predictions.values())
    return f"{side.predictions.get(name, 0) / total:.1%}" if total else "-"


def _median_ms(side: SideCounts) -> str:
    """The bucket that the median lies in."""
    seen = 0
    for upper in sorted(side.seconds):
        seen += side.seconds[upper]
        if 2 * seen >= side.timed:
            return f"up to {upper * 1000:g}"
    return "-"
