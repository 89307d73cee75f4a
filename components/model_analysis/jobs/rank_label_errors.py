"""Ranking the labels of an example table by how suspicious they are, and estimating how many are wrong."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
import logging
from pathlib import Path
import tempfile
from typing import Any

import numpy as np

from components.model_analysis.label_errors.audit import wrong_label_share, WrongLabelShare
from components.model_analysis.label_errors.given_labels import given_labels, GivenLabels
from components.model_analysis.label_errors.label_sheets import audit_sample, write_audit, write_queue
from components.model_analysis.label_errors.ranking import ranked_labels, RankedLabel, wanted_first
from components.model_analysis.label_errors.report import label_errors_report, LabelErrorsContent, MAX_SHOWN
from components.model_analysis.scoring.example_batches import ExampleBatch, ExampleSource
from components.model_analysis.scoring.example_sources import example_table_source
from components.model_analysis.scoring.predictions import score_source
from components.modeling.predictor import load_predictor
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.merge_labels import read_corrections
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.shown_examples import images_of, shown_values
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
# An embedding of a photo takes some 40 ms of a core, one of a row next to nothing.
MAX_TRAINING_ROWS = {"image": 300, "text": 5_000, "tabular": 10_000}
MAX_HELD_OUT_ROWS = 10_000
AUDIT_ROWS, QUEUE_ROWS = 300, 500
_HELD_OUT = ("validation", "test")
# So many verdicts of an audit may be of rows that this list does not have: the table may have changed a little.
_MAX_STRANGE_SHARE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelErrorsResult:
    """Outcome of `rank_label_errors`.

    Attributes
    ----------
    num_ranked, num_suspected
        How many labels were ranked, and are more probably wrong than right.
    share
        The estimated share of wrong labels; None without an audit.
    metrics
        What the KFP UI shows.
    """

    num_ranked: int
    num_suspected: int
    share: WrongLabelShare | None
    metrics: dict[str, float]


def rank_label_errors(
    *,
    examples_path: str | Path,
    predictions_path: str | Path,
    model_path: str | Path,
    label_errors_path: str | Path,
    queue_path: str | Path,
    audit_sample_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    audit: str = "",
    max_training_rows: int | None = None,
    device: str = "auto",
) -> LabelErrorsResult:
    """Rank the labels that are set by how suspicious they are.

    Validation and test examples are doubted by what the model says of them; training examples, which it saw, by
    logistic regression on its embeddings, cross-validated. Near duplicates with different labels and outliers are
    named beside.

    Parameters
    ----------
    examples_path
        An example table; labels that are numbers are not ranked.
    predictions_path
        The model's predictions table of the validation and test splits, as `evaluate_model` wrote it.
    model_path
        The model bundle, which embeds training examples.
    label_errors_path, queue_path, audit_sample_path, report_path, metrics_path
        Files to write: figures (JSON), the correction queue and the audit's sample (CSV), the report (HTML), and what
        the KFP UI shows (JSON).
    audit
        Path or URI of an audit's sample that a person filled in; empty where there is none: then no share is claimed.
    max_training_rows
        Training examples that are looked at, drawn at random; 0 for none, None for as many as the modality affords.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    FileNotFoundError
        If a table, the bundle or the audit is not there.
    ValueError
        If one of them is damaged or does not fit the others, or the audit is not the one of this sample.
    """
    examples, table = ExampleTable(examples_path), PredictionsTable(predictions_path)
    parts: list[GivenLabels] = []
    if not table.is_regression:
        bound = MAX_TRAINING_ROWS[examples.info.modality] if max_training_rows is None else max_training_rows
        parts = [_held_out(table, examples), *_training(examples, model_path, bound, device)]
    ranked = ranked_labels(parts)
    sample = audit_sample(ranked, AUDIT_ROWS)
    share, remarks = _audited(audit, ranked, sample)
    remarks += _remarks(examples, table, parts)
    write_queue(queue_path, wanted_first(ranked, QUEUE_ROWS), examples)
    write_audit(audit_sample_path, sample, examples)
    metrics = _metrics(ranked, share)
    write_json(label_errors_path, _label_errors_json(ranked, share, remarks))
    write_json(metrics_path, metrics)
    shown = [label.example_id for label in ranked[:MAX_SHOWN]]
    is_image = examples.info.modality == "image"
    content = LabelErrorsContent(
        ranked=ranked,
        share=share,
        num_audit_rows=len(sample),
        remarks=remarks,
        images=images_of(examples, shown) if is_image and shown else (),
        values=shown_values(examples, shown) if not is_image and shown else {},
    )
    label_errors_report(content).write(report_path)
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path})
    num_suspected = sum(label.is_suspected for label in ranked)
    logger.info("%d of %d labels are suspected", num_suspected, len(ranked))
    return LabelErrorsResult(num_ranked=len(ranked), num_suspected=num_suspected, share=share, metrics=metrics)


def _held_out(table: PredictionsTable, examples: ExampleTable) -> GivenLabels:
    return given_labels(table, examples, _HELD_OUT, were_trained_on=False, max_rows=MAX_HELD_OUT_ROWS)


def _training(examples: ExampleTable, model_path: str | Path, max_rows: int, device: str) -> Iterator[GivenLabels]:
    """Training examples with the model's embeddings; none where none is asked for."""
    chosen = _chosen(examples, max_rows)
    if not chosen:
        return
    predictor = load_predictor(model_path, device=device)
    source = _only(example_table_source(examples, predictor.features, splits=("train",)), chosen)
    with tempfile.TemporaryDirectory() as scratch:
        score_source(source, predictor, Path(scratch) / "training")
        table = PredictionsTable(Path(scratch) / "training")
        yield given_labels(table, examples, ("train",), were_trained_on=True, max_rows=max_rows)


def _chosen(examples: ExampleTable, max_rows: int) -> frozenset[str]:
    """Identifiers of labelled training examples, at most `max_rows`, drawn at random, always the same."""
    rows = examples.read(["example_id", "label"], splits=["train"])
    ids = rows.filter(rows.column(1).is_valid()).column(0).to_pylist()
    drawn = np.random.default_rng(0).permutation(len(ids))[:max_rows]
    return frozenset(ids[row] for row in drawn.tolist())


def _only(source: ExampleSource, chosen: frozenset[str]) -> ExampleSource:
    """A source of the chosen examples alone: the others are never decoded."""

    def batches() -> Iterator[ExampleBatch]:
        for batch in source.batches:
            rows = [row for row, name in enumerate(batch.example_ids) if name in chosen]
            if rows:
                yield batch.take(rows)

    return replace(source, batches=batches(), num_examples=len(chosen))


def _audited(
    audit: str, ranked: list[RankedLabel], sample: list[RankedLabel]
) -> tuple[WrongLabelShare | None, list[str]]:
    """What a filled-in audit says of all ranked labels, with remarks on it."""
    if not audit.strip():
        return None, []
    verdicts = {told.example_id: told.is_wrong for told in read_corrections(audit.strip())}
    filled = [place for place, label in enumerate(sample) if label.example_id in verdicts]
    if len(verdicts) - len(filled) > _MAX_STRANGE_SHARE * len(verdicts):
        raise ValueError(
            f"the audit must be of the random sample that this step writes, but {len(verdicts) - len(filled)} of the "
            f"{len(verdicts)} examples in {audit} are not in it: fill in the audit's sample, not the correction queue"
        )
    row_of = {label.example_id: row for row, label in enumerate(ranked)}
    share = wrong_label_share(
        np.array([label.score for label in ranked]),
        np.array([row_of[sample[place].example_id] for place in filled], dtype=np.int64),
        np.array([verdicts[sample[place].example_id] for place in filled], dtype=bool),
    )
    num_skipped = filled[-1] + 1 - len(filled)
    skipped = f"The audit skips {num_skipped} rows; the share holds only if these are no more often wrong than others."
    return share, [skipped] if num_skipped else []


def _remarks(examples: ExampleTable, table: PredictionsTable, parts: list[GivenLabels]) -> list[str]:
    """What was left out and bounded, in sentences."""
    if table.is_regression:
        return ["The label is a number: only classes are ranked."]
    remarks = []
    num_training = sum(len(part) for part in parts[1:])
    counts = examples.counts()["train"]
    num_labelled = sum(times for name, times in counts.items() if name)
    if num_training < num_labelled:
        remarks.append(
            f"Of {num_labelled:,} labelled training examples, {num_training:,}, drawn at random, were ranked."
        )
    if num_training:
        remarks.append(
            "Training examples are doubted by logistic regression on the model's embeddings. The model saw their "
            "labels, so that it may have made a wrong one look right: wrong labels are found less often there."
        )
    if len(parts[0]) == MAX_HELD_OUT_ROWS:
        remarks.append(f"Of the validation and test examples, {MAX_HELD_OUT_ROWS:,}, drawn at random, were ranked.")
    num_left_out = sum(part.num_left_out for part in parts)
    if num_left_out:
        remarks.append(f"{num_left_out:,} examples have no label, or one that the model does not know: not ranked.")
    if any(part.embeddings.shape[1] == 0 for part in parts if len(part)):
        remarks.append(
            "The model gives no embeddings: near duplicates are equal contents alone, outliers are not known."
        )
    return remarks


def _metrics(ranked: list[RankedLabel], share: WrongLabelShare | None) -> dict[str, float]:
    metrics = {
        "num_labels_ranked": float(len(ranked)),
        "num_suspected": float(sum(label.is_suspected for label in ranked)),
    }
    if share is not None:
        metrics |= {"wrong_share": share.share, "wrong_share_low": share.low, "wrong_share_high": share.high}
    return metrics


def _label_errors_json(ranked: list[RankedLabel], share: WrongLabelShare | None, remarks: list[str]) -> dict[str, Any]:
    suspected = [label for label in ranked if label.is_suspected]
    pairs = Counter((label.given, label.suggested) for label in suspected)
    return {
        "format_version": FORMAT_VERSION,
        "num_ranked": len(ranked),
        "num_suspected": len(suspected),
        "num_contradicting": sum(bool(label.contradicted_by) for label in ranked),
        "num_outliers": sum(label.is_outlier for label in ranked),
        "ranked_by_source": dict(Counter(label.source for label in ranked)),
        "suspected_by_source": dict(Counter(label.source for label in suspected)),
        "suspected_pairs": [
            {"given": given, "suggested": suggested, "num": times} for (given, suggested), times in pairs.most_common()
        ],
        "wrong_labels": None if share is None else asdict(share),
        "remarks": remarks,
    }
