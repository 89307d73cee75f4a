"""The predictions table: filled from a source of examples, and evaluated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import logging
from pathlib import Path

import numpy as np

from components.model_analysis.errors.hardest_examples import HardestExamples, ScoredExample
from components.model_analysis.metrics.evaluation import evaluate_predictions, Evaluation
from components.model_analysis.scoring.example_batches import ExampleBatch, ExampleSource, UnreadableExample
from components.model_analysis.scoring.example_sources import LABEL_SOURCE
from components.model_analysis.scoring.label_matching import LabelMatcher
from components.model_analysis.scoring.prefetching import score_batches, ScoredBatch
from components.modeling.predictor import Predictor
from components.shared.contracts.predictions_table import PredictionsTable, PredictionsWriter
from components.shared.runtime.progress import progress

logger = logging.getLogger(__name__)

_MAX_LOGGED = 10
_PEOPLE = (None, "person")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredSource:
    """What scoring leaves beside the table: unreadable examples, and the hardest labelled ones of the test split."""

    unreadable: tuple[UnreadableExample, ...]
    hardest: HardestExamples


def score_source(source: ExampleSource, predictor: Predictor, path: str | Path) -> ScoredSource:
    """Score every example of a source into a predictions table with the source's extra columns.

    Labels are written as the model spells them; one that is no class of it as the source does.
    """
    matcher = LabelMatcher(predictor.class_names)
    hardest = HardestExamples()
    unreadable: list[UnreadableExample] = []
    by_hand: Iterable[object] = ()
    table = PredictionsWriter(
        path, class_names=predictor.class_names, extra_columns=source.extra_columns, kept=source.kept
    )
    with table as writer, progress(by_hand, label="scoring", total=source.num_examples) as bar:
        for batch in score_batches(source.batches, predictor):
            bar.update(len(batch.examples) + len(batch.unreadable))
            unreadable += batch.unreadable
            if len(batch.examples):
                _write(batch, writer, matcher)
                _offer(batch, predictor.class_names, matcher, hardest)
    unreadable += source.unreadable
    for example in unreadable[:_MAX_LOGGED]:
        logger.warning("not scored: %s: %s", example.example_id, example.reason)
    if len(unreadable) > _MAX_LOGGED:
        logger.warning("not scored: %d more", len(unreadable) - _MAX_LOGGED)
    return ScoredSource(unreadable=tuple(unreadable), hardest=hardest)


def evaluate_table(table: PredictionsTable, splits: Sequence[str], *, by_people: bool = True) -> Evaluation:
    """Evaluate the examples of some splits whose label is a class of the model; there may be none.

    Only labels that people gave count; with `by_people` false only those that models and rules gave.
    """
    indices = {name: index for index, name in enumerate(table.class_names)}
    labels = _labels(table, splits)
    is_known = np.array([label in indices for label in labels], dtype=bool)
    rows = np.flatnonzero(is_known & (_are_by_people(table, splits) == by_people))
    label_indices = np.array([indices[str(labels[row])] for row in rows.tolist()], dtype=np.int64)
    return evaluate_predictions(label_indices, table.probabilities(splits=splits)[rows], table.class_names)


def count_left_out(table: PredictionsTable, splits: Sequence[str]) -> tuple[int, int]:
    """Examples without a label, and those with a label from people that is unknown to the model."""
    by_people = _are_by_people(table, splits).tolist()
    labels = [label for label, is_counted in zip(_labels(table, splits), by_people, strict=True) if is_counted]
    num_unlabelled = labels.count(None)
    known = frozenset(table.class_names)
    return num_unlabelled, sum(label not in known for label in labels) - num_unlabelled


def _labels(table: PredictionsTable, splits: Sequence[str]) -> list[str | None]:
    return table.read(["label"], splits=splits).column(0).to_pylist()


def _are_by_people(table: PredictionsTable, splits: Sequence[str]) -> np.ndarray:
    """Whether no model and no rule gave each example's label, shape (N,), bool."""
    if LABEL_SOURCE not in table.slice_columns:
        return np.ones(len(_labels(table, splits)), dtype=bool)
    sources = table.read([LABEL_SOURCE], splits=splits).column(0).to_pylist()
    return np.array([source in _PEOPLE for source in sources], dtype=bool)


def _write(batch: ScoredBatch, writer: PredictionsWriter, matcher: LabelMatcher) -> None:
    spelled = {label: matcher.spelled(label) for label in set(batch.examples.labels)}
    writer.write(
        example_ids=batch.examples.example_ids,
        splits=batch.examples.splits,
        labels=[spelled[label] for label in batch.examples.labels],
        probabilities=batch.prediction.probabilities_BK,
        embeddings=batch.prediction.embeddings_BD,
        extra=batch.examples.extra,
    )


def _offer(batch: ScoredBatch, class_names: Sequence[str], matcher: LabelMatcher, hardest: HardestExamples) -> None:
    examples = batch.examples
    index_of = {label: matcher.index(label) for label in set(examples.labels)}
    given = enumerate(zip(examples.labels, examples.splits, strict=True))
    by_people = _rows_by_people(examples)
    judged = [
        row for row, (label, split) in given if split == "test" and index_of[label] is not None and by_people[row]
    ]
    label_indices = np.array([index_of[examples.labels[row]] for row in judged], np.int64)
    probabilities_BK = batch.prediction.probabilities_BK[judged]
    for place in hardest.wanted(label_indices, probabilities_BK):
        likeliest = int(probabilities_BK[place].argmax())
        example = ScoredExample(
            example_id=examples.example_ids[judged[place]],
            label=class_names[label_indices[place]],
            predicted=class_names[likeliest],
            probability=float(probabilities_BK[place, likeliest]),
            values=examples.values(judged[place]),
        )
        hardest.offer(example, probabilities_BK[place])


def _rows_by_people(examples: ExampleBatch) -> list[bool]:
    if LABEL_SOURCE not in examples.extra:
        return [True] * len(examples)
    return [source in _PEOPLE for source in examples.extra[LABEL_SOURCE].to_pylist()]
