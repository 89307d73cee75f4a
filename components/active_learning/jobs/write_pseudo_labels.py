"""Labels by a model for the rows of a pool: admitted where they are shown to help, else refused with the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path

import numpy as np

from components.active_learning.label_requests import read_label_requests
from components.active_learning.model_labels import ModelLabel, write_model_labels
from components.active_learning.pseudo_labels.judged_pool import judged_pool, JudgedPool, PoolSource
from components.active_learning.pseudo_labels.noise_rate import AuditedRows, noise_rates, NoiseRate
from components.active_learning.pseudo_labels.outcome import (
    evidence_json,
    labels_by_class,
    pseudo_label_metrics,
    pseudo_label_verdict,
)
from components.active_learning.pseudo_labels.people_rows import audited_rows
from components.active_learning.pseudo_labels.report import pseudo_labels_report, PseudoLabelsContent
from components.modeling.gpu.devices import choose_device
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.shown_examples import images_of, shown_values
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.errors import ContractError
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

NUM_SHOWN = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class PseudoLabelsResult:
    """Outcome of `write_pseudo_labels`.

    Attributes
    ----------
    num_admitted
        Labels that were written; 0 where they are refused.
    reason
        The verdict's sentence, with the figures.
    metrics
        What the KFP UI shows.
    """

    num_admitted: int
    reason: str
    metrics: dict[str, float]


def write_pseudo_labels(
    *,
    examples_path: str | Path,
    pool_path: str | Path,
    predictions_path: str | Path,
    pool_predictions_path: str | Path,
    model_version: str,
    labels_path: str | Path,
    evidence_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
    round_number: int = 1,
    requests_path: str | Path = "",
    max_pool_rows: int | None = None,
    device: str = "auto",
    seed: int = 0,
    is_wanted: bool = True,
) -> PseudoLabelsResult:
    """Let a model label the rows of a pool, where the guard finds that such labels help.

    Parameters
    ----------
    examples_path
        The example table that the model was trained on: people's labels for training, by which the guard judges.
    pool_path, pool_predictions_path
        The pool, and what the model answers to it, as `score_examples` wrote it. Rows that are examples already, by
        identifier or content, get no label.
    predictions_path
        What the model answers to the validation split, as `evaluate_model` wrote it; where it holds the training split
        too, the model's embeddings are the second view and one more stand-in.
    model_version
        Of the bundle that answered.
    labels_path, evidence_path, report_path, verdict_path, metrics_path
        Files to write: the labels (none where they are refused), all figures (JSON), the report (HTML), the verdict,
        which always passes, and what the KFP UI shows (JSON).
    round_number
        Of labelling, from 1.
    requests_path
        Label requests of an earlier round: the labels that people gave to those drawn at random are the audit. Empty
        where there are none; then the noise rate is unknown.
    max_pool_rows
        Rows of the pool that are looked at, drawn at random; None for as many as the modality affords.
    device
        `auto`, `cpu` or `cuda`, for photos.
    seed
        Of samples, halves and folds.
    is_wanted
        Whether labels that the guard admits are written; else the report says alone what they would do.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    ValueError
        If a table is damaged or of numbers, the tables do not fit one another, or the model's version is empty.
    """
    source = PoolSource(
        examples=ExampleTable(examples_path),
        pool=ExampleTable(pool_path),
        table=PredictionsTable(predictions_path),
        answers=PredictionsTable(pool_predictions_path),
    )
    _check(source, model_version, round_number)
    found = judged_pool(source, max_pool_rows=max_pool_rows, device=choose_device(device), seed=seed)
    class_names = source.table.class_names
    rates = noise_rates(_audited(source, requests_path, model_version), found.floors(), class_names)
    labels = _labels(found, class_names, model_version, round_number) if is_wanted else []
    verdict, metrics = pseudo_label_verdict(found, rates[0]), pseudo_label_metrics(found, rates[0])
    write_model_labels(labels_path, labels)
    write_json(evidence_path, evidence_json(found, rates, class_names))
    write_json(metrics_path, metrics)
    write_verdict(verdict_path, verdict)
    pseudo_labels_report(_content(found, rates, labels, verdict, source)).write(report_path)
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path, "verdict": verdict_path})
    logger.info("%s", verdict.reason)
    return PseudoLabelsResult(num_admitted=len(labels), reason=verdict.reason, metrics=metrics)


def _check(source: PoolSource, model_version: str, round_number: int) -> None:
    examples, pool, table, answers = source.examples, source.pool, source.table, source.answers
    if examples.info.task == "regression" or table.is_regression or answers.is_regression:
        raise ContractError("labels by a model must be classes, but those of these tables are numbers: ask people")
    if examples.info.modality != pool.info.modality:
        raise ContractError(
            f"the pool must hold what the examples hold, {examples.info.modality}, but holds {pool.info.modality}"
        )
    if table.class_names != answers.class_names:
        raise ContractError(
            f"both predictions tables must be of one model, but their classes are {', '.join(table.class_names)} and "
            f"{', '.join(answers.class_names)}: score the pool with the model that was evaluated"
        )
    if not model_version or round_number < 1:
        raise ValueError(
            f"a model version and a round from 1 must be given, got {model_version!r} and {round_number!r}"
        )


def _audited(source: PoolSource, requests_path: str | Path, model_version: str) -> AuditedRows:
    requests = read_label_requests(requests_path).requests if str(requests_path) else ()
    return audited_rows(requests, source.examples, source.table, model_version)


def _labels(found: JudgedPool, class_names: Sequence[str], model_version: str, round_number: int) -> list[ModelLabel]:
    admitted = found.decision.admitted
    if admitted is None:
        return []
    return [
        ModelLabel(
            example_id=found.pool.ids[row],
            label=class_names[label],
            probability=min(float(found.calibrated[row, label]), 1.0),
            model_version=model_version,
            round_number=round_number,
        )
        for row, label in zip(admitted.rows.tolist(), admitted.classes.tolist(), strict=True)
    ]


def _content(
    found: JudgedPool,
    rates: Sequence[NoiseRate],
    labels: Sequence[ModelLabel],
    verdict: Verdict,
    source: PoolSource,
) -> PseudoLabelsContent:
    class_names = source.table.class_names
    spread = np.linspace(0, len(labels) - 1, min(NUM_SHOWN, len(labels))).astype(int).tolist() if labels else []
    shown = [labels[place] for place in spread]
    names, is_image = [label.example_id for label in shown], source.pool.info.modality == "image"
    people = np.bincount(found.train.labels, minlength=len(class_names)).tolist()
    return PseudoLabelsContent(
        verdict=verdict,
        decision=found.decision,
        class_names=class_names,
        people_counts=dict(zip(class_names, people, strict=True)),
        model_counts=labels_by_class(found.decision, class_names),
        thresholds=dict(zip(class_names, found.thresholds.tolist(), strict=True)),
        temperature=found.temperature,
        before=found.before,
        after=found.after,
        rates=rates,
        shown=shown,
        photos=images_of(source.pool, names) if is_image and names else (),
        values=shown_values(source.pool, names) if not is_image and names else {},
    )
