"""Scoring a stream of examples: all cores prepare the next batches while the model works on this one."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from components.model_analysis.scoring.example_batches import ExampleBatch, UnreadableExample
from components.model_analysis.scoring.unusable_rows import first_unusable
from components.modeling.answers import Prediction
from components.modeling.dropout_sampling import DropoutSampling
from components.modeling.images.decoding import UndecodableImageError
from components.modeling.predictor import Predictor
from components.shared.feature_store.blocks import joined_inputs
from components.shared.runtime.cores import available_cores

_BATCHES_AHEAD = 2
_Inputs = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredBatch:
    """What a model says of the readable examples of a batch, in their order, and the examples that are not."""

    examples: ExampleBatch
    prediction: Prediction
    unreadable: tuple[UnreadableExample, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """Neighbouring examples of a batch that are prepared together."""

    rows: range
    inputs: "Future[_Inputs]"


def score_batches(
    batches: Iterable[ExampleBatch],
    predictor: Predictor,
    *,
    num_workers: int | None = None,
    dropout_passes: int = 0,
) -> Iterator[ScoredBatch]:
    """Score batches in their order; memory stays at a few batches whatever their number.

    `num_workers` threads read and prepare, None for one a core. Images are prepared one by one, for Pillow decodes
    outside Python's lock and a damaged one is quarantined; other examples a whole batch at a time, and one that cannot
    be prepared is a ValueError that names it. Dropout is seeded by a batch's first example, so that a batch that is
    scored again gets the same.
    """
    with ThreadPoolExecutor(max_workers=num_workers or available_cores()) as pool:
        waiting: deque[tuple[ExampleBatch, list[_Part]]] = deque()
        try:
            for batch in batches:
                waiting.append((batch, _submitted(batch, predictor, pool)))
                if len(waiting) > _BATCHES_AHEAD:
                    yield _scored(*waiting.popleft(), predictor, dropout_passes)
            while waiting:
                yield _scored(*waiting.popleft(), predictor, dropout_passes)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _submitted(batch: ExampleBatch, predictor: Predictor, pool: ThreadPoolExecutor) -> list[_Part]:
    step = 1 if predictor.features.modality == "image" else max(len(batch), 1)
    parts = [range(start, min(start + step, len(batch))) for start in range(0, len(batch), step)]
    return [_Part(rows=rows, inputs=pool.submit(_prepared, batch, rows, predictor)) for rows in parts]


def _prepared(batch: ExampleBatch, rows: range, predictor: Predictor) -> _Inputs:
    columns = batch.read(rows)
    try:
        return predictor.prepare(columns)
    except UndecodableImageError:
        raise
    except ValueError as error:
        row, reason = first_unusable(columns, predictor.prepare) or (0, error)
        raise ValueError(f"the example {batch.example_ids[rows[row]]} cannot be scored: {reason}") from error


def _scored(batch: ExampleBatch, parts: list[_Part], predictor: Predictor, dropout_passes: int) -> ScoredBatch:
    inputs: list[_Inputs] = []
    kept: list[int] = []
    unreadable: list[UnreadableExample] = []
    for part in parts:
        try:
            inputs.append(part.inputs.result())
            kept += part.rows
        except UndecodableImageError as error:
            unreadable += [
                UnreadableExample(example_id=batch.example_ids[row], split=batch.splits[row], reason=str(error))
                for row in part.rows
            ]
    dropout = None
    if dropout_passes and inputs:
        dropout = DropoutSampling(num_passes=dropout_passes, seed=crc32(batch.example_ids[kept[0]].encode()))
    return ScoredBatch(
        examples=batch.take(kept), prediction=_prediction(inputs, predictor, dropout), unreadable=tuple(unreadable)
    )


def _prediction(inputs: list[_Inputs], predictor: Predictor, dropout: DropoutSampling | None) -> Prediction:
    if not inputs:
        return Prediction(
            probabilities_BK=np.empty((0, len(predictor.class_names)), np.float32),
            numbers_B=np.empty(0) if predictor.task.is_regression else None,
            embeddings_BD=np.empty((0, 0), np.float32),
        )
    return predictor.predict(joined_inputs(inputs, predictor.features.input_specs), dropout=dropout)
