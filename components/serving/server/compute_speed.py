"""How a model computes fastest on this machine: the layout of its weights, and how many rows at once.

Rows together are not always faster: what a large batch holds no longer fits a processor's caches. So both are measured
when the server starts, before it is ready.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import time

import numpy as np
import pyarrow as pa

from components.modeling.predictor import Predictor
from components.serving.traffic.batch_plan import MAX_ROWS

# The difference of an answer that another layout may make.
MAX_DIFFERENCE = 1e-5
_SIZES = (1, 2, 4, 8, 16, 32, MAX_ROWS)
_NUM_TRIED = 4
_TEXT = "a text of some words, as people write them in a comment"
_NUM_RUNS = 3
# A larger batch is worth it unless it is slower by more than noise.
_TIE = 1.03


@dataclass(frozen=True, kw_only=True, slots=True)
class ComputeSpeed:
    """What was found: the layout, rows a batch, and the seconds of one of its rows."""

    channels_last: bool
    max_rows: int
    row_s: float


def fastest(predictor: Predictor, *, budget_s: float = 12.0) -> ComputeSpeed:
    """Measure, within about `budget_s` seconds, and leave the predictor in the fastest layout.

    Channels last are tried where there are convolutions, and taken only where the answers are the same.
    """
    inputs = _some_inputs(predictor)
    if not predictor.has_convolutions:
        return _fastest_size(predictor.predict, inputs, False, budget_s)
    tried = {name: value[:_NUM_TRIED] for name, value in inputs.items()}
    wanted_BK = predictor.predict(tried).probabilities_BK
    best = _fastest_size(predictor.predict, inputs, False, budget_s / 2)
    predictor.lay_out(channels_last=True)
    if np.abs(predictor.predict(tried).probabilities_BK - wanted_BK).max(initial=0) <= MAX_DIFFERENCE:
        best = min(best, _fastest_size(predictor.predict, inputs, True, budget_s / 2), key=lambda speed: speed.row_s)
    predictor.lay_out(channels_last=best.channels_last)
    return best


def _fastest_size(
    predict: Callable[[Mapping[str, np.ndarray]], object],
    inputs: Mapping[str, np.ndarray],
    channels_last: bool,
    budget_s: float,
) -> ComputeSpeed:
    until = time.perf_counter() + budget_s
    best = ComputeSpeed(channels_last=channels_last, max_rows=1, row_s=float("inf"))
    for size in _SIZES:
        rows = {name: value[:size] for name, value in inputs.items()}
        predict(rows)
        row_s = min(_seconds(predict, rows) for _ in range(_NUM_RUNS)) / size
        if row_s <= best.row_s * _TIE:
            best = ComputeSpeed(channels_last=channels_last, max_rows=size, row_s=min(row_s, best.row_s))
        if time.perf_counter() + (_NUM_RUNS + 1) * 2 * size * row_s > until:
            break
    return best


def _seconds(predict: Callable[[Mapping[str, np.ndarray]], object], rows: Mapping[str, np.ndarray]) -> float:
    began = time.perf_counter()
    predict(rows)
    return time.perf_counter() - began


def _some_inputs(predictor: Predictor) -> dict[str, np.ndarray]:
    """`MAX_ROWS` rows: noise for photos, a text as the model prepares it, padding for the rest."""
    if predictor.features.modality == "text":
        return predictor.prepare({"text": pa.array([_TEXT] * MAX_ROWS)})
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(0, 256, value.shape).astype(np.uint8) if value.dtype == np.uint8 else value
        for name, value in predictor.empty_inputs(MAX_ROWS).items()
    }
