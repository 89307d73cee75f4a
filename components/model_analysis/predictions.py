"""The predictions table: filled from a source of images, and evaluated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import logging

import numpy as np

from components.model_analysis.evaluation import evaluate_predictions, Evaluation
from components.model_analysis.hardest_examples import HardestExamples, ScoredExample
from components.model_analysis.image_batches import encoded_bytes
from components.model_analysis.image_source import ImageSource
from components.model_analysis.label_matching import LabelMatcher
from components.model_analysis.scoring import score_batches, ScoredBatch, UnreadableImage
from components.modeling.predictor import Predictor
from components.shared.predictions_table import PredictionsTable, PredictionsWriter
from components.shared.progress import progress

logger = logging.getLogger(__name__)

_MAX_LOGGED = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredSource:
    """What scoring a source leaves beside the table.

    Attributes
    ----------
    unreadable
        Images that are not in the table.
    hardest
        The hardest labelled examples of the test split.
    """

    unreadable: tuple[UnreadableImage, ...]
    hardest: HardestExamples


def score_source(source: ImageSource, predictor: Predictor, writer: PredictionsWriter) -> ScoredSource:
    """Score every image of a source into a predictions table.

    Parameters
    ----------
    source
        The images.
    predictor
        The model.
    writer
        Of the model's class names and the source's extra columns. Labels are written as the model spells them; one
        that is no class of it as the source does.
    """
    matcher = LabelMatcher(predictor.class_names)
    hardest = HardestExamples()
    unreadable: list[UnreadableImage] = []
    by_hand: Iterable[object] = ()
    with progress(by_hand, label="scoring", total=source.num_images, unit="image") as bar:
        for batch in score_batches(source.batches, predictor):
            bar.update(len(batch.images) + len(batch.unreadable))
            unreadable += batch.unreadable
            if batch.images:
                _write(batch, writer, matcher)
                _offer(batch, predictor.class_names, matcher, hardest)
    for image in unreadable[:_MAX_LOGGED]:
        logger.warning("not scored: %s: %s", image.example_id, image.reason)
    if len(unreadable) > _MAX_LOGGED:
        logger.warning("not scored: %d more", len(unreadable) - _MAX_LOGGED)
    return ScoredSource(unreadable=tuple(unreadable), hardest=hardest)


def evaluate_table(table: PredictionsTable, splits: Sequence[str]) -> Evaluation:
    """Evaluate the examples whose label is a class of the model.

    Parameters
    ----------
    table
        Scored examples.
    splits
        Those to evaluate; none of their examples need be there.
    """
    indices = {name: index for index, name in enumerate(table.class_names)}
    labels = _labels(table, splits)
    known = np.array([label in indices for label in labels], dtype=bool)
    label_indices = np.array([indices[label] for label in labels if label in indices], dtype=np.int64)
    return evaluate_predictions(label_indices, table.probabilities(splits=splits)[known], table.class_names)


def count_left_out(table: PredictionsTable, splits: Sequence[str]) -> tuple[int, int]:
    """Examples that `evaluate_table` leaves out: those without a label, and those with a label unknown to the model."""
    labels = _labels(table, splits)
    num_unlabelled = labels.count(None)
    known = frozenset(table.class_names)
    return num_unlabelled, sum(label not in known for label in labels) - num_unlabelled


def _labels(table: PredictionsTable, splits: Sequence[str]) -> list[str | None]:
    return table.read(["label"], splits=splits).column(0).to_pylist()


def _write(batch: ScoredBatch, writer: PredictionsWriter, matcher: LabelMatcher) -> None:
    writer.write(
        example_ids=[image.example_id for image in batch.images],
        splits=[image.split for image in batch.images],
        labels=[matcher.spelled(image.label) for image in batch.images],
        probabilities=batch.prediction.probabilities_BK,
        embeddings=batch.prediction.embeddings_BD,
        extra=batch.extra,
    )


def _offer(batch: ScoredBatch, class_names: Sequence[str], matcher: LabelMatcher, hardest: HardestExamples) -> None:
    for image, probabilities in zip(batch.images, batch.prediction.probabilities_BK, strict=True):
        label, likeliest = matcher.index(image.label), int(probabilities.argmax())
        if image.split != "test" or label is None:
            continue
        if hardest.wants(mistaken=label != likeliest, probabilities=probabilities):
            example = ScoredExample(
                example_id=image.example_id,
                label=class_names[label],
                predicted=class_names[likeliest],
                probability=float(probabilities[likeliest]),
                image=encoded_bytes(image),
            )
            hardest.offer(example, probabilities)
