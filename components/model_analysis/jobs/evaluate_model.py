"""Evaluating a model on the held-out examples of an example table."""

from dataclasses import dataclass, replace
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.model_analysis.baseline.baseline_gate import with_baseline
from components.model_analysis.baseline.cheap_baseline import cheap_baseline
from components.model_analysis.errors.hardest_examples import HardestExamples
from components.model_analysis.errors.largest_errors import LargestErrors
from components.model_analysis.evaluated import Evaluated
from components.model_analysis.evaluation_report import evaluation_report, ReportContent
from components.model_analysis.gate.number_gate import judge_numbers
from components.model_analysis.gate.smoke_gate import judge_smoke, SMOKE_RECIPE
from components.model_analysis.gate.target_gate import judge, LeftOut
from components.model_analysis.metrics.column_influence import column_influence
from components.model_analysis.metrics.confusion import condensed_confusion
from components.model_analysis.metrics.evaluation import Evaluation
from components.model_analysis.metrics.regression import NumberEvaluation
from components.model_analysis.number_report import number_report, NumberReportContent
from components.model_analysis.scoring.example_sources import example_table_source
from components.model_analysis.scoring.operating_threshold import operating_point
from components.model_analysis.scoring.predictions import count_left_out, evaluate_table, score_source, ScoredSource
from components.modeling.gpu.preflight import require_gpu
from components.modeling.predictor import load_predictor, Predictor
from components.reporting.page import Report
from components.shared.contracts.example_rows import groups_of
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.target_spec import parse_target, TargetSpec
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

# Metadata stores bound the size of an artifact's properties.
_MAX_LOGGED_CLASSES = 50
_SCORED_SPLITS = ("validation", "test")
# Shuffling each of C columns costs C times the work of C columns, so wide tables are sampled more thinly.
_MAX_INFLUENCE_ROWS, _MAX_INFLUENCE_COLUMNS, _INFLUENCE_WORK = 512, 200, 5_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationResult:
    """Outcome of `evaluate_model`.

    Attributes
    ----------
    passed, reason
        The gate's decision.
    metrics
        Those of the test split that are defined, by name, and how far the model is above a cheap one.
    class_names, confusion
        The confusion matrix, examples by label (row) and predicted class (column); with very many classes those with
        the most mistakes, and the rest as one. Empty where the label is a number.
    roc
        False positive rates, true positive rates and thresholds; empty where undefined.
    """

    passed: bool
    reason: str
    metrics: dict[str, float]
    class_names: list[str]
    confusion: list[list[int]]
    roc: tuple[list[float], list[float], list[float]]


def evaluate_model(
    *,
    examples_path: str | Path,
    model_path: str | Path,
    target: TargetSpec | str,
    predictions_path: str | Path,
    evaluation_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
    classification_metrics_path: str | Path,
    recipe: str = "",
    device: str = "auto",
) -> EvaluationResult:
    """Score the held-out examples, evaluate, hold the model against a cheap one, and decide whether it may ship.

    Parameters
    ----------
    examples_path
        An example table of the model's modality; its validation and test splits are scored, and the cheap model is
        trained on its training split. The model is judged on what people labelled; figures on the rest stand apart.
    model_path
        A model bundle.
    target
        What the model must reach on the test split; also as the JSON that `parse_target` reads.
    predictions_path
        Predictions table to write, with embeddings and slice columns.
    evaluation_path, report_path, verdict_path, metrics_path, classification_metrics_path
        Files to write: all metrics (JSON), the report (HTML), the verdict, and what the KFP UI shows (JSON).
    recipe
        How the model was trained: a `smoke` run is judged by whether the model could be evaluated, not by its target.
    device
        `auto`, `cpu` or `cuda`.

    Returns
    -------
    EvaluationResult
        A model that misses its target is a result with `passed` False, not an error.

    Raises
    ------
    FileNotFoundError
        If the table or the bundle is not there.
    ValueError
        If either is damaged, the table is of another modality or task or lacks a column that the model reads, a text or
        a row cannot be used, or the target is none, or one for the other task.
    """
    asked = parse_target(target) if isinstance(target, str) else target
    examples = ExampleTable(examples_path)
    if device == "cuda":
        require_gpu()
    predictor = load_predictor(model_path, device=device)
    _check_task(examples, predictor)
    asked = asked.for_task(is_regression=predictor.task.is_regression)
    if asked.at is not None:
        asked.at.positive_index(predictor.class_names)  # before an hour of scoring
    source = example_table_source(examples, predictor.features, splits=_SCORED_SPLITS)
    scored = score_source(source, predictor, predictions_path)
    found = _evaluated(examples, PredictionsTable(predictions_path), scored, predictor, asked)
    verdict = with_baseline(_verdict(found), found.baseline, asked)
    if recipe == SMOKE_RECIPE:
        verdict = judge_smoke(verdict, num_examples=found.test.num_examples)
    write_json(evaluation_path, found.to_json())
    _report(verdict, found, scored, examples, predictor).write(report_path)
    result = _evaluation_result(verdict, found)
    write_json(metrics_path, result.metrics)
    write_json(classification_metrics_path, _classification_json(result))
    write_verdict(verdict_path, verdict)
    # The verdict is the gate's to keep: a run that chooses between two models has none behind each.
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path})
    logger.info("%s: %s", "passed" if verdict.passed else "failed", verdict.reason)
    return result


def _check_task(examples: ExampleTable, predictor: Predictor) -> None:
    if (examples.info.task == "regression") != predictor.task.is_regression:
        kinds = ("a number", "a class") if predictor.task.is_regression else ("a class", "a number")
        raise ValueError(f"the example table's label must be {kinds[0]}, as the model answers, got {kinds[1]}")


def _evaluated(
    examples: ExampleTable, table: PredictionsTable, scored: ScoredSource, predictor: Predictor, target: TargetSpec
) -> Evaluated:
    groups = {split: groups_of(examples, table, [split]) for split in _SCORED_SPLITS}
    test, validation = (evaluate_table(table, [split], groups=groups[split]) for split in ("test", "validation"))
    point = None if target.at is None else operating_point(table, target.at, test_groups=groups["test"])
    if point is not None:
        test = replace(test, metrics={**test.metrics, **point.metrics()})
    return Evaluated(
        target=target,
        test=test,
        validation=validation,
        not_by_people=evaluate_table(table, _SCORED_SPLITS, by_people=False),
        left_out=_left_out(table, scored),
        point=point,
        baseline=cheap_baseline(examples, table, target, columns=predictor.features.columns, device=predictor.device),
    )


def _verdict(found: Evaluated) -> Verdict:
    if isinstance(found.test, NumberEvaluation):
        return judge_numbers(found.test, found.target, left_out=found.left_out)
    return judge(found.test, found.target, left_out=found.left_out, point=found.point)


def _report(
    verdict: Verdict, found: Evaluated, scored: ScoredSource, examples: ExampleTable, predictor: Predictor
) -> Report:
    influence, personal = _influence(examples, predictor), examples.info.columns_of("pii")
    columns = [name for name in influence or predictor.features.columns if name not in personal]
    if isinstance(found.test, NumberEvaluation):
        assert isinstance(found.validation, NumberEvaluation)
        assert isinstance(found.not_by_people, NumberEvaluation)
        assert isinstance(scored.hardest, LargestErrors)
        return number_report(
            NumberReportContent(
                verdict=verdict,
                test=found.test,
                validation=found.validation,
                not_by_people=found.not_by_people,
                mistakes=scored.hardest.mistakes(),
                influence=influence,
                shown_columns=columns,
                baseline=found.baseline,
            )
        )
    assert isinstance(found.validation, Evaluation)
    assert isinstance(found.not_by_people, Evaluation)
    assert isinstance(scored.hardest, HardestExamples)
    return evaluation_report(
        ReportContent(
            verdict=verdict,
            test=found.test,
            validation=found.validation,
            not_by_people=found.not_by_people,
            mistakes=scored.hardest.mistakes(),
            least_sure=scored.hardest.least_sure(),
            modality=examples.info.modality,
            influence=influence,
            shown_columns=columns,
            point=found.point,
            baseline=found.baseline,
        )
    )


def _influence(examples: ExampleTable, predictor: Predictor) -> dict[str, float]:
    """Influence of a table's columns, measured on rows from all over the test split.

    Empty for images, texts, and tables of very many columns.
    """
    names = list(predictor.features.columns)
    if examples.info.modality != "tabular" or len(names) > _MAX_INFLUENCE_COLUMNS:
        return {}
    num_rows, num_before = sum(examples.counts()["test"].values()), 0
    step = max(-(-num_rows // min(_MAX_INFLUENCE_ROWS, _INFLUENCE_WORK // len(names) ** 2)), 1)
    parts = []
    for batch in examples.iter_batches(names, splits=["test"]):
        parts.append(batch.take(pa.array(range(-num_before % step, batch.num_rows, step), pa.int64())))
        num_before += batch.num_rows
    sample = pa.Table.from_batches(parts, pa.schema([(name, examples.schema.field(name).type) for name in names]))
    return column_influence({name: sample.column(name).combine_chunks() for name in names}, predictor)


def _left_out(table: PredictionsTable, scored: ScoredSource) -> LeftOut:
    num_unlabelled, num_unknown_label = count_left_out(table, ["test"])
    return LeftOut(
        num_unlabelled=num_unlabelled,
        num_unknown_label=num_unknown_label,
        num_unreadable=sum(image.split == "test" for image in scored.unreadable),
    )


def _evaluation_result(verdict: Verdict, found: Evaluated) -> EvaluationResult:
    test, metrics = found.test, {**found.test.defined_metrics(), **found.baseline.metrics()}
    if isinstance(test, NumberEvaluation):
        return EvaluationResult(
            passed=verdict.passed,
            reason=verdict.reason,
            metrics=metrics,
            class_names=[],
            confusion=[],
            roc=([], [], []),
        )
    confusion, names = condensed_confusion(test.confusion, test.class_names, limit=_MAX_LOGGED_CLASSES)
    return EvaluationResult(
        passed=verdict.passed,
        reason=verdict.reason,
        metrics=metrics,
        class_names=list(names),
        confusion=confusion.tolist(),
        roc=(
            list(test.roc.false_positive_rates),
            list(test.roc.true_positive_rates),
            list(test.roc.thresholds),
        ),
    )


def _classification_json(result: EvaluationResult) -> dict[str, Any]:
    false_rates, true_rates, thresholds = result.roc
    return {
        "class_names": result.class_names,
        "confusion": result.confusion,
        "roc": {"false_positive_rates": false_rates, "true_positive_rates": true_rates, "thresholds": thresholds},
    }
