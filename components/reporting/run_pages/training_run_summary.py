"""What the summary, the page and the console say of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from components.reporting.page import Cell
from components.reporting.run_pages.run_report import RunSummary, step_metrics, Summary
from components.reporting.run_pages.step import Step

_INGESTION, _TRAINING, _ANALYSIS = "ingest examples", "train model", "evaluate model"
_VALIDATION, _RELEASE, _SERVING = "validate examples", "publish model", "probe server"
_SPLITS = ("train", "validation", "test")
_SHOWN_METRICS = ("accuracy", "macro_f1", "roc_auc", "rmse", "mae", "r2")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingRunSummary(RunSummary):
    """A run of the training pipeline on the data at `source`."""

    source: str

    title: ClassVar[str] = "Training run"
    success: ClassVar[str] = "all {gates} gates let the model through"
    unfolded: ClassVar[str] = _ANALYSIS
    # Of two candidates one goes on, and is judged as any model.
    unjudged: ClassVar[frozenset[str]] = frozenset({"evaluate trained on", "evaluate trained anew"})

    def details(self, steps: Mapping[str, Step]) -> Summary:
        """Data, metrics, and where the model is."""
        model_dir = _model_dir(steps)
        service = Path(model_dir or "", "inferenceservice.yaml")
        return {
            "dataset": {"source": self.source, **_dataset(steps)},
            "metrics": {**step_metrics(steps, _ANALYSIS), **step_metrics(steps, _TRAINING, prefix="training_")},
            "serving": step_metrics(steps, _SERVING),
            "model_dir": model_dir,
            "inference_service": str(service) if service.is_file() else None,
            "release": _release(steps),
        }

    def facts(self, summary: Summary) -> dict[str, Cell]:
        """How good the model is, what it was trained on, how fast it answers."""
        metrics, dataset = summary["metrics"], summary["dataset"]
        names = {"RMSE": "rmse", "R2": "r2"} if "rmse" in metrics else {"accuracy": "accuracy", "macro F1": "macro_f1"}
        return {
            **{label: metrics.get(name) for label, name in names.items()},
            "examples": dataset.get("num_examples"),
            "classes": len(dataset.get("classes", ())) or None,
            "answer, p50 ms": summary["serving"].get("p50_ms"),
        }

    def pointers(self, summary: Summary) -> list[str]:
        """Where the bundle is, and how it is deployed."""
        sentences = []
        if summary["model_dir"]:
            sentences.append(f"The model bundle is {summary['model_dir']}.")
        if summary["inference_service"]:
            sentences.append(f"To deploy it on a cluster: kubectl apply -f {summary['inference_service']}")
        if summary["release"]:
            sentences.append(
                f"The release is {summary['release']}. To deploy it: kubectl apply -f with its inferenceservice.yaml, "
                "which is also the output inference_service of the step publish model."
            )
        return sentences

    def lines(self, summary: Summary) -> dict[str, str]:
        """Data, metrics, model and deployment, as far as there are any."""
        data, lines = summary["dataset"], {}
        if "num_examples" in data:
            counts = ", ".join(f"{data[split]:,} {split}" for split in _SPLITS)
            labels = f" in {len(data['classes'])} classes" if data.get("classes") else " with numbers for labels"
            lines["data"] = f"{data['num_examples']:,} examples{labels if 'classes' in data else ''} ({counts})"
        shown = {name: summary["metrics"].get(name) for name in _SHOWN_METRICS}
        lines["metrics"] = ", ".join(f"{name} {value:.4f}" for name, value in shown.items() if value is not None)
        lines["model"] = summary["model_dir"] or ""
        lines["deploy"] = summary["inference_service"] and f"kubectl apply -f {summary['inference_service']}"
        return {name: line for name, line in lines.items() if line}


def _dataset(steps: Mapping[str, Step]) -> dict[str, Any]:
    metrics = step_metrics(steps, _INGESTION)
    if "counts" not in metrics:
        return _validated(steps)
    counts = metrics["counts"]
    classes: dict[str, int] = {}
    for labels in counts.values() if metrics.get("task") == "classification" else ():
        for label, count in labels.items():
            classes[label] = classes.get(label, 0) + count
    return {
        **{split: sum(labels.values()) for split, labels in counts.items()},
        "classes": classes,
        **{name: int(value) for name, value in metrics.items() if name.startswith("num_")},
    }


def _validated(steps: Mapping[str, Step]) -> dict[str, Any]:
    """The sizes of a table that no step of this run has ingested: those of its validation."""
    metrics = step_metrics(steps, _VALIDATION)
    sizes = {split: int(metrics.get(f"num_examples_{split}", 0)) for split in _SPLITS}
    return {**sizes, "num_examples": sum(sizes.values())} if any(sizes.values()) else {}


def _model_dir(steps: Mapping[str, Step]) -> str | None:
    """The published bundle, or the unpublished one where a later step failed."""
    for name, output in ((_RELEASE, "published"), (_TRAINING, "model")):
        step = steps.get(name)
        if step is not None and Path(step.outputs.get(output, "")).is_dir() and step.outputs.get(output):
            return str(step.outputs[output])
    return None


def _release(steps: Mapping[str, Step]) -> str | None:
    """Where the release lies for others, where the step that published it ran on a cluster."""
    step = steps.get(_RELEASE)
    return None if step is None else step.facts.get("storage_uri")
