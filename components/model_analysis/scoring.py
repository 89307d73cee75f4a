"""Scoring a stream of images: all cores decode the next batches while the model works on this one."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.model_analysis.image_batches import encoded_bytes, ImageBatch, SourceImage
from components.modeling.image_decoding import UndecodableImageError
from components.modeling.predictor import Prediction, Predictor
from components.shared.cores import available_cores

_BATCHES_AHEAD = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableImage:
    """An image that could not be scored, and why."""

    example_id: str
    split: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredBatch:
    """What a model says of the images of a batch that could be read.

    Attributes
    ----------
    images
        N images, in their source's order.
    prediction
        N probabilities and embeddings.
    extra
        The columns that travel along, N values each.
    unreadable
        The batch's other images.
    """

    images: tuple[SourceImage, ...]
    prediction: Prediction
    extra: Mapping[str, pa.Array]
    unreadable: tuple[UnreadableImage, ...]


def score_batches(
    batches: Iterable[ImageBatch], predictor: Predictor, *, num_workers: int | None = None
) -> Iterator[ScoredBatch]:
    """Score batches in their order; memory stays at a few batches whatever their number.

    Parameters
    ----------
    batches
        Encoded images.
    predictor
        The model, with the preprocessing that it is served with.
    num_workers
        Threads that read and decode, 1 or more; None takes one a core. Pillow decodes outside Python's lock.

    Yields
    ------
    ScoredBatch
        One a batch; it may hold no readable image.
    """
    with ThreadPoolExecutor(max_workers=num_workers or available_cores()) as pool:
        waiting: deque[tuple[ImageBatch, list[Future[np.ndarray]]]] = deque()
        try:
            for batch in batches:
                waiting.append((batch, [pool.submit(_prepared, image, predictor) for image in batch.images]))
                if len(waiting) > _BATCHES_AHEAD:
                    yield _scored(*waiting.popleft(), predictor)
            while waiting:
                yield _scored(*waiting.popleft(), predictor)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _prepared(image: SourceImage, predictor: Predictor) -> np.ndarray:
    return predictor.prepare([encoded_bytes(image)])[0]


def _scored(batch: ImageBatch, decoding: list["Future[np.ndarray]"], predictor: Predictor) -> ScoredBatch:
    prepared: list[np.ndarray] = []
    kept: list[int] = []
    unreadable: list[UnreadableImage] = []
    for position, (image, future) in enumerate(zip(batch.images, decoding, strict=True)):
        try:
            prepared.append(future.result())
            kept.append(position)
        except UndecodableImageError as error:
            unreadable.append(UnreadableImage(example_id=image.example_id, split=image.split, reason=str(error)))
    return ScoredBatch(
        images=tuple(batch.images[position] for position in kept),
        prediction=predictor.predict(np.stack(prepared) if prepared else predictor.prepare([])),
        extra={name: column.take(pa.array(kept, pa.int64())) for name, column in batch.extra.items()},
        unreadable=tuple(unreadable),
    )
