"""Scoring by hand whatever holds examples."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.model_analysis.metrics import regression
from components.model_analysis.metrics.evaluation import Evaluation
from components.model_analysis.scoring.example_sources import open_source
from components.model_analysis.scoring.label_matching import LabelMatcher
from components.model_analysis.scoring.predictions import count_left_out, evaluate_table, score_source
from components.model_analysis.scoring.table_columns import TableHints
from components.modeling.predictor import load_predictor
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.runtime.atomic_files import write_json

FORMAT_VERSION = 1
PREDICTIONS, METRICS_FILE, UNREADABLE_FILE = "predictions", "metrics.json", "unreadable.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreResult:
    """Outcome of `score_examples`.

    Attributes
    ----------
    num_examples
        Examples scored.
    num_labelled
        Of these, with a label that the model knows: what `metrics` are computed on.
    num_unknown_label
        Of these, with a label that is no class of the model; no metric counts them.
    num_unreadable
        Examples that could not be read, beside those scored.
    metrics
        Defined metrics by name; empty without labels.
    main_metric
        The one to show first: `accuracy`, or `rmse` where the model answers a number.
    """

    num_examples: int
    num_labelled: int
    num_unknown_label: int
    num_unreadable: int
    metrics: dict[str, float]
    main_metric: str


def score_examples(
    *,
    source: str,
    model_path: str | Path,
    output_path: str | Path,
    hints: TableHints | None = None,
    device: str = "auto",
) -> ScoreResult:
    """Score whatever holds examples with a bundle.

    Parameters
    ----------
    source
        An example table, or a CSV, TSV or Parquet table; for images also a folder of photos in any layout, or one
        image file.
    model_path
        A model bundle.
    output_path
        Folder to write: `predictions` (a predictions table), `unreadable.json`, and `metrics.json` where labels are
        known. What else it holds stays.
    hints
        What the user says of a table; None to recognise everything.
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
        If the bundle or the table is unusable, or not one example could be read.
    """
    predictor = load_predictor(model_path, device=device)
    examples = open_source(source, predictor.features, LabelMatcher(predictor.class_names), hints or TableHints())
    output = Path(output_path)
    (output / METRICS_FILE).unlink(missing_ok=True)
    scored = score_source(examples, predictor, output / PREDICTIONS)
    unreadable = [{"example_id": example.example_id, "reason": example.reason} for example in scored.unreadable]
    write_json(output / UNREADABLE_FILE, unreadable)
    table = PredictionsTable(output / PREDICTIONS)
    if not table.num_rows:
        kind = "image" if predictor.features.modality == "image" else "example"
        first = f"; the first: {unreadable[0]['reason']}" if unreadable else ""
        raise ValueError(f"{source} must hold at least one readable {kind}, {len(unreadable)} were tried{first}")
    evaluation = evaluate_table(table, SPLIT_NAMES)
    result = ScoreResult(
        num_examples=table.num_rows,
        num_labelled=evaluation.num_examples,
        num_unknown_label=count_left_out(table, SPLIT_NAMES)[1],
        num_unreadable=len(unreadable),
        metrics=evaluation.defined_metrics(),
        main_metric=regression.MAIN_METRIC if table.is_regression else "accuracy",
    )
    if result.num_labelled:
        write_json(output / METRICS_FILE, _score_json(result, evaluation, table))
    return result


def _score_json(
    result: ScoreResult, evaluation: Evaluation | regression.NumberEvaluation, table: PredictionsTable
) -> dict[str, Any]:
    name = result.main_metric
    splits = Counter(table.read(["split"]).column(0).to_pylist())
    by_split = {
        split: {"num_labelled": part.num_examples, name: part.metrics[name]}
        for split, part in ((split, evaluate_table(table, [split])) for split in sorted(splits))
        if part.num_examples
    }
    return {
        "format_version": FORMAT_VERSION,
        name: result.metrics[name],
        "num_examples": result.num_examples,
        "num_unknown_label": result.num_unknown_label,
        "num_unreadable": result.num_unreadable,
        **evaluation.to_json(),
        "splits": by_split,
    }
