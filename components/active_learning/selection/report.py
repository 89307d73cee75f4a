"""The report of a batch: how the budget is spent, what was left out, and the first rows with their reasons."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.active_learning.label_requests import LabelRequest, STRATEGIES
from components.reporting.page import Report

_MAX_SHOWN, _MAX_ID_CHARACTERS = 30, 40
_MEANING = {
    "entropy": "the model is unsure among all classes",
    "least_confidence": "the likeliest class is not likely",
    "margin": "the model hesitates between two classes",
    "mutual_information": "the model contradicts itself when parts of it are left out",
    "diversity": "stands for others, or is unlike what is known",
    "random": "drawn without looking at the model: to measure by",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectionContent:
    """What the report shows: the requests, rows of the pool, how many are labelled or asked about, and remarks."""

    requests: Sequence[LabelRequest]
    num_rows: int
    num_left_out: int
    num_near_duplicates: int
    budget: int
    remarks: Sequence[str] = ()


def selection_report(content: SelectionContent) -> Report:
    """Build the report."""
    report = Report("What to label next", subtitle="Rows of the pool that people are asked about, and why each")
    report.facts(
        {
            "asked about": len(content.requests),
            "budget": content.budget,
            "rows in the pool": content.num_rows,
            "labelled or asked about already": content.num_left_out,
            "passed over as near duplicates": content.num_near_duplicates,
        }
    )
    for remark in content.remarks:
        report.paragraph(remark, tone="warn")
    counts = Counter(request.strategy for request in content.requests)
    if counts:
        report.heading("How the budget is spent")
        rows = [[name, counts[name], _MEANING[name]] for name in STRATEGIES if counts[name]]
        report.table(["strategy", "rows", "what it looks for"], rows)
        classes = Counter(request.predicted for request in content.requests).most_common(20)
        report.table(["predicted class", "rows"], [list(pair) for pair in classes])
        _add_requests(report, content.requests)
    return report


def _add_requests(report: Report, requests: Sequence[LabelRequest]) -> None:
    """Some of each strategy, in the order in which they are asked about."""
    names = list(dict.fromkeys(request.strategy for request in requests))
    most = max(_MAX_SHOWN // len(names), 1)
    shown = [one for name in names for one in [each for each in requests if each.strategy == name][:most]]
    report.heading("The first of each strategy")
    report.table(
        ["example", "strategy", "why", "predicted", "probability"],
        [[_end(one.example_id), one.strategy, one.why, one.predicted, f"{one.probability:.2f}"] for one in shown],
    )


def _end(name: str) -> str:
    return name if len(name) <= _MAX_ID_CHARACTERS else f"…{name[1 - _MAX_ID_CHARACTERS :]}"
