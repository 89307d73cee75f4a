"""Measures a training on a sample, with its own trainer and batch size, and says what the whole of it will take.

An epoch costs so much an example learnt from, so much an example held out, and so much whatever their number. All three
come from the epochs after the first, which warms up; their spread gives the interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
import resource
import tempfile
import time

import numpy as np
import torch

from components.shared.feature_store import FeatureStore
from components.training.callbacks import peak_gpu_bytes
from components.training.checkpoints import CheckpointFolder
from components.training.fit import fit, FitResult
from components.training.forecast import Estimate, Forecast
from components.training.forecast_meter import CostMeter, EpochCosts
from components.training.processes import num_local_processes
from components.training.training_config import TrainingConfig

_EPOCHS = 3
_STEPS = 3
_MAX_STEPS = 64
_ENOUGH_S = 3.0
# Another load on the same machine makes that of the same steps.
_SMALLEST_SPREAD = 0.1
_STANDARD_ERRORS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochCost:
    """What the epochs after the first took; every cost is seconds and processor seconds, shape (2,).

    Attributes
    ----------
    example, held_out
        An example learnt from, and an example held out.
    rest
        What an epoch takes whatever their number.
    example_error, held_out_error, rest_error
        Standard errors of these three.
    """

    example: np.ndarray
    held_out: np.ndarray
    rest: np.ndarray
    example_error: np.ndarray
    held_out_error: np.ndarray
    rest_error: np.ndarray

    def of(self, num_examples: float, num_held_out: float) -> tuple[Estimate, Estimate]:
        """Seconds, and processor seconds, of an epoch of so many examples."""
        central = num_examples * self.example + num_held_out * self.held_out + self.rest
        parts = [num_examples * self.example_error, num_held_out * self.held_out_error, self.rest_error]
        spread = _STANDARD_ERRORS * np.sqrt(np.sum(np.square(parts), axis=0))
        spread = np.maximum(spread, _SMALLEST_SPREAD * central)
        low = np.maximum(central - spread, 0.0)
        first, second = (
            Estimate(low=float(low[clock]), central=float(central[clock]), high=float((central + spread)[clock]))
            for clock in range(2)
        )
        return first, second


def forecast_training(store: FeatureStore, config: TrainingConfig, *, seed: int, device: torch.device) -> Forecast:
    """Forecast a full training by a short one.

    Parameters
    ----------
    store
        The feature store.
    config
        The full run's config.
    seed
        Its seed.
    device
        Where it computes.

    Returns
    -------
    Forecast
        For every epoch; how many it will be before early stopping nobody knows. What processes take to speak to one
        another is not in it: one process with its share of the batch is measured.

    Raises
    ------
    ValueError
        If it cannot train.
    """
    # This step may hold fewer GPUs than the training will.
    num_processes = (config.num_processes or num_local_processes(config, device)) * config.num_nodes
    num_examples = min(len(store.indices("train")), config.max_examples or len(store))
    num_held_out = min(len(store.indices("validation")), config.max_examples or len(store))

    def measure(num_steps: int) -> _Measured:
        short = short_config(config, num_examples, num_processes=num_processes, num_steps=num_steps)
        return _measured(store, short, seed, device)

    measured = measure(_STEPS)
    taken_s = float(measured.meter.totals()[1:, 0].sum())
    if taken_s < _ENOUGH_S:
        measured = measure(int(min(max(_STEPS * _ENOUGH_S / taken_s, _STEPS), _MAX_STEPS)))
    cost = epoch_cost(measured.meter.epochs[1:], measured.meter.totals()[1:])
    epoch_s, epoch_cpu_s = cost.of(num_examples / num_processes, num_held_out / num_processes)
    totals = measured.meter.totals()
    warm_up = np.maximum(totals[0] - totals[1:].mean(axis=0), 0.0)
    later = measured.result.curves[1:]
    return Forecast(
        device=device.type,
        num_processes=num_processes,
        max_epochs=config.max_epochs,
        min_epochs=min(config.patience_epochs + 1, config.max_epochs),
        num_examples=num_examples,
        num_held_out=num_held_out,
        num_steps_measured=sum(len(epoch.steps) for epoch in measured.meter.epochs[1:]),
        start_up_s=max(measured.duration_s - float(totals[:, 0].sum()), 0.0),
        warm_up_s=float(warm_up[0]),
        warm_up_cpu_s=float(warm_up[1]),
        epoch_s=epoch_s,
        epoch_cpu_s=epoch_cpu_s,
        input_wait_share=min(sum(e["input_wait_s"] for e in later) / sum(e["duration_s"] for e in later), 1.0),
        memory_bytes=_memory(store),
        gpu_memory_bytes=peak_gpu_bytes() if device.type == "cuda" else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measured:
    meter: CostMeter
    result: FitResult
    duration_s: float


def short_config(config: TrainingConfig, num_examples: int, *, num_processes: int, num_steps: int) -> TrainingConfig:
    """The config of a few epochs of a few steps, each as large as one process's share of the full run's.

    Parameters
    ----------
    config
        The full run's.
    num_examples
        Examples that it learns from, 2 or more.
    num_processes
        Processes that share a step.
    num_steps
        Steps an epoch, where there are examples for so many.
    """
    share = max(-(-config.step_size(num_examples) // num_processes), 2)
    return replace(
        config,
        max_epochs=_EPOCHS,
        patience_epochs=_EPOCHS,
        max_examples=min(num_steps * share, num_examples),
        batch_size=share,
        min_steps=1,
    )


def _measured(store: FeatureStore, short: TrainingConfig, seed: int, device: torch.device) -> _Measured:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    meter, began = CostMeter(), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="forecast-") as folder:
        checkpoints = CheckpointFolder(uri=folder)
        result = fit(store, short, seed=seed, device=device, checkpoints=checkpoints, observers=[meter])
    return _Measured(meter=meter, result=result, duration_s=time.perf_counter() - began)


def epoch_cost(epochs: Sequence[EpochCosts], totals: np.ndarray) -> EpochCost:
    """Divide what epochs took among their examples.

    Parameters
    ----------
    epochs
        E of them, without the one that warms up.
    totals
        Shape (E, 2): seconds and processor seconds of each.
    """
    example, example_error = _per_example([epoch.steps for epoch in epochs])
    held_out, held_out_error = _per_example([epoch.held_out for epoch in epochs])
    numbers = np.array([[_num(epoch.steps), _num(epoch.held_out)] for epoch in epochs], np.float64)
    rests = np.maximum(totals - numbers @ np.stack([example, held_out]), 0.0)
    return EpochCost(
        example=example,
        held_out=held_out,
        rest=rests.mean(axis=0),
        example_error=example_error,
        held_out_error=held_out_error,
        rest_error=_standard_error(rests),
    )


def _num(batches: Sequence[tuple[int, np.ndarray]]) -> int:
    return sum(number for number, _ in batches)


def _per_example(batches_of_epochs: Sequence[Sequence[tuple[int, np.ndarray]]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean cost of an example and its standard error, shape (2,) each; the first batch of an epoch sets things up."""
    batches = [batch for epoch in batches_of_epochs for batch in (epoch[1:] if len(epoch) > 1 else epoch)]
    if not batches:
        return np.zeros(2), np.zeros(2)
    costs = np.stack([cost for _, cost in batches])
    mean = costs.sum(axis=0) / _num(batches)
    return mean, _standard_error(np.stack([cost / number for number, cost in batches]))


def _standard_error(values_N2: np.ndarray) -> np.ndarray:
    if len(values_N2) < 2:
        return np.zeros(2)
    return np.asarray(values_N2.std(axis=0, ddof=1) / math.sqrt(len(values_N2)))


def _memory(store: FeatureStore) -> Estimate:
    """Peak resident memory so far, bytes (Linux counts KiB); pages of the store that are mapped later come on top."""
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    stored = sum(file.stat().st_size for file in Path(store.path).glob("*.arrow"))
    return Estimate(low=peak, central=peak, high=peak + stored)
