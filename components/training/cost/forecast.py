"""What a full training will take, as the smoke test measured it, and how sure that is."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.errors import ContractError

FORMAT_VERSION = 1
CONTRACT = "training_forecast"

_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A value with the interval that it is expected in."""

    low: float
    central: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.central <= self.high:
            raise ValueError(f"an estimate must lie in its interval, got {self.central} in {self.low} to {self.high}")

    def scaled(self, factor: float) -> "Estimate":
        """All three values times a factor of 0 or more."""
        return Estimate(low=self.low * factor, central=self.central * factor, high=self.high * factor)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What a training will take, in seconds and processor seconds; `warm_up_*` is what the first epoch takes on top."""

    device: str
    num_processes: int  # on GPUs, one each
    max_epochs: int
    min_epochs: int  # the earliest that training can stop after
    num_examples: int  # an epoch
    num_held_out: int
    num_steps_measured: int
    start_up_s: float  # before the first epoch and after the last
    warm_up_s: float
    warm_up_cpu_s: float
    epoch_s: Estimate  # with validation and checkpoints
    epoch_cpu_s: Estimate  # of one process, with the threads that prepare its batches
    input_wait_share: float  # share of the time that a step waits for its examples, 0 to 1
    memory_bytes: Estimate  # peak of one process: as measured, and with the whole feature store mapped
    gpu_memory_bytes: int | None  # peak of the tensors on one GPU; None on a CPU

    @property
    def num_gpus(self) -> int:
        """GPUs that are held."""
        return self.num_processes if self.device == "cuda" else 0

    def learning_s(self, num_epochs: int) -> Estimate:
        """Seconds of so many epochs, without start-up: what the training's own curves add up to."""
        return _epochs(self.epoch_s, self.warm_up_s, num_epochs, num_epochs)

    def learning_cpu_s(self, num_epochs: int) -> Estimate:
        """Processor seconds of so many epochs in one process."""
        return _epochs(self.epoch_cpu_s, self.warm_up_cpu_s, num_epochs, num_epochs)

    @property
    def duration_s(self) -> Estimate:
        """Seconds of the whole training: every epoch, at least those before the earliest stop."""
        return _epochs(self.epoch_s, self.start_up_s + self.warm_up_s, self.min_epochs, self.max_epochs)

    @property
    def cpu_s(self) -> Estimate:
        """Processor seconds of all processes, without start-up, likewise."""
        one = _epochs(self.epoch_cpu_s, self.warm_up_cpu_s, self.min_epochs, self.max_epochs)
        return one.scaled(self.num_processes)

    @property
    def gpu_hours(self) -> Estimate:
        """GPU-hours of the whole training; 0 on a CPU."""
        return self.duration_s.scaled(self.num_gpus / _HOUR_S)

    def money(self, price_per_hour: float) -> Estimate:
        """Cost of the whole training at the price of a GPU's hour; on a CPU, at the price of the node's."""
        return self.duration_s.scaled(max(self.num_gpus, 1) * price_per_hour / _HOUR_S)


def _epochs(epoch: Estimate, once: float, fewest: int, most: int) -> Estimate:
    return Estimate(low=once + fewest * epoch.low, central=once + most * epoch.central, high=once + most * epoch.high)


def write_forecast(path: str | Path, forecast: Forecast | None) -> None:
    """Write a forecast as JSON, whole or not at all; None says that none could be made."""
    content = None if forecast is None else asdict(forecast)
    write_json(path, {"contract": CONTRACT, "format_version": FORMAT_VERSION, "forecast": content})


def read_forecast(path: str | Path) -> Forecast | None:
    """Read a forecast; None where none could be made."""
    content = read_json(path, what="the forecast")
    if not isinstance(content, dict) or content.get("contract") != CONTRACT:
        raise ContractError(f"{path} must be a forecast of a training, but it is not")
    check_format_version(content.get("format_version"), newest=FORMAT_VERSION, contract="the forecast", where=path)
    if content.get("forecast") is None:
        return None
    try:
        return _forecast_from(content["forecast"])
    except (AttributeError, TypeError, ValueError) as error:
        raise ContractError(f"the forecast at {path} is not usable: {error}") from error


def _forecast_from(content: dict[str, Any]) -> Forecast:
    readers: dict[str, Callable[[Any], Any]] = {
        field.name: (lambda value: Estimate(**value)) for field in fields(Forecast) if field.type is Estimate
    }
    return Forecast(**{name: readers.get(name, lambda value: value)(value) for name, value in content.items()})
