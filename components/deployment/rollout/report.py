"""The page of a rollout: what was decided, why, and what the canary did."""

from datetime import datetime

from components.deployment.canary.judge import CanaryJudge
from components.deployment.canary.report import show_looks, show_sides
from components.deployment.rollout.record import RolloutRecord
from components.reporting.page import Report
from components.shared.contracts.canary_settings import CanarySettings
from components.shared.contracts.verdict import Finding, Verdict

CHECK = "deployment"
_KINDS = {
    "first": "the first release there",
    "replace": "takes the place of the one before at once",
    "canary": "watched beside the stable release",
}


def rollout_verdict(record: RolloutRecord) -> Verdict:
    """Whether the release is live."""
    said = f"{record.decision}: {record.reason}"
    if record.decision == "promoted":
        return Verdict(check=CHECK, passed=True, reason=said)
    remedy = "Look at the server's last lines on the page." if record.log_end else "Look at what the release answers."
    finding = Finding(kind="quality", severity="blocking", message=said, remedy=remedy)
    return Verdict(check=CHECK, passed=False, reason=said, findings=(finding,))


def rollout_report(record: RolloutRecord, settings: CanarySettings) -> Report:
    """Verdict, what went live where, the failing server's last lines, and the canary look by look."""
    verdict = rollout_verdict(record)
    report = Report("Deployment", subtitle=f"{record.model_name} in namespace {record.namespace}")
    report.verdict(verdict.passed, verdict.reason)
    report.facts(
        {
            "release": record.version,
            "release before": record.former_version or "none",
            "how": _KINDS[record.kind],
            "begun": _shown(record.started_at),
            "decided": _shown(record.decided_at),
        }
    )
    if record.log_end:
        report.heading("The server's last lines")
        report.code(record.log_end, caption="What the container logged last:")
    if record.looks:
        judge = CanaryJudge(settings, record.kinds)
        judge.restore(record.seen["judge"])
        show_sides(report, judge.canary, judge.stable)
        show_looks(
            report,
            [look["canary"] + look["stable"] for look in record.looks],
            [look["percent"] for look in record.looks],
            [look["evidence"] for look in record.looks],
            judge,
        )
    return report


def undecided_report(verdict: Verdict, *, subtitle: str) -> Report:
    """Of a rollout that did not begin, or was stopped: why, and what to do."""
    report = Report("Deployment", subtitle=subtitle)
    report.verdict(verdict.passed, verdict.reason)
    for finding in verdict.findings:
        report.paragraph(finding.remedy)
    return report


def _shown(moment: str) -> str:
    """A time as people read it: ISO 8601 in UTC is given."""
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"
