"""The disagreement table: stored labels beside the classes of the model that is being trained."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from components.active_learning.disagreement.compared_rows import answers_of, compared_rows, ComparedRows
from components.active_learning.disagreement.correction_sheet import write_correction_sheet
from components.active_learning.disagreement.disagreement_report import (
    disagreement_report,
    DisagreementContent,
    shown_first,
)
from components.active_learning.disagreement.disagreements import (
    Disagreement,
    found_disagreements,
    source_counts,
    SourceCount,
)
from components.active_learning.disagreement.label_doubts import label_doubts, LabelDoubts
from components.active_learning.disagreement.payload_views import embedding_view, payload_view
from components.active_learning.disagreement.seeming_gain import seeming_gain, SeemingGain
from components.modeling.gpu.devices import choose_device
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.shown_examples import images_of, shown_values
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.json_values import without_nan
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
# Photos are embedded at some 40 ms of a core each.
MAX_ROWS = {"image": 1_000, "text": 20_000, "tabular": 20_000}


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelComparison:
    """Outcome of `compare_labels`.

    Attributes
    ----------
    found
        The disagreements, the most evidence first.
    gain
        The model judged by models' labels and by people's.
    metrics
        What the KFP UI shows.
    """

    found: Sequence[Disagreement]
    gain: SeemingGain
    metrics: dict[str, float]


def compare_labels(
    *,
    examples_path: str | Path,
    predictions_path: str | Path,
    disagreements_path: str | Path,
    comparison_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    initial_predictions_path: str | Path | None = None,
    max_rows: int | None = None,
    device: str = "auto",
) -> LabelComparison:
    """List every example whose stored label is not the model's class, and say which of the two is suspected.

    Parameters
    ----------
    examples_path
        An example table; of all its labels those count that the model has answered.
    predictions_path
        The predictions table of the model that is being trained, of any splits.
    disagreements_path, comparison_path, report_path, metrics_path
        Files to write: the table to correct (CSV), figures (JSON), the page (HTML), what the KFP UI shows (JSON).
    initial_predictions_path
        Answers of the model that wrote labels, to any of the examples; None where there are none.
    max_rows
        Examples whose evidence is looked at; None for as many as the modality affords. All that differ are listed.
    device
        `auto`, `cpu` or `cuda`, for photos.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    ValueError
        If the labels are numbers, or the tables do not fit one another.
    """
    examples = ExampleTable(examples_path)
    rows = compared_rows(examples, PredictionsTable(predictions_path))
    initial = None if not initial_predictions_path else answers_of(rows, PredictionsTable(initial_predictions_path))
    looked_at = _looked_at(rows, MAX_ROWS[examples.info.modality] if max_rows is None else max_rows)
    doubts = _doubts(examples, rows, initial, looked_at, device)
    found = found_disagreements(rows, looked_at, doubts)
    gain, sources = seeming_gain(rows, initial), source_counts(rows, found)
    remarks = _remarks(rows, looked_at, doubts)
    metrics = _metrics(rows, found, gain)
    write_correction_sheet(disagreements_path, found, examples)
    write_json(comparison_path, _comparison_json(metrics, sources, gain, remarks))
    write_json(metrics_path, metrics)
    shown = [item.example_id for item in shown_first(found)]
    is_image = examples.info.modality == "image"
    content = DisagreementContent(
        found=found,
        sources=sources,
        gain=gain,
        num_labels=len(rows),
        remarks=remarks,
        images=images_of(examples, shown) if is_image and shown else (),
        values=shown_values(examples, shown) if not is_image and shown else {},
    )
    disagreement_report(content).write(report_path)
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path})
    logger.info("%d of %d stored labels are listed", len(found), len(rows))
    return LabelComparison(found=found, gain=gain, metrics=metrics)


def _looked_at(rows: ComparedRows, max_rows: int) -> np.ndarray:
    """Rows whose evidence is looked at, ascending: up to half of them people's, then those that differ, then others."""
    order = np.random.default_rng(0).permutation(len(rows))
    people = order[rows.by_people[order]]
    differ, others = (order[~rows.by_people[order] & mask[order]] for mask in (rows.differ, ~rows.differ))
    half = max(max_rows // 2, max_rows - len(differ) - len(others))
    return np.sort(np.concatenate([people[:half], differ, others])[:max_rows])


def _doubts(
    examples: ExampleTable, rows: ComparedRows, initial: np.ndarray | None, looked_at: np.ndarray, device: str
) -> LabelDoubts:
    own = rows.taken(looked_at)
    views = [
        payload_view(examples, own.example_ids, num_classes=len(own.class_names), device=choose_device(device)),
        embedding_view(own.embeddings),
    ]
    return label_doubts(
        own, [view for view in views if view is not None], None if initial is None else initial[looked_at]
    )


def _remarks(rows: ComparedRows, looked_at: np.ndarray, doubts: LabelDoubts) -> list[str]:
    remarks = []
    if len(looked_at) < len(rows):
        remarks.append(
            f"Evidence was looked at for {len(looked_at):,} of {len(rows):,} labels: people's, those that differ, and "
            f"others, drawn at random."
        )
    if not doubts.by_people:
        remarks.append(
            "People's training labels are too few to teach a model: labels are doubted by one another, which does not "
            "show mistakes that a model made alike everywhere."
        )
    if rows.num_left_out:
        remarks.append(f"{rows.num_left_out:,} examples have no label, or one that the model does not know.")
    return remarks


def _metrics(rows: ComparedRows, found: Sequence[Disagreement], gain: SeemingGain) -> dict[str, float]:
    metrics = {
        "num_labels_compared": float(len(rows)),
        "num_differ": float(rows.differ.sum()),
        "num_learnt_by_heart": float(sum(item.by_heart for item in found)),
        "num_stored_labels_suspected": float(sum(item.suspected in ("stored label", "both") for item in found)),
        "agreement_with_models": gain.with_models.share,
        "agreement_with_people": gain.with_people.share,
        "seeming_gain": gain.difference,
    }
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _comparison_json(
    metrics: dict[str, float], sources: Sequence[SourceCount], gain: SeemingGain, remarks: Sequence[str]
) -> dict[str, Any]:
    content: dict[str, Any] = without_nan(
        {
            "format_version": FORMAT_VERSION,
            **metrics,
            "sources": [asdict(item) for item in sources],
            "gain": asdict(gain),
            "sentences": gain.sentences(),
            "remarks": list(remarks),
        }
    )
    return content
