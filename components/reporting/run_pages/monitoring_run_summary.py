"""What the summary, the page and the console say of a monitoring run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from components.reporting.page import Cell
from components.reporting.run_pages.run_report import RunSummary, step_metrics, Summary
from components.reporting.run_pages.step import Step
from components.shared.serving_log.time_window import TimeWindow

_DRIFT = "detect drift"


@dataclass(frozen=True, kw_only=True, slots=True)
class MonitoringRunSummary(RunSummary):
    """A monitoring run: the serving log, its window, and the bundle that answered the requests."""

    serving_log: str
    model: str
    window: TimeWindow

    title: ClassVar[str] = "Monitoring run"
    success: ClassVar[str] = "what is served still looks like what the model was trained on"
    unfolded: ClassVar[str] = _DRIFT

    def details(self, steps: Mapping[str, Step]) -> Summary:
        """Log, window, model, and the metrics of the comparison."""
        start, end = (moment and moment.isoformat() for moment in (self.window.start, self.window.end))
        return {
            "dataset": {"source": self.serving_log},
            "window": {"start": start, "end": end},
            "metrics": step_metrics(steps, _DRIFT),
            "model_dir": self.model,
        }

    def facts(self, summary: Summary) -> dict[str, Cell]:
        """How much was compared, and what came out."""
        metrics = summary["metrics"]
        return {
            "requests": _count(metrics.get("num_current")),
            "training rows": _count(metrics.get("num_reference")),
            "blocking findings": _count(metrics.get("num_blocking")),
            "warnings": _count(metrics.get("num_warnings")),
            "largest effect": metrics.get("largest_effect"),
        }

    def pointers(self, summary: Summary) -> list[str]:
        """What was held against what."""
        return [f"The window {self.window} was held against the baseline of the model bundle {self.model}."]

    def lines(self, summary: Summary) -> dict[str, str]:
        """Window, rows compared, findings, and the model."""
        lines = {"model": self.model, "window": str(self.window)}
        metrics = summary["metrics"]
        if metrics:
            lines["data"] = f"{metrics['num_current']:,.0f} requests against {metrics['num_reference']:,.0f} rows"
            lines["findings"] = f"{metrics['num_blocking']:.0f} blocking, {metrics['num_warnings']:.0f} warnings"
        return lines


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)
