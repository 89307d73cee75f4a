"""Comparing how a scored model treats groups of people: rates with intervals, differences, and what is refused."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from components.model_analysis.fairness.assessment import AnsweredExamples, assessed, FairnessAssessment
from components.model_analysis.fairness.findings import CANNOT_SEE
from components.model_analysis.fairness.report import fairness_report, FairnessReportContent
from components.model_analysis.gate.smoke_gate import judge_smoke, SMOKE_RECIPE
from components.model_analysis.scoring.operating_threshold import operating_point
from components.shared.contracts.example_rows import groups_of
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.fairness_spec import FairnessSpec, parse_fairness
from components.shared.contracts.label_origin import are_by_people
from components.shared.contracts.labelled_answers import labelled_answers
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.target_spec import parse_target, TargetSpec
from components.shared.contracts.verdict import write_verdict
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.json_values import without_nan
from components.shared.tables.personal_columns import kept_columns
from components.shared.tables.sensitive_groups import Grouping, sensitive_groupings

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
_SPLITS = ("validation", "test")


@dataclass(frozen=True, kw_only=True, slots=True)
class FairnessResult:
    """Outcome of `assess_fairness`.

    Attributes
    ----------
    passed, reason
        The verdict.
    metrics
        Counts, and the largest difference of each measure, for the KFP UI.
    """

    passed: bool
    reason: str
    metrics: dict[str, float]


def assess_fairness(
    *,
    examples_path: str | Path,
    predictions_path: str | Path,
    measures_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
    target: TargetSpec | str = "",
    fairness: FairnessSpec | str = "",
    recipe: str = "",
) -> FairnessResult:
    """Compare groups of the sensitive columns, and of every two of them, in rates or errors on the test split.

    Parameters
    ----------
    examples_path
        The example table that the model was evaluated on: which columns are sensitive, personal data or a group.
    predictions_path
        The model's predictions table, as `evaluate_model` wrote it.
    measures_path, report_path, verdict_path, metrics_path
        Files to write: every group's rates (JSON), the report (HTML), the verdict, and what the KFP UI shows (JSON).
    target
        Where `at` is given, answers follow its threshold; also as the JSON that `parse_target` reads.
    fairness
        The limits; also as the JSON that `parse_fairness` reads. Without any, nothing is refused.
    recipe
        How the model was trained: a `smoke` run is compared, and not refused.

    Returns
    -------
    FairnessResult
        A model that is refused is a result with `passed` False, not an error.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    ValueError
        If a table is damaged, or target or limits do not fit the model.
    """
    asked = parse_target(target) if isinstance(target, str) else target
    spec = parse_fairness(fairness) if isinstance(fairness, str) else fairness
    examples, table = ExampleTable(examples_path), PredictionsTable(predictions_path)
    is_labelled_by_machine = ~are_by_people(table, ["test"])
    answered = _answered(examples, table, asked, spec)
    found = assessed(answered, spec, num_by_machines=int(is_labelled_by_machine.sum()))
    verdict = found.verdict
    if recipe == SMOKE_RECIPE:
        verdict = judge_smoke(verdict, num_examples=found.examples.num_examples)
    content = FairnessReportContent(
        verdict=verdict,
        spec=spec,
        examples=found.examples,
        judged=found.judged,
        odds=found.odds,
        thresholds=found.thresholds,
    )
    fairness_report(content).write(report_path)
    write_json(measures_path, _measures_json(found, spec))
    result = FairnessResult(passed=verdict.passed, reason=verdict.reason, metrics=_metrics(found))
    write_json(metrics_path, result.metrics)
    write_verdict(verdict_path, verdict)
    logger.info("%s: %s", "passed" if verdict.passed else "failed", verdict.reason)
    return result


def _answered(
    examples: ExampleTable, table: PredictionsTable, target: TargetSpec, spec: FairnessSpec
) -> AnsweredExamples:
    answers = labelled_answers(table, _SPLITS)
    splits = table.read(["split"], splits=_SPLITS).column(0).to_numpy()[answers.rows]
    groups = groups_of(examples, table, _SPLITS)
    groupings = _groupings(examples, table, answers.rows)
    clusters = None if groups is None else groups[answers.rows]
    if table.is_regression:
        return AnsweredExamples(
            labels=answers.labels,
            predicted=answers.answers,
            is_test=splits == "test",
            groupings=groupings,
            clusters=clusters,
        )
    positive, scores, threshold = _scores(table, target, spec, answers.answers)
    predicted = answers.answers.argmax(axis=1) if len(answers.rows) else np.zeros(0, np.int64)
    if target.at is not None and scores is not None:
        predicted = np.where(scores >= threshold, positive, 1 - positive)
    return AnsweredExamples(
        labels=answers.labels,
        predicted=predicted,
        is_test=splits == "test",
        groupings=groupings,
        class_names=table.class_names,
        scores=scores,
        threshold=threshold,
        clusters=clusters,
        target_positive=None if target.at is None else table.class_names[positive],
    )


def _scores(
    table: PredictionsTable, target: TargetSpec, spec: FairnessSpec, probabilities: np.ndarray
) -> tuple[int, np.ndarray | None, float]:
    """Index of the class that is looked for, of two, its probabilities and the threshold; of more classes no scores."""
    if len(table.class_names) != 2:
        return 0, None, math.nan
    positive, threshold = 1, 0.5
    if target.at is not None:
        point = operating_point(table, target.at)
        positive = table.class_names.index(point.positive)
        if point.why_none:
            # The evaluation refuses such a model; its groups are compared by the most probable class.
            return positive, None, math.nan
        threshold = point.threshold
    elif spec.positive in table.class_names:
        positive = table.class_names.index(spec.positive)
    return positive, probabilities[:, positive].astype(np.float64), threshold


def _groupings(examples: ExampleTable, table: PredictionsTable, rows: np.ndarray) -> Sequence[Grouping]:
    names = [name for name in examples.info.columns_of("sensitive") if name in table.slice_columns]
    if not names or not len(rows):
        return []
    columns = table.read(names, splits=_SPLITS)
    personal = set(examples.info.columns_of("pii")) - kept_columns(examples.schema)
    values = {name: columns.column(name).combine_chunks().take(rows) for name in names}
    return sensitive_groupings(values, personal=personal)


def _metrics(found: FairnessAssessment) -> dict[str, float]:
    statuses = [one.status for one in found.judged]
    largest: dict[str, float] = {}
    for one in found.judged:
        if one.comparison.found is not None:
            name = f"largest_{one.comparison.measure}_difference"
            largest[name] = max(largest.get(name, 0.0), one.comparison.found.difference)
    return {
        "num_compared": float(len(statuses) - statuses.count("too small to judge")),
        "num_refused": float(statuses.count("refused")),
        "num_too_small": float(statuses.count("too small to judge")),
        **largest,
    }


def _measures_json(found: FairnessAssessment, spec: FairnessSpec) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "passed": found.verdict.passed,
        "reason": found.verdict.reason,
        "settings": asdict(spec),
        "examples": asdict(found.examples),
        "comparisons": [_comparison_json(one) for one in found.judged],
        "equalized_odds": [asdict(one) for one in found.odds],
        "thresholds": [without_nan(asdict(one)) for one in found.thresholds],
        "cannot_see": CANNOT_SEE,
    }


def _comparison_json(one: Any) -> dict[str, Any]:
    adjusted = one.adjusted_p if math.isfinite(one.adjusted_p) else None
    return {**one.comparison.to_json(), "adjusted_p_value": adjusted, "broken": one.broken, "status": one.status}
