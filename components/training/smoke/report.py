"""The report of the smoke test: the verdict, every check, the forecast, and the budget's arithmetic."""

from collections.abc import Sequence

from markupsafe import Markup

from components.reporting.page import Cell, Report
from components.shared.contracts.problem import BudgetSpec
from components.shared.contracts.verdict import Verdict
from components.training.cost.budget import BudgetLine
from components.training.cost.forecast import Forecast
from components.training.cost.forecast_text import forecast_remarks, forecast_rows
from components.training.smoke.check import SmokeCheck
from components.training.training_config import TrainingConfig


def smoke_report(
    checks: Sequence[SmokeCheck],
    verdict: Verdict,
    config: TrainingConfig,
    *,
    forecast: Forecast | None,
    budget: BudgetSpec,
    lines: Sequence[BudgetLine],
    duration_s: float,
) -> Report:
    """The smoke test's report; `forecast` is None where a check failed first, `lines` has one line a budget limit."""
    report = Report("Smoke test", subtitle="One iteration and one epoch on a tiny sample, before training is paid for.")
    report.verdict(verdict.passed, verdict.reason)
    report.facts({"backbone": config.backbone.name, "checks": len(checks), "took, s": duration_s})
    report.heading("Checks")
    if any(check.finding for check in checks):
        report.paragraph("The first that failed is the likely root cause; those that rest on it are not judged.")
    report.table(["check", "outcome", "measured"], [_row(check) for check in checks])
    report.heading("Forecast")
    if forecast is None:
        report.paragraph("Nothing was forecast: what fails on a tiny sample is not worth measuring.")
        return report
    report.table(
        ["the full run", "expected", "at least", "at most"],
        forecast_rows(forecast, price_per_hour=budget.price_per_gpu_hour),
    )
    for remark in forecast_remarks(forecast):
        report.paragraph(remark)
    report.heading("Budget")
    if not lines:
        report.paragraph("The problem file sets no limit.")
        return report
    report.table(
        ["limit", "outcome", "forecast", "interval", "may take", "forecast / limit", "arithmetic"],
        [
            [
                line.limit_name,
                _outcome(line),
                line.estimate.central,
                f"{line.estimate.low:.3g} to {line.estimate.high:.3g}",
                line.limit,
                line.factor,
                line.arithmetic,
            ]
            for line in lines
        ],
    )
    return report


def _row(check: SmokeCheck) -> list[Cell]:
    if check.finding is None:
        return [check.name, check.outcome, check.measured]
    what_to_do = Markup("{}<br><em>{}</em>").format(check.measured, check.finding.remedy)
    return [Markup("<strong>{}</strong>").format(check.name), Markup("<strong>failed</strong>"), what_to_do]


def _outcome(line: BudgetLine) -> str:
    if line.finding is None:
        return "within"
    return "beyond" if line.finding.severity == "blocking" else "may go beyond"
