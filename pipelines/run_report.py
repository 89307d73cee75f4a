"""What stays of a run: `summary.json` for programs and `report.html` for people, written whatever happened."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.reporting.page import Report, report_body
from components.shared.atomic_files import read_json, write_json
from components.shared.example_table import ExampleTable
from components.shared.verdict import read_verdict
from pipelines.local import Step

_ANALYSIS, _TRAINING, _SERVING, _INGESTION = "evaluate model", "train model", "probe server", "ingest examples"
_LOG_LINES = 40


def summarize(steps: Sequence[Step], *, run_dir: Path, source: str, error: str) -> dict[str, Any]:
    """Collect what a run came to from its steps' outputs on disk.

    Parameters
    ----------
    steps
        The steps that ran.
    run_dir
        The run's folder.
    source
        Where the data were.
    error
        The sentence the run failed with; empty where it did not.

    Returns
    -------
    dict
        The content of `summary.json`; see the README.
    """
    by_name = {step.name: step for step in steps}
    gates = _gates(steps)
    complete = bool(steps) and not error and all(step.status == "succeeded" for step in steps)
    return {
        "passed": complete and all(gate["passed"] for gate in gates),
        "error": error,
        "run_dir": str(run_dir),
        "dataset": _dataset(by_name, source),
        "gates": gates,
        "metrics": {**_metrics(by_name, _ANALYSIS), **_metrics(by_name, _TRAINING, prefix="training_")},
        "serving": _metrics(by_name, _SERVING),
        "steps": [
            {"name": step.name, "status": step.status, "cached": step.cached, "duration_s": step.duration_s}
            for step in steps
        ],
        "model_dir": _model_dir(by_name),
        "inference_service": _inference_service(by_name),
        "report": str(run_dir / "report.html"),
    }


def write_run(steps: Sequence[Step], *, run_dir: Path, source: str, error: str) -> dict[str, Any]:
    """Write `summary.json` and `report.html`; returns the summary."""
    summary = summarize(steps, run_dir=run_dir, source=source, error=error)
    run_page(summary, steps).write(run_dir / "report.html")
    write_json(run_dir / "summary.json", summary)
    return summary


def run_page(summary: dict[str, Any], steps: Sequence[Step]) -> Report:
    """The page of a run: outcome, figures, steps, then every step's own report to unfold."""
    report = Report("Training run", subtitle=f"{summary['dataset']['source']} · {summary['run_dir']}")
    failed = [gate for gate in summary["gates"] if not gate["passed"]]
    reason = summary["error"] or "; ".join(f"{gate['name']}: {gate['reason']}" for gate in failed)
    report.verdict(summary["passed"], reason or f"all {len(summary['gates'])} gates let the model through")
    metrics, dataset = summary["metrics"], summary["dataset"]
    report.facts(
        {
            "accuracy": metrics.get("accuracy"),
            "macro F1": metrics.get("macro_f1"),
            "examples": dataset.get("num_examples"),
            "classes": len(dataset.get("classes", ())) or None,
            "answer, p50 ms": summary["serving"].get("p50_ms"),
            "run, s": round(sum(step.duration_s for step in steps), 1),
        }
    )
    report.heading("Gates")
    report.table(
        ["gate", "outcome", "reason"],
        [[gate["name"], "passed" if gate["passed"] else "failed", gate["reason"]] for gate in summary["gates"]],
    )
    report.heading("Steps")
    rows: list[list[str | float]] = [
        [step.name, "cached" if step.cached else step.status, step.duration_s] for step in steps
    ]
    report.table(["step", "status", "took, s"], rows)
    if summary["model_dir"]:
        report.paragraph(f"The model bundle is {summary['model_dir']}.")
    if summary["inference_service"]:
        report.paragraph(f"To deploy it on a cluster: kubectl apply -f {summary['inference_service']}")
    report.heading("Reports")
    for step in steps:
        _embed(report, step)
    return report


def _embed(report: Report, step: Step) -> None:
    path = Path(step.outputs.get("report", ""))
    if path.is_file():
        body = report_body(path.read_text(encoding="utf-8"))
        report.details(step.name, body, opened=step.name == _ANALYSIS)
    if step.status == "failed" and step.log.is_file():
        lines = step.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        report.code("\n".join(lines), caption=f"The end of the log of {step.name} ({step.log.name}):")


def _gates(steps: Sequence[Step]) -> list[dict[str, Any]]:
    gates = []
    for step in steps:
        path = Path(step.outputs.get("verdict", ""))
        if path.is_file():
            verdict = read_verdict(path)
            gates.append({"name": verdict.check, "passed": verdict.passed, "reason": verdict.reason})
    return gates


def _dataset(by_name: dict[str, Step], source: str) -> dict[str, Any]:
    found: dict[str, Any] = {"source": source}
    step = by_name.get(_INGESTION)
    if step is None or step.status != "succeeded":
        return found
    counts = ExampleTable(step.outputs["examples"]).counts()
    classes: dict[str, int] = {}
    for labels in counts.values():
        for label, count in labels.items():
            classes[label] = classes.get(label, 0) + count
    splits = {split: sum(labels.values()) for split, labels in counts.items()}
    return {
        **found,
        "num_examples": sum(splits.values()),
        **splits,
        "classes": classes,
        **{name: int(value) for name, value in _metrics(by_name, _INGESTION).items() if name.startswith("num_")},
    }


def _metrics(by_name: dict[str, Step], name: str, *, prefix: str = "") -> dict[str, Any]:
    step = by_name.get(name)
    path = Path(step.outputs.get("metrics", "")) if step else Path()
    if not path.is_file():
        return {}
    return {f"{prefix}{key}": value for key, value in read_json(path, what="a step's metrics").items()}


def _model_dir(by_name: dict[str, Step]) -> str | None:
    for name, output in (("publish model", "published"), (_TRAINING, "model")):
        step = by_name.get(name)
        if step is not None and Path(step.outputs.get(output, "")).is_dir() and step.outputs.get(output):
            return str(step.outputs[output])
    return None


def _inference_service(by_name: dict[str, Step]) -> str | None:
    file = Path(_model_dir(by_name) or "", "inferenceservice.yaml")
    return str(file) if file.is_file() else None
