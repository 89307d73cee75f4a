"""The report of a training."""

from collections.abc import Mapping

from components.reporting.charts import line_chart
from components.reporting.page import Report
from components.training.cost.forecast import Forecast
from components.training.cost.forecast_text import compared_rows
from components.training.trainer.fit import FitResult
from components.training.training_config import TrainingConfig

_CURVES = (
    ("Loss", ("train_loss", "val_loss")),
    ("Accuracy", ("val_accuracy",)),
    ("Mean absolute error", ("val_mae",)),
)


def training_report(
    result: FitResult, config: TrainingConfig, metrics: Mapping[str, float], *, forecast: Forecast | None
) -> Report:
    """The training's report: metrics of the best epoch, loss curves, what it took against the forecast, settings."""
    report = Report("Training", subtitle="The weights of the best epoch are kept.")
    report.facts({name.replace("_", " "): value for name, value in metrics.items()})
    epochs = [epoch["epoch"] for epoch in result.curves]
    for title, names in _CURVES:
        series = {
            name.replace("_", " "): (epochs, [epoch[name] for epoch in result.curves])
            for name in names
            if name in result.curves[0]
        }
        if series:
            report.heading(title)
            report.figure(line_chart(series, x_label="epoch", y_label=title.lower()))
    if forecast is not None:
        _add_comparison(report, result, forecast)
    report.heading("Settings")
    settings = {**config.to_dict(), **{f"backbone {name}": value for name, value in config.backbone.to_dict().items()}}
    settings.pop("backbone")
    report.table(["setting", "value"], [[name, str(value)] for name, value in settings.items()])
    if result.resumed:
        report.paragraph("This run went on from a checkpoint that an interrupted one had left.")
    return report


def _add_comparison(report: Report, result: FitResult, forecast: Forecast) -> None:
    report.heading("Forecast and outcome")
    report.table(
        ["what", "forecast", "interval", "measured", "measured / forecast"],
        compared_rows(forecast, result.curves),
        caption=f"For the {len(result.curves)} epochs that were run, of {forecast.max_epochs} at most.",
    )
