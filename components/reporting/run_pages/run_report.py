"""What a run leaves, however it ends: `summary.json` for programs and `report.html` for people."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
import json
from pathlib import Path
from typing import Any, ClassVar

from components.reporting.page import Cell, long_text, Report, report_body
from components.reporting.run_pages.step import Step
from components.shared.contracts.verdict import read_verdict
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.redaction import masked, masked_strings, masked_uris

# The content of `summary.json`, of any pipeline's run; the README names the keys.
Summary = dict[str, Any]

_LOG_LINES = 40


class RunSummary(ABC):
    """What is said of one pipeline's runs beyond any run's: its keys of the `Summary`, the words of page and console.

    `success` is what the page says where all gates have passed, `{gates}` is their number; `unfolded` is the step whose
    report is open on the page; `unjudged` are steps whose verdict stops no run, so that it is in their report alone.
    """

    title: ClassVar[str]
    success: ClassVar[str]
    unfolded: ClassVar[str]
    unjudged: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def details(self, steps: Mapping[str, Step]) -> Summary:
        """The pipeline's own keys of the `Summary`: `dataset` with its `source`, `metrics`, `model_dir` ..."""

    @abstractmethod
    def facts(self, summary: Summary) -> dict[str, Cell]:
        """The metrics at the page's top."""

    @abstractmethod
    def pointers(self, summary: Summary) -> list[str]:
        """Sentences that say where to go on."""

    @abstractmethod
    def lines(self, summary: Summary) -> dict[str, str]:
        """What the console says beneath the gates, by the line's name."""


def summarize(
    steps: Sequence[Step],
    *,
    run_dir: Path,
    run_summary: RunSummary,
    error: str,
    identity: Mapping[str, Any] | None = None,
) -> Summary:
    """The `Summary` of a run, from its steps' outputs on disk.

    Parameters
    ----------
    error
        The sentence it failed with, or empty.
    identity
        What tells this run from any other: parameters, data, code.
    """
    gates = _gates([step for step in steps if step.name not in run_summary.unjudged])
    complete = bool(steps) and not error and all(step.status == "succeeded" for step in steps)
    return {
        "passed": complete and all(gate["passed"] for gate in gates),
        "error": error,
        "run_dir": str(run_dir),
        "identity": dict(identity or {}),
        "gates": gates,
        **run_summary.details({step.name: step for step in steps}),
        "steps": [
            {"name": step.name, "status": step.status, "cached": step.cached, "duration_s": step.duration_s}
            for step in steps
        ],
        "report": str(run_dir / "report.html"),
    }


def write_run(
    steps: Sequence[Step],
    *,
    run_dir: Path,
    run_summary: RunSummary,
    error: str,
    identity: Mapping[str, Any] | None = None,
) -> Summary:
    """Write `summary.json` and `report.html`; returns the summary, in which URIs have no passwords; see `summarize`."""
    summary = summarize(steps, run_dir=run_dir, run_summary=run_summary, error=error, identity=identity)
    summary = {key: masked_strings(value, masked_uris) for key, value in summary.items()}
    # A problem file may quote a value.
    summary["identity"] = masked_strings(summary["identity"], masked)
    run_page(summary, steps, run_summary).write(run_dir / "report.html")
    write_json(run_dir / "summary.json", summary)
    return summary


def failure_reason(summary: Summary) -> str:
    """The sentence that a run failed with, or those of the gates that did not pass; empty where all have passed."""
    failed = [gate for gate in summary["gates"] if not gate["passed"]]
    return summary["error"] or "; ".join(f"{gate['name']}: {gate['reason']}" for gate in failed)


def run_page(summary: Summary, steps: Sequence[Step], run_summary: RunSummary) -> Report:
    """The page of a run: outcome, metrics, steps, then every step's own report to unfold."""
    report = Report(run_summary.title, subtitle=f"{summary['dataset']['source']} · {summary['run_dir']}")
    success = run_summary.success.format(gates=len(summary["gates"]))
    report.verdict(summary["passed"], failure_reason(summary) or success)
    took = [step.duration_s for step in steps if step.duration_s is not None]
    measured: dict[str, Cell] = {"run, s": round(sum(took), 1)} if took or not steps else {}
    report.facts({**run_summary.facts(summary), **measured})
    report.heading("Gates")
    report.table(
        ["gate", "outcome", "reason"],
        [[gate["name"], "passed" if gate["passed"] else "failed", gate["reason"]] for gate in summary["gates"]],
    )
    report.heading("Steps")
    # On a cluster nobody measures it: KFP's own page has it.
    report.table(["step", "status", *(["took, s"] if measured else [])], _step_rows(steps, timed=bool(measured)))
    for sentence in run_summary.pointers(summary):
        report.paragraph(sentence)
    report.heading("Reports")
    for step in steps:
        _embed(report, step, opened=step.name == run_summary.unfolded)
    _add_identity(report, dict(summary["identity"]))
    return report


def step_metrics(steps: Mapping[str, Step], name: str, *, prefix: str = "") -> dict[str, Any]:
    """The metrics that a step left, each name after `prefix`; none where it left none."""
    step = steps.get(name)
    path = step.file_of("metrics") if step else None
    if path is None:
        return {}
    metrics = read_json(path, what="a step's metrics")
    return {f"{prefix}{key}": value for key, value in metrics.items()} if isinstance(metrics, dict) else {}


def _step_rows(steps: Sequence[Step], *, timed: bool) -> list[list[Cell]]:
    states = [[step.name, "cached" if step.cached else step.status] for step in steps]
    return [[*state, *([step.duration_s] if timed else [])] for state, step in zip(states, steps, strict=True)]


def _add_identity(report: Report, identity: dict[str, Any]) -> None:
    """What was asked, the problem file as it was written; nothing where nothing is known."""
    if not identity:
        return
    report.heading("This run")
    problem = identity.pop("problem", "")
    report.table(["what", "is"], [[name, long_text(_told(value))] for name, value in identity.items()])
    if problem:
        report.code(problem, caption="Its problem file:")


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _embed(report: Report, step: Step, *, opened: bool) -> None:
    if path := step.file_of("report"):
        report.details(step.name, report_body(path.read_text(encoding="utf-8")), opened=opened)
    if step.status == "failed" and step.log.is_file():
        lines = step.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        report.code("\n".join(lines), caption=f"The end of the log of {step.name} ({step.log.name}):")


def _gates(steps: Sequence[Step]) -> list[dict[str, Any]]:
    gates = []
    for step in steps:
        if path := step.file_of("verdict"):
            verdict = read_verdict(path)
            gates.append({"name": verdict.check, "passed": verdict.passed, "reason": verdict.reason})
    return gates
