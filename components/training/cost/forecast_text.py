"""A forecast in words and tables, as reports show it."""

from collections.abc import Sequence

from components.training.cost.forecast import Estimate, Forecast

_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))
_GIB = 1 << 30


def shown_duration(seconds: float) -> str:
    """A duration in its largest fitting unit: `2.3 min`."""
    size, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds / size:.3g} {unit}"


def forecast_rows(forecast: Forecast, *, price_per_hour: float | None) -> list[list[str]]:
    """Rows of a table: what, expected, at least, at most. The price is of a GPU's hour, on a CPU of the node's."""
    rows = [
        _durations("one epoch", forecast.epoch_s),
        _durations(f"{forecast.max_epochs} epochs with start-up", forecast.duration_s),
        _durations("processor time", forecast.cpu_s),
    ]
    if forecast.num_gpus:
        rows.append(_numbers("GPU-hours", forecast.gpu_hours))
    if price_per_hour is not None:
        rows.append(_numbers("cost, in the currency of the price", forecast.money(price_per_hour)))
    rows.append(_numbers("peak memory of a process, GiB", forecast.memory_bytes.scaled(1 / _GIB)))
    if forecast.gpu_memory_bytes is not None:
        rows.append(["peak memory of a GPU, GiB", f"{forecast.gpu_memory_bytes / _GIB:.3g}", "", ""])
    return rows


def forecast_remarks(forecast: Forecast) -> list[str]:
    """What a reader must know of the forecast, one sentence each."""
    remarks = [
        f"Measured on {forecast.num_steps_measured} batches of this machine's {forecast.device}, for "
        f"{forecast.num_examples:,} examples an epoch; {forecast.input_wait_share:.0%} of the time was spent waiting "
        "for examples."
    ]
    if forecast.min_epochs < forecast.max_epochs:
        remarks.append(
            f"Expected and most are for all {forecast.max_epochs} epochs; least is for the earliest stop, after "
            f"{forecast.min_epochs}."
        )
    if forecast.num_processes > 1:
        remarks.append(
            f"One of {forecast.num_processes} processes was measured, with its share of the batch: what they take to "
            "speak to one another comes on top."
        )
    return remarks


def compared_rows(forecast: Forecast, epochs: Sequence[dict[str, float]]) -> list[list[str]]:
    """Rows of a table for the epochs that were run: what, forecast, its interval, measured, measured by forecast."""
    pairs = (
        ("seconds", forecast.learning_s(len(epochs)), "duration_s"),
        ("processor seconds of a process", forecast.learning_cpu_s(len(epochs)), "cpu_s"),
    )
    rows = []
    for title, expected, name in pairs:
        measured = sum(epoch[name] for epoch in epochs)
        ratio = measured / expected.central if expected.central else float("nan")
        interval = f"{expected.low:.4g} to {expected.high:.4g}"
        rows.append([title, f"{expected.central:.4g}", interval, f"{measured:.4g}", f"{ratio:.2f}"])
    return rows


def _durations(title: str, estimate: Estimate) -> list[str]:
    return [title, *(shown_duration(value) for value in (estimate.central, estimate.low, estimate.high))]


def _numbers(title: str, estimate: Estimate) -> list[str]:
    return [title, *(f"{value:.3g}" for value in (estimate.central, estimate.low, estimate.high))]
