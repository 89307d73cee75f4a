"""How a bundle computes fastest on this machine: what computes its network, and how many rows at once.

Rows together are not always faster: what a large batch holds no longer fits a processor's caches. So both are measured
when the server starts, before it is ready, which is also what the first request would wait for. What was found is kept
in the bundle's folder as `serving_speed.json`, where that can be written, and a later start of the same release on the
same hardware and libraries does not measure again.
"""

from collections.abc import Mapping
import logging
from pathlib import Path
import time
from typing import Any

import numpy as np

from components.modeling.prepared_model import PreparedModel
from components.modeling.trial_rows import largest_difference, trial_inputs
from components.serving.server.backends import Backends
from components.serving.server.config import MAX_DIFFERENCE
from components.serving.server.kept_speed import ComputeSpeed, keep, kept
from components.serving.traffic.batch_plan import MAX_ROWS

logger = logging.getLogger(__name__)

BUDGET_S = 15.0
_SIZES = (1, 2, 4, 8, 16, 32, MAX_ROWS)
_NUM_TRIED = 4
_NUM_RUNS = 3
# A larger batch is worth it unless it is slower by more than noise.
_TIE = 1.03
# Another way than the model's own is worth it only where it is faster by more than noise.
_GAIN = 0.97


def fastest_model(
    path: str | Path,
    *,
    device: str,
    num_threads: int,
    max_difference: float = MAX_DIFFERENCE,
    budget_s: float = BUDGET_S,
) -> tuple[PreparedModel, ComputeSpeed]:
    """The model as it computes fastest here, warm, and what was found or kept.

    Parameters
    ----------
    path
        The bundle.
    device
        `auto`, `cpu` or `cuda`.
    num_threads
        Threads of one prediction, 1 or more.
    max_difference
        How far answers may lie from the model's own; see `largest_difference`.
    budget_s
        Seconds to measure for, about; loading comes on top.

    Raises
    ------
    FileNotFoundError
        If there is no bundle at `path`.
    ContractError
        If the bundle is damaged, or nothing that is installed can compute it.
    ValueError
        If a GPU is asked for and there is none.
    """
    backends = Backends(path, device=device, num_threads=num_threads)
    measured_for = {**backends.hardware(), "max_difference": max_difference}
    known = kept(path, measured_for)
    if known is not None and known.backend in backends.names:
        model = backends.backend(known.backend).use()
        model.predict(trial_inputs(model, known.max_rows))
        _tell(known, "as measured before")
        return model, known
    speed = _measured(backends, max_difference=max_difference, budget_s=budget_s)
    model = backends.backend(speed.backend).use()
    model.predict(trial_inputs(model, speed.max_rows))
    _tell(speed, "measured")
    keep(path, measured_for, speed)
    return model, speed


def _measured(backends: Backends, *, max_difference: float, budget_s: float) -> ComputeSpeed:
    until = time.perf_counter() + budget_s
    first, *others = backends.names
    model = backends.backend(first).use()
    inputs = trial_inputs(model, MAX_ROWS)
    tried = {name: value[:_NUM_TRIED] for name, value in inputs.items()}
    wanted = model.predict(tried)
    best = _fastest_size(model, inputs, first, budget_s / (1 + len(others)))
    for place, name in enumerate(others):
        left_s = max(until - time.perf_counter(), 0.0) / (len(others) - place)
        try:
            model = backends.backend(name).use()
            difference = largest_difference(model, model.predict(tried), wanted)
        except Exception as error:  # whatever a way to compute fails with, there are others
            logger.info("%s is not used: %s", name, error)
            continue
        if not difference <= max_difference:
            logger.info("%s is not used: its answers differ by %.1g, more than %g", name, difference, max_difference)
            continue
        found = _fastest_size(model, inputs, name, left_s)
        if found.row_s < best.row_s * _GAIN:
            best = found
    return best


def _fastest_size(
    model: PreparedModel, inputs: Mapping[str, np.ndarray], backend: str, budget_s: float
) -> ComputeSpeed:
    until = time.perf_counter() + budget_s
    best = ComputeSpeed(backend=backend, max_rows=1, row_s=float("inf"))
    for size in _SIZES:
        rows = {name: value[:size] for name, value in inputs.items()}
        model.predict(rows)
        row_s = min(_seconds(model, rows) for _ in range(_NUM_RUNS)) / size
        if row_s <= best.row_s * _TIE:
            best = ComputeSpeed(backend=backend, max_rows=size, row_s=min(row_s, best.row_s))
        if time.perf_counter() + (_NUM_RUNS + 1) * 2 * size * row_s > until:
            break
    return best


def _seconds(model: PreparedModel, rows: Mapping[str, np.ndarray]) -> float:
    began = time.perf_counter()
    model.predict(rows)
    return time.perf_counter() - began


def _tell(speed: ComputeSpeed, how: str) -> None:
    details: tuple[Any, ...] = (speed.backend, speed.max_rows, 1000 * speed.row_s, how)
    logger.info("computes with %s, %d rows at once, %.3g ms a row (%s)", *details)
