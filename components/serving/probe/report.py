"""The probe's report."""

from collections.abc import Mapping

import numpy as np

from components.reporting.charts import line_chart
from components.reporting.page import Cell, Report
from components.serving.probe.replay import Replay
from components.shared.contracts.verdict import Verdict
from components.shared.served_model.replayed_answers import MAX_DIFFERENCE

_NUM_WORST = 5
_MEASURED = {
    False: "The largest absolute difference of a probability",
    True: "The difference of the number relative to its size, or to the standard deviation of the predictions where "
    "that is larger",
}


def probe_report(verdict: Verdict, metrics: Mapping[str, float], replay: Replay | None, *, log: str) -> Report:
    """Report of a probe: verdict, metrics, latency, differences and refusals; the server's log where it failed."""
    report = Report("Serving", subtitle="The model server on loopback, against the training side's predictions")
    report.verdict(verdict.passed, verdict.reason)
    if metrics:
        report.facts(_facts(metrics))
    if replay is not None:
        _add_latency(report, replay)
        _add_differences(report, replay)
        _add_refusals(report, replay)
    if not verdict.passed:
        report.heading("Server log")
        report.code(log or "The server logged nothing.", caption="The end of the log:")
    return report


def _facts(metrics: Mapping[str, float]) -> dict[str, Cell]:
    names = {
        "cold_start_s": "cold start, s",
        "p50_ms": "p50, ms",
        "p99_ms": "p99, ms",
        "max_abs_difference": "largest difference",
        "max_relative_difference": "largest relative difference",
        "num_requests": "examples replayed",
    }
    return {label: _metric_cell(name, metrics[name]) for name, label in names.items() if name in metrics}


def _metric_cell(name: str, value: float) -> Cell:
    if name == "num_requests":
        return int(value)
    return _difference(value) if name.endswith("_difference") else value


def _difference(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def _add_latency(report: Report, replay: Replay) -> None:
    report.heading("Latency")
    report.paragraph(
        "Each example was sent alone over V2 REST, one after the other; the time runs from sending the request to "
        "reading the whole answer and includes preparing the example."
    )
    numbers = list(range(1, len(replay.example_ids) + 1))
    latencies_ms = (replay.latencies_s * 1000).tolist()
    report.figure(line_chart({"latency": (numbers, latencies_ms)}, x_label="request", y_label="ms"))


def _add_differences(report: Report, replay: Replay) -> None:
    report.heading("Training against serving")
    report.paragraph(
        f"{_MEASURED[replay.is_regression]}, an example each; {MAX_DIFFERENCE:g} is allowed. "
        "A larger one means that the server does not compute what was evaluated."
    )
    worst = np.argsort(-np.nan_to_num(replay.differences, nan=np.inf), kind="stable")[:_NUM_WORST]
    rows = [[replay.example_ids[place], _difference(replay.differences[place])] for place in worst]
    report.table(["example", "largest difference"], rows, caption="The furthest apart")


def _add_refusals(report: Report, replay: Replay) -> None:
    report.heading("Malformed requests")
    report.table(
        ["request", "answer", "reason", "next good request"],
        [[item.request, item.status, item.reason, item.next_status] for item in replay.refusals],
    )
