"""What a person sees of the smoke test and of the training."""

from collections.abc import Mapping

from components.reporting.charts import line_chart
from components.reporting.page import Report
from components.shared.verdict import Verdict
from components.training.fit import FitResult
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


def training_report(result: FitResult, config: TrainingConfig, metrics: Mapping[str, float]) -> Report:
    """The training's report: what came out, the loss curves, the settings.

    Parameters
    ----------
    result
        The finished training.
    config
        Its recipe.
    metrics
        Those of the best epoch.
    """
    report = Report("Training", subtitle="The weights of the best epoch are kept.")
    report.facts({name.replace("_", " "): value for name, value in metrics.items()})
    epochs = [epoch["epoch"] for epoch in result.curves]
    for title, names in (("Loss", ("train_loss", "val_loss")), ("Accuracy", ("val_accuracy",))):
        series = {
            name.replace("_", " "): (epochs, [epoch[name] for epoch in result.curves])
            for name in names
            if name in result.curves[0]
        }
        if series:
            report.heading(title)
            report.figure(line_chart(series, x_label="epoch", y_label=title.lower()))
    report.heading("Settings")
    settings = {**config.to_dict(), **{f"backbone {name}": value for name, value in config.backbone.to_dict().items()}}
    settings.pop("backbone")
    report.table(["setting", "value"], [[name, str(value)] for name, value in settings.items()])
    if result.resumed:
        report.paragraph("This run went on from a checkpoint that an interrupted one had left.")
    return report
