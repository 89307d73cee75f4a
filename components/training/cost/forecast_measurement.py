"""Measures a training on a sample, with its own trainer and batch size, to forecast the whole of it."""

from dataclasses import dataclass, replace
from pathlib import Path
import resource
import tempfile
import time

import numpy as np
import torch

from components.shared.feature_store.store import FeatureStore
from components.training.cost.forecast import Estimate, Forecast
from components.training.cost.forecast_interval import epoch_cost
from components.training.cost.step_meter import CostMeter
from components.training.trainer.checkpoints import CheckpointFolder
from components.training.trainer.fit import fit, FitResult
from components.training.trainer.processes import num_local_processes
from components.training.training_config import TrainingConfig

_EPOCHS = 3
_STEPS = 3
_MAX_STEPS = 64
_ENOUGH_S = 3.0


def forecast_training(store: FeatureStore, config: TrainingConfig, *, seed: int, device: torch.device) -> Forecast:
    """Forecast a full training by a short one, for all epochs: when early stopping will end it cannot be known.

    One process with its share of the batch is measured: communication between processes is not in the forecast.
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
        gpu_memory_bytes=torch.cuda.max_memory_allocated() if device.type == "cuda" else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measured:
    meter: CostMeter
    result: FitResult
    duration_s: float


def short_config(config: TrainingConfig, num_examples: int, *, num_processes: int, num_steps: int) -> TrainingConfig:
    """The config of a few epochs of `num_steps` steps, each as large as one process's share of the full run's step."""
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


def _memory(store: FeatureStore) -> Estimate:
    """Peak resident memory so far, bytes (Linux counts KiB); pages of the store that are mapped later come on top."""
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    stored = sum(file.stat().st_size for file in Path(store.path).glob("*.arrow"))
    return Estimate(low=peak, central=peak, high=peak + stored)
