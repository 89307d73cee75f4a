"""What the summary, the page and the console say of an augmentation search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from components.reporting.page import Cell
from components.reporting.run_pages.run_report import RunSummary, Summary
from components.reporting.run_pages.step import Step
from components.shared.runtime.atomic_files import read_json

_RANKING = "rank policies"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchRunSummary(RunSummary):
    """A run of the augmentation search on the images at `source`."""

    source: str

    title: ClassVar[str] = "Augmentation search"
    success: ClassVar[str] = "the policies are ranked"
    unfolded: ClassVar[str] = _RANKING

    def details(self, steps: Mapping[str, Step]) -> Summary:
        """The ranking, and the problem file that names the winner."""
        step = steps.get(_RANKING)
        path = step and step.file_of("ranking")
        ranked = read_json(path, what="the ranking") if path else {}
        problem = step and step.file_of("problem_file")
        return {
            "dataset": {"source": self.source},
            "winner": ranked.get("winner"),
            "reason": ranked.get("reason"),
            "policies": ranked.get("policies", []),
            "problem_file": str(problem) if problem else None,
        }

    def facts(self, summary: Summary) -> dict[str, Cell]:
        """What to train with."""
        return {"policy to train with": summary["winner"], "policies": len(summary["policies"]) or None}

    def pointers(self, summary: Summary) -> list[str]:
        """Why, and how to train with it."""
        if not summary["winner"]:
            return []
        return [
            f"{summary['reason'][:1].upper()}{summary['reason'][1:]}.",
            f"To train with it: make run DATASET={self.source} PROBLEM={summary['problem_file']}",
        ]

    def lines(self, summary: Summary) -> dict[str, str]:
        """The ranking, a line a policy, and how to train with the winner."""
        lines = {}
        for place, policy in enumerate(summary["policies"], start=1):
            score = policy["score"]
            rank = "" if place == 1 else ", not told from the first" if policy["is_tied"] else ", worse"
            interval = f"{score['mean']:.4f} ({score['low']:.4f} to {score['high']:.4f})"
            lines[f"{place}."] = f"{policy['name']:<10} {interval}{rank}"
        if summary["winner"]:
            lines["winner"] = f"{summary['winner']}: {summary['reason']}"
            lines["train"] = f"make run DATASET={self.source} PROBLEM={summary['problem_file']}"
        return lines
