"""Scoring whatever holds examples, resumably."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
import logging
from pathlib import Path
import shutil
import tempfile
from typing import Any

from components.model_analysis.metrics import regression
from components.model_analysis.metrics.evaluation import Evaluation
from components.model_analysis.scoring.example_batches import BATCH_ROWS, ChangedLabel, ExampleSource, UnreadableExample
from components.model_analysis.scoring.example_sources import open_source
from components.model_analysis.scoring.local_copies import local_bundle, local_source
from components.model_analysis.scoring.output_folder import OutputFolder
from components.model_analysis.scoring.predictions import count_left_out, evaluate_table, say_unreadable
from components.model_analysis.scoring.resumable import forget_parts, PREDICTIONS, score_in_parts
from components.model_analysis.scoring.table_columns import hints_of, TableHints
from components.model_analysis.scoring_report import scoring_report
from components.modeling.dropout_sampling import DropoutSampling
from components.modeling.gpu.preflight import require_gpu
from components.modeling.predictor import load_predictor
from components.reporting.page import Cell
from components.shared.contracts.bundle import bundle_version
from components.shared.contracts.data_fingerprint import data_fingerprint
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.problem import SPLIT_NAMES, SplitSpec
from components.shared.runtime.atomic_files import write_json, write_text
from components.shared.runtime.fingerprints import fingerprint_json
from components.shared.runtime.redaction import masked_strings
from components.shared.runtime.workspace import check_claim, mounted

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
METRICS_FILE, UNREADABLE_FILE = "metrics.json", "unreadable.json"
CHANGED_LABELS_FILE, FAILED_REPAIRS_FILE = "changed_labels.json", "failed_repairs.json"
REPORT_FILE = "report.html"
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

    def figures(self) -> dict[str, float]:
        """Counts and metrics, by name."""
        counts = {"num_examples": self.num_examples, "num_labelled": self.num_labelled}
        return {**counts, "num_unreadable": self.num_unreadable, **self.metrics}


def score_examples(
    *,
    source: str,
    model_path: str | Path,
    output_path: str | Path,
    hints: TableHints | str = "",
    device: str = "auto",
    workspace_claim: str = "",
    report_path: str | Path | None = None,
    predictions_path: str | Path | None = None,
    part_examples: int | None = None,
    dropout_passes: int = 0,
) -> ScoreResult:
    """Score any examples with a model; a try that was killed goes on after what it had scored.

    Parameters
    ----------
    source
        An example table, a CSV, TSV, JSON Lines or Parquet table; for a model of images also a folder of photos or one
        image. A local path or an fsspec URI; what a URI names is fetched first.
    model_path
        A model bundle: a local path or an fsspec URI.
    output_path
        A folder or an fsspec URI: `predictions/`, a predictions table; `metrics.json` where labels are known;
        `report.html`; `unreadable.json`, `changed_labels.json`, `failed_repairs.json`. Until the whole is there,
        `parts/` holds what has been scored.
    hints
        What is known of a table beside the model's bundle; also as a problem file's text, or where one lies.
    device
        `auto`, `cpu` or `cuda`.
    workspace_claim
        The volume claim that a step on a cluster mounts; empty elsewhere.
    report_path
        Where the report is written too, beside OUTPUT/report.html.
    predictions_path
        A folder that the predictions table is written to as well, for a step that comes after this one.
    part_examples
        Examples that are scored before they are kept; None for some minutes of work.
    dropout_passes
        How often each example is answered with dropout (2 or more), for the column `mutual_information`; 0 for not at
        all.

    Returns
    -------
    ScoreResult
        Counts and metrics.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `source` or `model_path`, or no image in the folder.
    ValueError
        If the bundle or the table is unusable, not one example could be read, or a store cannot be read or written.
    """
    if device == "cuda":
        require_gpu()
    if workspace_claim:
        for name, uri in (("examples_uri", source), ("model_uri", str(model_path)), ("output_uri", str(output_path))):
            check_claim(name, uri, workspace_claim)
    _check_apart(mounted(source), mounted(str(output_path)))
    with tempfile.TemporaryDirectory() as scratch:
        output = OutputFolder(mounted(str(output_path)), Path(scratch) / "output")
        bundle = local_bundle(str(model_path), Path(scratch) / "model")
        data = local_source(source, Path(scratch) / "data")
        told = hints_of(hints, workspace_claim) if isinstance(hints, str) else hints
        how = _How(device=device, part_examples=part_examples, dropout_passes=dropout_passes)
        result = _scored(source, data, bundle, output, told, how)
        if report_path is not None:
            write_text(report_path, (output.local / REPORT_FILE).read_text(encoding="utf-8"))
        if predictions_path is not None:
            shutil.copytree(output.local / PREDICTIONS, predictions_path, dirs_exist_ok=True)
    return result


@dataclass(frozen=True, kw_only=True, slots=True)
class _How:
    """Where and how examples are scored."""

    device: str
    part_examples: int | None
    dropout_passes: int


def _scored(source: str, data: str, bundle: Path, output: OutputFolder, hints: TableHints, how: _How) -> ScoreResult:
    predictor = load_predictor(bundle, device=how.device)
    if how.dropout_passes:
        DropoutSampling(num_passes=how.dropout_passes)
        predictor.check_dropout()
    told = hints.trained_with(predictor.config)
    examples = open_source(data, predictor.features, LabelMatcher(predictor.class_names), told)
    _say_changed(examples.changed_labels)
    output.remove(METRICS_FILE)
    identity = {
        "model": bundle_version(bundle),
        "data": data_fingerprint(mounted(source), replace(hints.problem, split=SplitSpec())),
        "told": fingerprint_json([hints.payload, hints.label, hints.problem.to_dict()]),
        "batch_rows": BATCH_ROWS[predictor.features.modality],
        "dropout_passes": how.dropout_passes,
    }
    scored = score_in_parts(
        examples,
        predictor,
        output,
        identity,
        part_examples=how.part_examples,
        dropout_passes=how.dropout_passes,
    )
    say_unreadable(scored.unreadable)
    lists = _lists(examples, scored.unreadable)
    for name, content in lists.items():
        write_json(output.local / name, content)
    for sentence in lists[FAILED_REPAIRS_FILE]:
        logger.warning("%s", sentence)
    result = _result(source, examples, lists, output)
    table = PredictionsTable(output.local / PREDICTIONS)
    page = scoring_report(counts=_counts(result), metrics=result.metrics, table=table, where=output.uri)
    page.write(output.local / REPORT_FILE)
    for name in (*lists, METRICS_FILE, REPORT_FILE):
        if (output.local / name).is_file():
            output.store(name)
    forget_parts(output)
    return result


def _check_apart(source: str, output: str) -> None:
    """An output within the data would be data of the next try."""
    if "://" in source or "://" in output:
        return
    inside = Path(output).resolve()
    if Path(source).is_dir() and inside.is_relative_to(Path(source).resolve()):
        raise ValueError(f"the output must lie outside the data that are scored, {source}, got {output}")


def _lists(examples: ExampleSource, unreadable: Sequence[UnreadableExample]) -> dict[str, list[Any]]:
    """What is said beside the predictions, by file."""
    return {
        UNREADABLE_FILE: masked_strings(
            [{"example_id": example.example_id, "reason": example.reason} for example in unreadable]
        ),
        CHANGED_LABELS_FILE: masked_strings([asdict(changed) for changed in examples.changed_labels]),
        FAILED_REPAIRS_FILE: masked_strings(examples.failed_repairs),
    }


def _result(source: str, examples: ExampleSource, lists: Mapping[str, list[Any]], output: OutputFolder) -> ScoreResult:
    table, unreadable = PredictionsTable(output.local / PREDICTIONS), lists[UNREADABLE_FILE]
    if not table.num_rows:
        first = f"; the first: {unreadable[0]['reason']}" if unreadable else ""
        raise ValueError(f"{source} must hold at least one readable example, {len(unreadable)} were tried{first}")
    evaluation = evaluate_table(table, SPLIT_NAMES)
    result = ScoreResult(
        num_examples=table.num_rows,
        num_labelled=evaluation.num_examples,
        num_unknown_label=count_left_out(table, SPLIT_NAMES)[1],
        num_unreadable=len(unreadable),
        changed_labels=examples.changed_labels,
        failed_repairs=tuple(lists[FAILED_REPAIRS_FILE]),
        metrics=evaluation.defined_metrics(),
        main_metric=regression.MAIN_METRIC if table.is_regression else "accuracy",
    )
    if result.num_labelled:
        write_json(output.local / METRICS_FILE, _score_json(result, evaluation, table))
    return result


def _counts(result: ScoreResult) -> dict[str, Cell]:
    counts: dict[str, Cell] = {
        "scored": result.num_examples,
        "labelled": result.num_labelled,
        "with an unknown label": result.num_unknown_label,
        "not readable": result.num_unreadable,
    }
    return {name: count for name, count in counts.items() if count or name == "scored"}


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
