"""What a short training measures: known costs are found, and a real one is scaled to its whole size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.training.cost.forecast_interval import epoch_cost
from components.training.cost.forecast_measurement import forecast_training, short_config
from components.training.cost.step_meter import EpochCosts
from components.training.recipes import full

CPU = torch.device("cpu")
EXAMPLE, HELD_OUT, REST, SET_UP = (np.array(cost) for cost in ([0.01, 0.02], [0.004, 0.008], [0.5, 0.25], [0.3, 0.1]))


def epoch(num_steps, num_held_out_batches, *, noise=0.0):
    """An epoch of known costs, 32 examples a batch; the first batch of each kind takes a set-up more."""
    steps = [(32, 32 * EXAMPLE * (1 + noise * (-1) ** step) + SET_UP * (step == 0)) for step in range(num_steps)]
    held_out = [(32, 32 * HELD_OUT + SET_UP * (step == 0)) for step in range(num_held_out_batches)]
    total = sum(cost for _, cost in [*steps, *held_out]) + REST
    return EpochCosts(began=np.zeros(2), steps=steps, held_out=held_out), total


def test_costs_of_an_example_and_of_an_epoch_are_told_apart():
    epochs, totals = zip(epoch(5, 3), epoch(5, 3), strict=True)
    cost = epoch_cost(epochs, np.stack(totals))
    assert cost.example == pytest.approx(EXAMPLE)
    assert cost.held_out == pytest.approx(HELD_OUT)
    assert cost.rest == pytest.approx(REST + 2 * SET_UP)


def test_an_epoch_of_another_size_is_what_its_examples_and_the_rest_take():
    epochs, totals = zip(epoch(5, 3), epoch(5, 3), strict=True)
    seconds, processor = epoch_cost(epochs, np.stack(totals)).of(10_000, 1_000)
    assert seconds.central == pytest.approx(10_000 * 0.01 + 1_000 * 0.004 + 0.5 + 0.6)
    assert processor.central == pytest.approx(10_000 * 0.02 + 1_000 * 0.008 + 0.25 + 0.2)


def test_the_interval_is_a_tenth_at_least_and_grows_with_the_spread_of_the_steps():
    calm, _ = epoch_cost(*_pair(noise=0.0)).of(10_000, 0)
    assert calm.high == pytest.approx(1.1 * calm.central)
    assert calm.low == pytest.approx(0.9 * calm.central)
    noisy, _ = epoch_cost(*_pair(noise=0.8)).of(10_000, 0)
    assert noisy.high - noisy.central > 2 * (calm.high - calm.central)


def _pair(*, noise):
    epochs, totals = zip(epoch(5, 3, noise=noise), epoch(5, 3, noise=noise), strict=True)
    return epochs, np.stack(totals)


def test_without_held_out_rows_they_cost_nothing():
    epochs, totals = zip(epoch(4, 0), epoch(4, 0), strict=True)
    assert epoch_cost(epochs, np.stack(totals)).held_out == pytest.approx(np.zeros(2))


def test_one_batch_an_epoch_is_measured_too():
    epochs, totals = zip(epoch(1, 1), epoch(1, 1), strict=True)
    seconds, _ = epoch_cost(epochs, np.stack(totals)).of(32, 32)
    assert seconds.central == pytest.approx(totals[0][0])


@pytest.mark.parametrize("num_examples", [30, 300, 3_000, 30_000])
@pytest.mark.parametrize("num_processes", [1, 4])
def test_a_few_steps_are_as_large_as_those_of_the_full_run(num_examples, num_processes):
    config = full(BackboneConfig(name="char_ngrams"))
    short = short_config(config, num_examples, num_processes=num_processes, num_steps=3)
    step = config.step_size(num_examples)
    assert short.step_size(short.max_examples) == -(-step // num_processes)
    assert short.max_examples == min(3 * short.batch_size, num_examples)


def test_a_training_that_sleeps_is_forecast_to_sleep_for_every_batch(stripes_store, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    monkeypatch.setenv(ALLOWED_VARIABLE, "planted_models:build")
    sleepy = full(BackboneConfig(name="planted_models:build", options={"bug": "Sleepy"}))
    config = replace(sleepy, max_epochs=7, patience_epochs=2, batch_size=8, augment=False)
    forecast = forecast_training(FeatureStore(stripes_store), config, seed=0, device=CPU)
    # 80 examples to learn from and 20 held out are 10 and 2.5 batches of a twentieth of a second.
    assert forecast.epoch_s.central > 12.5 * 0.05
    assert forecast.duration_s.high > 7 * 12.5 * 0.05
    assert (forecast.max_epochs, forecast.min_epochs) == (7, 3)
    assert (forecast.num_examples, forecast.num_held_out) == (80, 20)
    assert forecast.num_gpus == 0
    assert forecast.gpu_memory_bytes is None
    assert 0.0 <= forecast.input_wait_share <= 1.0
    assert forecast.memory_bytes.high > forecast.memory_bytes.central > 1 << 20


def test_processes_share_the_examples(stripes_store):
    config = replace(full(BackboneConfig(name="small_cnn")), num_processes=2, num_nodes=2)
    forecast = forecast_training(FeatureStore(stripes_store), config, seed=0, device=CPU)
    assert forecast.num_processes == 4
    assert forecast.cpu_s.central == pytest.approx(4 * forecast.learning_cpu_s(config.max_epochs).central)


@pytest.mark.gpu
def test_a_gpus_memory_and_hours_are_forecast(stripes_store):
    config = replace(full(BackboneConfig(name="small_cnn")), num_processes=1)
    forecast = forecast_training(FeatureStore(stripes_store), config, seed=0, device=torch.device("cuda"))
    assert forecast.gpu_memory_bytes > 0
    assert forecast.gpu_hours.central == pytest.approx(forecast.duration_s.central / 3600)
