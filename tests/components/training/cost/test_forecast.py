"""The forecast: its arithmetic, its file, and its words."""

from dataclasses import replace
import json

import pytest

from components.shared.runtime.errors import ContractError
from components.training.cost.forecast import Estimate, Forecast, read_forecast, write_forecast
from components.training.cost.forecast_text import compared_rows, forecast_remarks, forecast_rows, shown_duration

ON_CPU = Forecast(
    device="cpu",
    num_processes=1,
    max_epochs=10,
    min_epochs=4,
    num_examples=1000,
    num_held_out=100,
    num_steps_measured=12,
    start_up_s=5.0,
    warm_up_s=1.0,
    warm_up_cpu_s=2.0,
    epoch_s=Estimate(low=90.0, central=100.0, high=120.0),
    epoch_cpu_s=Estimate(low=150.0, central=200.0, high=220.0),
    input_wait_share=0.25,
    memory_bytes=Estimate(low=1 << 30, central=1 << 30, high=2 << 30),
    gpu_memory_bytes=None,
)
ON_GPUS = replace(ON_CPU, device="cuda", num_processes=4, gpu_memory_bytes=3 << 30)


def test_a_training_takes_all_its_epochs_at_most_and_those_before_the_earliest_stop_at_least():
    assert ON_CPU.duration_s == Estimate(low=6.0 + 4 * 90, central=6.0 + 10 * 100, high=6.0 + 10 * 120)


def test_processor_time_is_that_of_all_processes():
    one = Estimate(low=2.0 + 4 * 150, central=2.0 + 10 * 200, high=2.0 + 10 * 220)
    assert ON_CPU.cpu_s == one
    assert ON_GPUS.cpu_s == one.scaled(4)


def test_the_epochs_that_were_run_are_compared_without_start_up():
    assert ON_CPU.learning_s(3) == Estimate(low=271.0, central=301.0, high=361.0)
    assert ON_CPU.learning_cpu_s(3) == Estimate(low=452.0, central=602.0, high=662.0)


def test_gpu_hours_count_every_gpu_and_a_cpu_has_none():
    assert ON_GPUS.gpu_hours.central == pytest.approx(1006 * 4 / 3600)
    assert ON_CPU.gpu_hours == Estimate(low=0.0, central=0.0, high=0.0)


def test_money_is_the_price_of_every_gpus_hour_and_on_a_cpu_of_the_nodes():
    assert ON_GPUS.money(2.0).central == pytest.approx(2.0 * 1006 * 4 / 3600)
    assert ON_CPU.money(2.0).central == pytest.approx(2.0 * 1006 / 3600)


def test_an_estimate_lies_in_its_interval():
    with pytest.raises(ValueError, match="must lie in its interval, got 3 in 1 to 2"):
        Estimate(low=1, central=3, high=2)


@pytest.mark.parametrize("forecast", [ON_CPU, ON_GPUS, None])
def test_a_forecast_comes_back_as_it_was_written(tmp_path, forecast):
    write_forecast(tmp_path / "forecast.json", forecast)
    assert read_forecast(tmp_path / "forecast.json") == forecast


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"contract": "verdict"}, "must be a forecast of a training"),
        ({"format_version": 2}, "must have a format_version from 1 to 1, got 2"),
        ({"forecast": {"device": "cpu"}}, "is not usable"),
        ({"forecast": 3}, "is not usable"),
    ],
)
def test_a_file_that_is_no_forecast_is_refused(tmp_path, change, reason):
    path = tmp_path / "forecast.json"
    write_forecast(path, ON_CPU)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ContractError, match=reason):
        read_forecast(path)


def test_durations_are_shown_in_their_largest_unit():
    assert [shown_duration(value) for value in (0.25, 59, 90, 7200)] == ["0.25 s", "59 s", "1.5 min", "2 h"]


def test_the_table_names_what_is_paid_for():
    rows = {row[0]: row[1:] for row in forecast_rows(ON_GPUS, price_per_hour=2.0)}
    assert rows["10 epochs with start-up"] == ["16.8 min", "6.1 min", "20.1 min"]
    assert rows["GPU-hours"][0] == "1.12"
    assert rows["cost, in the currency of the price"][0] == "2.24"
    assert rows["peak memory of a GPU, GiB"][0] == "3"
    assert "GPU-hours" not in {row[0] for row in forecast_rows(ON_CPU, price_per_hour=None)}


def test_remarks_say_what_the_figures_leave_open():
    remarks = " ".join(forecast_remarks(ON_GPUS))
    assert "12 batches" in remarks
    assert "25% of the time" in remarks
    assert "after 4" in remarks
    assert "One of 4 processes" in remarks


def test_a_finished_training_is_compared_with_what_was_forecast_for_its_epochs():
    curves = [{"duration_s": 150.0, "cpu_s": 301.0}] * 2
    seconds, processor = compared_rows(ON_CPU, curves)
    assert seconds[1:] == ["201", "181 to 241", "300", "1.49"]
    assert processor[1:] == ["402", "302 to 442", "602", "1.50"]
