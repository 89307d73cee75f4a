"""The budget gate: sums, limits, and what is said when they are not kept."""

from dataclasses import replace

import pytest

from components.shared.contracts.problem import BudgetSpec
from components.training.cost.budget import budget_lines, parse_budget
from components.training.cost.forecast import Estimate, Forecast

HOUR_S = 3600.0
# Ten epochs of half an hour on two GPUs: five hours, ten GPU-hours; an upper end of six hours.
FORECAST = Forecast(
    device="cuda",
    num_processes=2,
    max_epochs=10,
    min_epochs=4,
    num_examples=1000,
    num_held_out=100,
    num_steps_measured=12,
    start_up_s=0.0,
    warm_up_s=0.0,
    warm_up_cpu_s=0.0,
    epoch_s=Estimate(low=0.4 * HOUR_S, central=0.5 * HOUR_S, high=0.6 * HOUR_S),
    epoch_cpu_s=Estimate(low=1.0, central=1.0, high=1.0),
    input_wait_share=0.0,
    memory_bytes=Estimate(low=1.0, central=1.0, high=1.0),
    gpu_memory_bytes=1,
)


def only_line(**limits):
    (line,) = budget_lines(FORECAST, BudgetSpec(**limits))
    return line


def test_the_section_of_the_problem_file_is_read():
    assert parse_budget("") == BudgetSpec()
    assert parse_budget('{"max_hours": 8, "candidates": 5}') == BudgetSpec(max_hours=8.0, candidates=5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{max_hours", "the budget must be YAML or JSON"),
        ('{"max_days": 1}', "the budget: unknown key 'budget.max_days'"),
        ('{"max_hours": 0}', r"budget\.max_hours must be a number above 0"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_budget(text)


def test_no_limit_holds_nothing_against_a_training():
    assert budget_lines(FORECAST, BudgetSpec(candidates=100)) == []


def test_a_training_within_its_budget_is_not_spoken_of():
    line = only_line(max_hours=6.0)
    assert line.finding is None
    figures = (line.estimate.low, line.estimate.central, line.estimate.high)
    assert figures == pytest.approx((1.6, 5.0, 6.0))


def test_a_forecast_beyond_the_limit_is_refused_with_its_sum():
    line = only_line(max_gpu_hours=20.0, candidates=5)
    assert line.factor == pytest.approx(2.5)
    assert line.arithmetic == "one training of 10 GPU-hours x 5 candidates"
    assert line.finding.severity == "blocking"
    assert line.finding.name == "budget.max_gpu_hours"
    assert line.finding.message == (
        "the forecast of 50 GPU-hours (16 to 60) is 2.5 times the budget of 20: "
        "one training of 10 GPU-hours x 5 candidates"
    )
    assert "raise budget.max_gpu_hours" in line.finding.remedy


def test_an_upper_end_beyond_the_limit_is_a_warning():
    line = only_line(max_hours=5.5)
    assert line.finding.severity == "warning"
    assert line.finding.message == (
        "the upper end of the forecast of 5 hours (1.6 to 6) is 1.1 times the budget of 5.5: one training of 10 epochs"
    )
    assert (line.finding.value, line.finding.threshold) == (pytest.approx(6.0), 5.5)


def test_hours_are_those_of_one_training_whatever_the_number_of_candidates():
    assert only_line(max_hours=6.0, candidates=50).finding is None


def test_money_is_gpu_hours_by_price_by_candidates():
    line = only_line(max_money=50.0, price_per_gpu_hour=3.0, candidates=2)
    assert line.estimate.central == pytest.approx(60.0)
    assert line.arithmetic == "one training of 10 GPU-hours x a price of 3 x 2 candidates"
    assert line.finding.severity == "blocking"


def test_on_a_cpu_the_node_is_paid_for_and_no_gpu():
    on_cpu = replace(FORECAST, device="cpu", num_processes=1, gpu_memory_bytes=None)
    gpu_hours, money = budget_lines(on_cpu, BudgetSpec(max_gpu_hours=1.0, max_money=9.0, price_per_gpu_hour=1.0))
    assert gpu_hours.finding is None
    assert gpu_hours.estimate.high == 0.0
    assert money.arithmetic == "one training of 5 hours of the node x a price of 1 x 1 candidate"


def test_every_limit_is_judged():
    lines = budget_lines(FORECAST, BudgetSpec(max_hours=1.0, max_gpu_hours=1.0, max_money=1.0, price_per_gpu_hour=1.0))
    assert [line.limit_name for line in lines] == ["max_hours", "max_gpu_hours", "max_money"]
    assert {line.finding.severity for line in lines} == {"blocking"}
