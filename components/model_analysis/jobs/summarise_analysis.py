"""All that an analysis found: one verdict, one page, and what the model card tells."""

from collections.abc import Mapping
from dataclasses import dataclass
import logging
import math
from pathlib import Path
from typing import Any

from components.model_analysis.summary.page import summary_page
from components.model_analysis.summary.summarised import joint_verdict, summarised
from components.reporting.page import Cell
from components.shared.contracts.analysis_summary import GroupFigure, Weakness, write_analysis_summary
from components.shared.contracts.verdict import read_verdict, write_verdict
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

_SHOWN_METRICS = ("accuracy", "macro_f1", "roc_auc", "recall", "precision", "log_loss", "rmse", "mae", "r2")
_SHOWN_SLICES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryResult:
    """Outcome of `summarise_analysis`: whether the model may ship, why, and figures for the KFP UI."""

    passed: bool
    reason: str
    metrics: dict[str, float]


def summarise_analysis(
    *,
    evaluation_path: str | Path,
    verdict_paths: Mapping[str, str | Path],
    fairness_path: str | Path,
    slices_path: str | Path,
    labels_path: str | Path,
    errors_path: str | Path,
    summary_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
) -> SummaryResult:
    """Bring what the steps of an analysis found onto one page, with one verdict.

    Parameters
    ----------
    evaluation_path
        `evaluation.json` of `evaluate_model`.
    verdict_paths
        Verdicts by the name of the check as people see it, the evaluation's first.
    fairness_path, slices_path, labels_path, errors_path
        What `assess_fairness`, `find_weak_slices`, `rank_label_errors` and `analyse_errors` found (JSON).
    summary_path, report_path, verdict_path, metrics_path
        Files to write: what the model card tells (JSON), the page (HTML), the verdict, and what the KFP UI shows.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If one is not what it should be.
    """
    verdicts = {name: read_verdict(path) for name, path in verdict_paths.items()}
    evaluation = _json(evaluation_path, "the evaluation")
    fairness = _json(fairness_path, "the fairness measures")
    summary = summarised(
        verdicts,
        weaknesses=[*_of_errors(errors_path), *_of_slices(slices_path), *_of_labels(labels_path)],
        groups=_groups(fairness),
        cannot_see=[fairness["cannot_see"]] if fairness.get("comparisons") else [],
    )
    verdict = joint_verdict(verdicts)
    write_analysis_summary(summary_path, summary)
    figures, counts = _figures(evaluation), _counts(evaluation)
    summary_page(summary, figures=figures, counts=counts).write(report_path)
    metrics = {
        "num_checks": float(len(verdicts)),
        "num_refused": float(sum(not item.passed for item in verdicts.values())),
        "num_weaknesses": float(len(summary.weaknesses)),
    }
    write_json(metrics_path, metrics)
    write_verdict(verdict_path, verdict)
    keep_results(this_step(), {"verdict": verdict_path, "metrics": metrics_path, "report": report_path})
    logger.info("%s: %s", "passed" if verdict.passed else "failed", verdict.reason)
    return SummaryResult(passed=verdict.passed, reason=verdict.reason, metrics=metrics)


def _json(path: str | Path, what: str) -> dict[str, Any]:
    content = read_json(path, what=what)
    if not isinstance(content, dict):
        raise ValueError(f"{what} at {path} must be a JSON object, got {type(content).__name__}")
    return content


def _of_errors(path: str | Path) -> list[Weakness]:
    errors = _json(path, "the error analysis")
    if not errors["num_errors"]:
        return []
    sentence, _, remedy = str(errors["summary"]).partition("; ")
    return [Weakness(sentence=sentence, remedy=remedy)]


def _of_slices(path: str | Path) -> list[Weakness]:
    remedy = "look at these examples, and collect or correct more like them"
    slices = _json(path, "the weak slices")["slices"][:_SHOWN_SLICES]
    return [Weakness(sentence=item["sentence"].rstrip("."), remedy=remedy) for item in slices]


def _of_labels(path: str | Path) -> list[Weakness]:
    labels = _json(path, "the label errors")
    if not labels["num_suspected"]:
        return []
    sentence = (
        f"{labels['num_suspected']:,} of {labels['num_ranked']:,} labels that were looked at are more probably wrong "
        "than right"
    )
    return [Weakness(sentence=sentence, remedy="correct them in the queue, and audit a sample to know the share")]


def _groups(fairness: Mapping[str, Any]) -> list[GroupFigure]:
    """Figures of the groups of single sensitive columns that are large enough to say something."""
    return [
        GroupFigure(
            column=" and ".join(comparison["columns"]),
            group=group["name"],
            measure=_measure(comparison),
            num_examples=group["num_examples"],
            value=group["value"],
            low=group["low"],
            high=group["high"],
        )
        for comparison in fairness.get("comparisons", [])
        if len(comparison["columns"]) == 1
        for group in comparison["groups"]
        if group["is_judged"]
    ]


def _measure(comparison: Mapping[str, Any]) -> str:
    of = f" of {comparison['positive']}" if comparison["positive"] else ""
    return str(comparison["measure"]).replace("_", " ") + of


def _figures(evaluation: Mapping[str, Any]) -> list[list[Cell]]:
    metrics = evaluation["metrics"]
    return [
        [name, metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")]
        for name in _SHOWN_METRICS
        if isinstance(metrics.get(name), int | float) and math.isfinite(metrics[name])
    ]


def _counts(evaluation: Mapping[str, Any]) -> dict[str, Cell]:
    counts: dict[str, Cell] = {"test examples": evaluation["num_labelled"]}
    cheap = (evaluation.get("baseline") or {}).get("cheap_model")
    if cheap:
        counts["a cheap model is"] = "beaten" if cheap["is_beaten"] else "not beaten"
    return counts
