"""What moved the model to its wrong answer: parts of a photo, words of a text, columns of a row.

Shapes: E errors, S side of a prepared photo, G side of a coarse grid.
"""

from collections.abc import Iterator, Mapping, Sequence
import time
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from components.modeling.predictor import Predictor

_GRID = 12
_MAX_WORDS, _MAX_SHOWN, _MAX_COLUMNS = 40, 5, 100
_BATCH = 8


def photo_saliency(
    predictor: Predictor, images: np.ndarray, predicted: np.ndarray, *, seconds: float
) -> list[np.ndarray | None]:
    """Where the predicted class hangs on, by the gradient of its output.

    Parameters
    ----------
    predictor
        Of images.
    images
        Shape (E, S, S, 3), uint8, prepared.
    predicted
        Shape (E,), class indices.
    seconds
        After so long, the rest is left out.

    Returns
    -------
    list
        By photo, shape (G, G), 0 to 1, the largest 1; None where time was up, or the network gives no gradient.

    References
    ----------
    Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks" (2013); captum's `Saliency`.
    """
    from captum.attr import Saliency

    found: list[np.ndarray | None] = [None] * len(images)
    method, end = Saliency(predictor.differentiable_outputs), time.monotonic() + seconds
    for start in range(0, len(images), _BATCH):
        if time.monotonic() > end:
            break
        first, *others = predictor.tensors({"image": images[start : start + _BATCH]})
        target = torch.from_numpy(predicted[start : start + _BATCH]).to(first.device)
        gradients = method.attribute(
            first.detach().clone().requires_grad_(True), target=target, additional_forward_args=tuple(others) or None
        )
        coarse = torch.nn.functional.adaptive_avg_pool2d(gradients.abs().amax(dim=1, keepdim=True), _GRID)[:, 0]
        for place, grid in enumerate(coarse.detach().cpu().numpy()):
            largest = float(grid.max())
            found[start + place] = grid / largest if largest > 0 else None
    return found


def word_influence(
    predictor: Predictor, texts: Sequence[str], predicted: np.ndarray, *, seconds: float
) -> list[list[tuple[str, float]] | None]:
    """How much the predicted class's probability falls without each of the first 40 words; the largest falls first.

    None where time was up; a word that pushes the other way has a negative fall and is not listed.
    """
    end = time.monotonic() + seconds
    found: list[list[tuple[str, float]] | None] = []
    for text, index in zip(texts, predicted.tolist(), strict=True):
        words = text.split()[:_MAX_WORDS]
        if time.monotonic() > end:
            found.append(None)
            continue
        without = [" ".join(words[:place] + words[place + 1 :]) for place in range(len(words))]
        answers = _probabilities(predictor, {"text": pa.array([" ".join(words), *without], pa.string())})[:, index]
        falls = sorted(zip(words, (answers[0] - answers[1:]).tolist(), strict=True), key=lambda item: -item[1])
        found.append([(word, fall) for word, fall in falls[:_MAX_SHOWN] if fall > 0])
    return found


def column_influence_of_rows(
    predictor: Predictor,
    rows: Mapping[str, pa.Array],
    usual: Mapping[str, Any],
    predicted: np.ndarray,
    *,
    seconds: float,
) -> list[list[tuple[str, float]] | None]:
    """How much the predicted class's probability falls when a column has its `usual` value; the largest falls first.

    Parameters
    ----------
    rows
        Columns that the model reads, E values each; of more than 100 the first 100 are asked.
    usual
        By column, a value that says nothing: the training median, or the most frequent value.
    """
    end = time.monotonic() + seconds
    before = _probabilities(predictor, rows)
    places = np.arange(len(predicted))
    falls: dict[str, np.ndarray] = {}
    for name in [name for name in rows if name in usual][:_MAX_COLUMNS]:
        if time.monotonic() > end:
            break
        column = pa.array([usual[name]] * len(predicted), rows[name].type)
        after = _probabilities(predictor, {**rows, name: column})
        falls[name] = before[places, predicted] - after[places, predicted]
    return [_largest({name: float(values[row]) for name, values in falls.items()}) for row in places.tolist()]


def usual_values(columns: Mapping[str, pa.Array]) -> dict[str, Any]:
    """Of each column the median of its numbers, or its most frequent value."""
    return dict(_usual_values(columns))


def _usual_values(columns: Mapping[str, pa.Array]) -> Iterator[tuple[str, Any]]:
    for name, column in columns.items():
        present = column.drop_null()
        if not len(present):
            continue
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            yield name, sorted(present.to_pylist())[len(present) // 2]
        else:
            counts = present.value_counts().to_pylist()
            yield name, max(counts, key=lambda item: item["counts"])["values"]


def _largest(falls: Mapping[str, float]) -> list[tuple[str, float]] | None:
    ranked = sorted(falls.items(), key=lambda item: -item[1])
    return [(name, fall) for name, fall in ranked[:_MAX_SHOWN] if fall > 0] if falls else None


def _probabilities(predictor: Predictor, columns: Mapping[str, pa.Array]) -> np.ndarray:
    return predictor.predict(predictor.prepare(columns)).probabilities_BK
