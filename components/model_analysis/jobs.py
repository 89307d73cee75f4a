"""Jobs of model analysis: paths in, paths out."""

from collections import Counter
from dataclasses import asdict, dataclass
import logging
from pathlib import Path
from typing import Any

from components.model_analysis.confusion import condensed_confusion
from components.model_analysis.evaluation import Evaluation
from components.model_analysis.gate import judge, LeftOut
from components.model_analysis.image_source import example_table_source, ImageSource, open_image_source
from components.model_analysis.label_matching import LabelMatcher
from components.model_analysis.predictions import count_left_out, evaluate_table, score_source, ScoredSource
from components.model_analysis.report import evaluation_report, ReportContent
from components.modeling.gpu_preflight import require_gpu
from components.modeling.predictor import load_predictor, Predictor
from components.shared.atomic_files import write_json
from components.shared.example_table import ExampleTable
from components.shared.predictions_table import PredictionsTable, PredictionsWriter
from components.shared.problem import parse_target, SPLIT_NAMES, TargetSpec
from components.shared.verdict import Verdict, write_verdict

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
PREDICTIONS, METRICS_FILE, UNREADABLE_FILE = "predictions", "metrics.json", "unreadable.json"
_JUDGED_SPLITS = ("validation", "test")
# Metadata stores bound the size of an artifact's properties.
_MAX_LOGGED_CLASSES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationResult:
    """Outcome of `evaluate_model`.

    Attributes
    ----------
    passed, reason
        The gate's decision.
    metrics
        Those of the test split that are defined, by name.
    class_names, confusion
        The confusion matrix, examples by label (row) and predicted class (column); with very many classes those with
        the most mistakes, and the rest as one.
    roc
        False positive rates, true positive rates and thresholds; empty where undefined.
    """

    passed: bool
    reason: str
    metrics: dict[str, float]
    class_names: list[str]
    confusion: list[list[int]]
    roc: tuple[list[float], list[float], list[float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreResult:
    """Outcome of `score_images`.

    Attributes
    ----------
    num_examples
        Images scored.
    num_labelled
        Of these, with a label that the model knows: what `metrics` are computed on.
    num_unknown_label
        Of these, with a label that the model does not know; no metric counts them.
    num_unreadable
        Images that could not be decoded, beside those scored.
    metrics
        Defined metrics by name; empty without labels.
    """

    num_examples: int
    num_labelled: int
    num_unknown_label: int
    num_unreadable: int
    metrics: dict[str, float]


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
    device: str = "auto",
) -> EvaluationResult:
    """Score the held-out examples, evaluate, and decide whether the model may ship.

    Parameters
    ----------
    examples_path
        An example table of images; its validation and test splits are scored.
    model_path
        A model bundle.
    target
        What the model must reach on the test split; also as the JSON that `parse_target` reads.
    predictions_path
        Predictions table to write, with embeddings and slice columns.
    evaluation_path, report_path, verdict_path, metrics_path, classification_metrics_path
        Files to write: all figures (JSON), the report (HTML), the verdict, and what the KFP UI shows (JSON).
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
        If either is damaged, the table holds no images, or the target is none.
    """
    asked = parse_target(target) if isinstance(target, str) else target
    if device == "cuda":
        require_gpu()
    predictor = load_predictor(model_path, device=device)
    source = example_table_source(ExampleTable(examples_path), splits=("validation", "test"))
    scored = _score(source, predictor, predictions_path)
    table = PredictionsTable(predictions_path)
    test, validation = evaluate_table(table, ["test"]), evaluate_table(table, ["validation"])
    left_out = _left_out(table, scored)
    verdict = judge(test, asked, left_out=left_out)
    write_json(evaluation_path, _evaluation_json(test, validation, left_out, asked))
    content = ReportContent(
        verdict=verdict,
        test=test,
        validation=validation,
        mistakes=scored.hardest.mistakes(),
        least_sure=scored.hardest.least_sure(),
    )
    evaluation_report(content).write(report_path)
    result = _evaluation_result(verdict, test)
    write_json(metrics_path, result.metrics)
    write_json(classification_metrics_path, _classification_json(result))
    write_verdict(verdict_path, verdict)
    logger.info("%s: %s", "passed" if verdict.passed else "failed", verdict.reason)
    return result


def score_images(
    *,
    source: str,
    model_path: str | Path,
    output_path: str | Path,
    image_column: str | None = None,
    label_column: str | None = None,
    device: str = "auto",
) -> ScoreResult:
    """Score whatever holds images with a bundle.

    Parameters
    ----------
    source
        A folder of photos in any layout, an example table, a CSV, TSV or Parquet table, or one image file.
    model_path
        A model bundle.
    output_path
        Folder to write: `predictions` (a predictions table), `unreadable.json`, and `metrics.json` where labels are
        known. What else it holds stays.
    image_column, label_column
        For a table: its columns by name, None to recognise them.
    device
        `auto`, `cpu` or `cuda`.

    Returns
    -------
    ScoreResult
        Counts and metrics.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `source` or `model_path`, or no image in the folder.
    ValueError
        If the bundle or the table is unusable, or not one image could be read.
    """
    predictor = load_predictor(model_path, device=device)
    images = open_image_source(
        source, LabelMatcher(predictor.class_names), image_column=image_column, label_column=label_column
    )
    output = Path(output_path)
    (output / METRICS_FILE).unlink(missing_ok=True)
    scored = _score(images, predictor, output / PREDICTIONS)
    unreadable = [{"example_id": image.example_id, "reason": image.reason} for image in scored.unreadable]
    write_json(output / UNREADABLE_FILE, unreadable)
    table = PredictionsTable(output / PREDICTIONS)
    if not table.num_rows:
        first = f"; the first: {unreadable[0]['reason']}" if unreadable else ""
        raise ValueError(f"{source} must hold at least one readable image, {len(unreadable)} were tried{first}")
    evaluation = evaluate_table(table, SPLIT_NAMES)
    result = ScoreResult(
        num_examples=table.num_rows,
        num_labelled=evaluation.num_examples,
        num_unknown_label=count_left_out(table, SPLIT_NAMES)[1],
        num_unreadable=len(unreadable),
        metrics=evaluation.defined_metrics(),
    )
    if result.num_labelled:
        write_json(output / METRICS_FILE, _score_json(result, evaluation, table))
    return result


def _score(source: ImageSource, predictor: Predictor, predictions_path: str | Path) -> ScoredSource:
    with PredictionsWriter(
        predictions_path, class_names=predictor.class_names, extra_columns=source.extra_columns
    ) as writer:
        return score_source(source, predictor, writer)


def _left_out(table: PredictionsTable, scored: ScoredSource) -> LeftOut:
    num_unlabelled, num_unknown_label = count_left_out(table, ["test"])
    return LeftOut(
        num_unlabelled=num_unlabelled,
        num_unknown_label=num_unknown_label,
        num_unreadable=sum(image.split == "test" for image in scored.unreadable),
    )


def _evaluation_json(test: Evaluation, validation: Evaluation, left_out: LeftOut, target: TargetSpec) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "split": "test",
        **test.to_json(),
        **asdict(left_out),
        "validation": {"num_labelled": validation.num_examples, "metrics": validation.to_json()["metrics"]},
        "target": asdict(target),
    }


def _evaluation_result(verdict: Verdict, test: Evaluation) -> EvaluationResult:
    confusion, names = condensed_confusion(test.confusion, test.class_names, limit=_MAX_LOGGED_CLASSES)
    return EvaluationResult(
        passed=verdict.passed,
        reason=verdict.reason,
        metrics=test.defined_metrics(),
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


def _score_json(result: ScoreResult, evaluation: Evaluation, table: PredictionsTable) -> dict[str, Any]:
    splits = Counter(table.read(["split"]).column(0).to_pylist())
    by_split = {
        split: {"num_labelled": part.num_examples, "accuracy": part.metrics["accuracy"]}
        for split, part in ((split, evaluate_table(table, [split])) for split in sorted(splits))
        if part.num_examples
    }
    return {
        "format_version": FORMAT_VERSION,
        "accuracy": result.metrics["accuracy"],
        "num_examples": result.num_examples,
        "num_unknown_label": result.num_unknown_label,
        "num_unreadable": result.num_unreadable,
        **evaluation.to_json(),
        "splits": by_split,
    }
