"""Scoring by hand whatever holds examples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
import logging
from pathlib import Path
from typing import Any

from components.model_analysis.metrics import regression
from components.model_analysis.metrics.evaluation import Evaluation
from components.model_analysis.scoring.example_batches import ChangedLabel
from components.model_analysis.scoring.example_sources import open_source
from components.model_analysis.scoring.label_matching import LabelMatcher
from components.model_analysis.scoring.predictions import count_left_out, evaluate_table, score_source
from components.model_analysis.scoring.table_columns import TableHints
from components.modeling.predictor import load_predictor
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.redaction import masked_strings

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
PREDICTIONS, METRICS_FILE, UNREADABLE_FILE = "predictions", "metrics.json", "unreadable.json"
CHANGED_LABELS_FILE, FAILED_REPAIRS_FILE = "changed_labels.json", "failed_repairs.json"
_NAMES_LOGGED = 10


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
    changed_labels
        Photos whose label the rule of the topmost folder changes; before it, the nearest folder decided.
    failed_repairs
        Sentences on values that could not be repaired and counted as missing.
    metrics
        Defined metrics by name; empty without labels.
    main_metric
        The one to show first: `accuracy`, or `rmse` where the model answers a number.
    """

    num_examples: int
    num_labelled: int
    num_unknown_label: int
    num_unreadable: int
    changed_labels: tuple[ChangedLabel, ...]
    failed_repairs: tuple[str, ...]
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
        Folder to write: `predictions` (a predictions table), `unreadable.json`, `changed_labels.json`,
        `failed_repairs.json`, and `metrics.json` where labels are known. What else it holds stays.
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
    told = (hints or TableHints()).trained_with(predictor.config)
    examples = open_source(source, predictor.features, LabelMatcher(predictor.class_names), told)
    _say_changed(examples.changed_labels)
    output = Path(output_path)
    (output / METRICS_FILE).unlink(missing_ok=True)
    scored = score_source(examples, predictor, output / PREDICTIONS)
    unreadable = masked_strings(
        [{"example_id": example.example_id, "reason": example.reason} for example in scored.unreadable]
    )
    write_json(output / UNREADABLE_FILE, unreadable)
    changed_labels = masked_strings([asdict(changed) for changed in examples.changed_labels])
    write_json(output / CHANGED_LABELS_FILE, changed_labels)
    failed_repairs = masked_strings(examples.failed_repairs)
    write_json(output / FAILED_REPAIRS_FILE, failed_repairs)
    for sentence in failed_repairs:
        logger.warning("%s", sentence)
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
        changed_labels=examples.changed_labels,
        failed_repairs=tuple(failed_repairs),
        metrics=evaluation.defined_metrics(),
        main_metric=regression.MAIN_METRIC if table.is_regression else "accuracy",
    )
    if result.num_labelled:
        write_json(output / METRICS_FILE, _score_json(result, evaluation, table))
    return result


def _say_changed(changed: Sequence[ChangedLabel]) -> None:
    if not changed:
        return
    shown = [f"{item.example_id} ({_shown(item.label_before)} -> {_shown(item.label)})" for item in changed]
    more = f" and {len(changed) - _NAMES_LOGGED} more" if len(changed) > _NAMES_LOGGED else ""
    logger.warning(
        "the topmost folder labels a photo, no longer the nearest: this changes the label of %d, %s%s",
        len(changed),
        ", ".join(shown[:_NAMES_LOGGED]),
        more,
    )


def _shown(label: str | None) -> str:
    return "no label" if label is None else label


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
        "num_changed_labels": len(result.changed_labels),
        "failed_repairs": list(result.failed_repairs),
        **evaluation.to_json(),
        "splits": by_split,
    }
