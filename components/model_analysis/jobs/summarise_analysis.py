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


@dataclass(frozen=True, slots=True)
class AnalysisPaths:
    """What the steps of an analysis wrote.

    Attributes
    ----------
    evaluation
        `evaluation.json` of `evaluate_model`.
    verdicts
        Verdicts by the name of the check as people see it, the evaluation's first.
    fairness_measures, weak_slices, label_errors, error_analysis
        JSON of the steps of those names; None where a step did not run.
    """

    evaluation: str | Path
    verdicts: Mapping[str, str | Path]
    fairness_measures: str | Path | None = None
    weak_slices: str | Path | None = None
    label_errors: str | Path | None = None
    error_analysis: str | Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryResult:
    """Outcome of `summarise_analysis`: whether the model may ship, why, and figures for the KFP UI."""

    passed: bool
    reason: str
    metrics: dict[str, float]


def summarise_analysis(
    paths: AnalysisPaths,
    *,
    summary_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
) -> SummaryResult:
    """Bring what the steps of an analysis found onto one page, with one verdict.

    Parameters
    ----------
    paths
        What the steps wrote.
    summary_path, report_path, verdict_path, metrics_path
        Files to write: what the model card tells (JSON), the page (HTML), the verdict, and what the KFP UI shows.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If one is not what it should be.
    """
    verdicts = {name: read_verdict(path) for name, path in paths.verdicts.items()}
    evaluation = _json(paths.evaluation, "the evaluation")
    fairness = _json(paths.fairness_measures, "the fairness measures")
    summary = summarised(
        verdicts,
        weaknesses=_weaknesses(paths),
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


def _json(path: str | Path | None, what: str) -> dict[str, Any]:
    if path is None:
        return {}
    content = read_json(path, what=what)
    if not isinstance(content, dict):
        raise ValueError(f"{what} at {path} must be a JSON object, got {type(content).__name__}")
    return content


def _weaknesses(paths: AnalysisPaths) -> list[Weakness]:
    """What was found by the steps that judge nothing: causes of errors, weak slices, labels."""
    found = []
    errors = _json(paths.error_analysis, "the error analysis")
    if errors.get("num_errors"):
        found.append(Weakness(sentence=errors["summary"], remedy=errors["remedy"]))
    slices = _json(paths.weak_slices, "the weak slices")
    found += [
        Weakness(
            sentence=item["sentence"].rstrip("."),
            remedy="look at these examples, and collect or correct more like them",
        )
        for item in slices.get("slices", [])[:_SHOWN_SLICES]
    ]
    labels = _json(paths.label_errors, "the label errors")
    if labels.get("num_suspected"):
        found.append(
            Weakness(
                sentence=f"{labels['num_suspected']:,} of {labels['num_ranked']:,} labels that were looked at are "
                "more probably wrong than right",
                remedy="correct them in the queue, and audit a sample to know the share",
            )
        )
    return found


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
        counts["beside a cheap model"] = f"{cheap['name']}: {'beaten' if cheap['is_beaten'] else 'not beaten'}"
    return counts
