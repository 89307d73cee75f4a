"""What a person sees of the smoke test."""

from components.reporting.page import Report
from components.shared.verdict import Verdict
from components.training.recipes import TrainingConfig
from components.training.smoke import SmokeCheck


def smoke_report(checks: list[SmokeCheck], verdict: Verdict, config: TrainingConfig, *, duration_s: float) -> Report:
    """The smoke test's report: the verdict, then every check with what it measured.

    Parameters
    ----------
    checks
        In the order they ran.
    verdict
        Their outcome.
    config
        The full run's config.
    duration_s
        How long they took, seconds.
    """
    report = Report("Smoke test", subtitle="One iteration and one epoch on a tiny sample, before training is paid for.")
    report.verdict(verdict.passed, verdict.reason)
    report.facts({"backbone": config.backbone.name, "checks": len(checks), "took, s": duration_s})
    report.table(
        ["check", "outcome", "measured"],
        [[check.name, "failed" if check.finding else "holds", check.measured] for check in checks],
    )
    return report
