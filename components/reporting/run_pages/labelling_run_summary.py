"""What the summary, the page and the console say of a round of labelling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from components.reporting.page import Cell
from components.reporting.run_pages.run_report import RunSummary, step_metrics, Summary
from components.reporting.run_pages.step import Step

_CHOSEN, _PROPOSED = "choose examples", "write pseudo labels"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabellingRunSummary(RunSummary):
    """A round of labelling: the table, the model that scored its pool, and the queue that people fill in."""

    examples: str
    model: str
    queue: str

    title: ClassVar[str] = "Round of labelling"
    success: ClassVar[str] = "the queue waits for people"
    unfolded: ClassVar[str] = _CHOSEN
    unjudged: ClassVar[frozenset[str]] = frozenset({_PROPOSED})

    def details(self, steps: Mapping[str, Step]) -> Summary:
        """Table, model, queue, and what was chosen."""
        return {
            "dataset": {"source": self.examples},
            "metrics": {**step_metrics(steps, _CHOSEN), **step_metrics(steps, _PROPOSED)},
            "model_dir": self.model,
            "queue": self.queue,
        }

    def facts(self, summary: Summary) -> dict[str, Cell]:
        """How many people are asked about, and how many labels the guard admitted."""
        metrics = summary["metrics"]
        return {
            "examples to label": _count(metrics.get("num_requests")),
            "labels by the model": _count(metrics.get("num_pseudo_labels")),
        }

    def pointers(self, summary: Summary) -> list[str]:
        """What to do with the queue."""
        queue = summary["queue"]
        return [
            f"Fill in queue.csv in {queue}, or import its label_studio_tasks.json into a project of Label Studio with "
            "label_studio_config.xml.",
            f"Then: pluszero learn --queue {queue}, with --labels where the labels lie elsewhere.",
        ]

    def lines(self, summary: Summary) -> dict[str, str]:
        """The queue, and how many examples are in it."""
        lines = {"model": self.model, "queue": self.queue}
        asked = summary["metrics"].get("num_requests")
        return lines if asked is None else {**lines, "asked": f"{asked:,.0f} examples"}


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)
