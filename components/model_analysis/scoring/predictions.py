"""The predictions table: filled from a source of examples, and evaluated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import logging
from pathlib import Path

import numpy as np
from tqdm import tqdm

from components.model_analysis.errors.hardest_examples import HardestExamples
from components.model_analysis.errors.largest_errors import LargestErrors
from components.model_analysis.metrics.evaluation import evaluate_predictions, Evaluation
from components.model_analysis.metrics.regression import evaluate_numbers, NumberEvaluation
from components.model_analysis.scoring.class_answers import ClassAnswers
from components.model_analysis.scoring.example_batches import ExampleBatch, ExampleSource, UnreadableExample
from components.model_analysis.scoring.number_answers import NumberAnswers
from components.model_analysis.scoring.prefetching import score_batches, ScoredBatch
from components.modeling.predictor import Predictor
from components.shared.contracts.label_origin import are_by_people
from components.shared.contracts.labelled_answers import labelled_answers
from components.shared.contracts.predictions_table import PredictionsTable, PredictionsWriter
from components.shared.runtime.progress import progress

logger = logging.getLogger(__name__)

_MAX_LOGGED = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredSource:
    """What scoring leaves beside the table: unreadable examples, and the hardest labelled ones of the test split."""

    unreadable: tuple[UnreadableExample, ...]
    hardest: HardestExamples | LargestErrors


def score_source(source: ExampleSource, predictor: Predictor, path: str | Path) -> ScoredSource:
    """Score every example of a source into a predictions table with the source's extra columns.

    Labels are written as the model spells them; one that is no class of it as the source does. Where the model answers
    a number, a label that is none is written as missing.
    """
    answers = _answers(predictor)
    by_hand: Iterable[object] = ()
    with progress(by_hand, label="scoring", total=source.num_examples) as bar:
        unreadable = write_scored(source.batches, source, predictor, path, bar=bar, answers=answers)
    unreadable += source.unreadable
    say_unreadable(unreadable)
    return ScoredSource(unreadable=tuple(unreadable), hardest=answers.hardest)


def write_scored(
    batches: Iterable[ExampleBatch],
    source: ExampleSource,
    predictor: Predictor,
    path: str | Path,
    *,
    bar: "tqdm[object]",
    answers: ClassAnswers | NumberAnswers | None = None,
    dropout_passes: int = 0,
) -> list[UnreadableExample]:
    """Score batches of a source into a predictions table; those of their examples that cannot be read.

    `answers` is told of every batch, and `bar` of every example. With `dropout_passes`, 2 or more, the table also has
    the mutual information.
    """
    told = answers or _answers(predictor)
    unreadable: list[UnreadableExample] = []
    table = PredictionsWriter(
        path,
        class_names=predictor.class_names,
        extra_columns=source.extra_columns,
        is_regression=predictor.task.is_regression,
        kept=source.kept,
        has_mutual_information=dropout_passes > 0,
    )
    with table as writer:
        for batch in score_batches(batches, predictor, dropout_passes=dropout_passes):
            bar.update(len(batch.examples) + len(batch.unreadable))
            unreadable += batch.unreadable
            if len(batch.examples):
                _write(batch, writer, told)
                told.offer(batch)
    return unreadable


def say_unreadable(unreadable: Sequence[UnreadableExample]) -> None:
    """Log what could not be read, the first by name."""
    for example in unreadable[:_MAX_LOGGED]:
        logger.warning("not scored: %s: %s", example.example_id, example.reason)
    if len(unreadable) > _MAX_LOGGED:
        logger.warning("not scored: %d more", len(unreadable) - _MAX_LOGGED)


def _answers(predictor: Predictor) -> ClassAnswers | NumberAnswers:
    return NumberAnswers() if predictor.task.is_regression else ClassAnswers(predictor)


def evaluate_table(
    table: PredictionsTable,
    splits: Sequence[str],
    *,
    by_people: bool = True,
    groups: np.ndarray | None = None,
) -> Evaluation | NumberEvaluation:
    """Evaluate what `labelled_answers` gives; `groups`, shape (N,), say which of the examples belong together."""
    found = labelled_answers(table, splits, by_people=by_people)
    of_rows = None if groups is None else groups[found.rows]
    if table.is_regression:
        return evaluate_numbers(found.labels, found.answers, groups=of_rows)
    return evaluate_predictions(found.labels, found.answers, table.class_names, groups=of_rows)


def count_left_out(table: PredictionsTable, splits: Sequence[str]) -> tuple[int, int]:
    """Examples without a label, and those with a label from people that is unknown to the model."""
    by_people = are_by_people(table, splits).tolist()
    given = table.read(["label"], splits=splits).column(0).to_pylist()
    labels = [label for label, is_counted in zip(given, by_people, strict=True) if is_counted]
    num_unlabelled = labels.count(None)
    if table.is_regression:
        return num_unlabelled, 0
    known = frozenset(table.class_names)
    return num_unlabelled, sum(label not in known for label in labels) - num_unlabelled


def _write(batch: ScoredBatch, writer: PredictionsWriter, answers: ClassAnswers | NumberAnswers) -> None:
    writer.write(
        example_ids=batch.examples.example_ids,
        splits=batch.examples.splits,
        labels=answers.labels(batch),
        probabilities=batch.prediction.probabilities_BK,
        numbers=batch.prediction.numbers_B,
        embeddings=batch.prediction.embeddings_BD,
        extra=batch.examples.extra,
        mutual_information=batch.prediction.mutual_information_B,
    )
