"""The gate where the label is a number: an error takes a maximum, R2 a minimum, else a constant must be beaten."""

import numpy as np
import pytest

from components.model_analysis.gate.number_gate import judge_numbers
from components.model_analysis.gate.target_gate import LeftOut
from components.model_analysis.metrics.regression import evaluate_numbers
from components.shared.contracts.target_spec import parse_target, TargetSpec

LABELS = np.array([0.0, 10.0, 20.0, 30.0])
GOOD = evaluate_numbers(LABELS, LABELS + np.array([1.0, -1.0, 1.0, -1.0]))


def judged(evaluation, **target):
    return judge_numbers(evaluation, TargetSpec(**target), left_out=LeftOut())


@pytest.mark.parametrize(
    ("target", "passed", "reason"),
    [
        ({"metric": "rmse", "maximum": 1.5}, True, "rmse 1.000 on 4 test examples is at most the maximum 1.5"),
        ({"metric": "rmse", "maximum": 0.5}, False, "rmse 1.000 on 4 test examples is above the maximum 0.5"),
        ({"metric": "mae", "maximum": 1.0}, True, "mae 1.000 on 4 test examples is at most the maximum 1"),
        ({"metric": "r2", "minimum": 0.9}, True, "r2 0.992 on 4 test examples is at least the minimum 0.9"),
        ({"metric": "r2", "minimum": 0.999}, False, "r2 0.992 on 4 test examples is below the minimum 0.999"),
        ({"metric": "rmse"}, True, "is better than always answering their mean, which gives 11.180"),
        ({"metric": "mae"}, True, "is better than always answering their median, which gives 10.000"),
    ],
)
def test_the_gate_holds_the_metric_against_its_limit(target, passed, reason):
    verdict = judged(GOOD, **target)
    assert verdict.passed is passed
    assert reason in verdict.reason
    assert bool(verdict.findings) is not passed


def test_a_model_that_is_no_better_than_a_constant_does_not_pass():
    bad = evaluate_numbers(LABELS, LABELS[::-1])
    verdict = judged(bad, metric="rmse")
    assert not verdict.passed
    assert "is no better than always answering their mean" in verdict.reason
    lax = judged(bad, metric="rmse", maximum=100.0)
    assert lax.passed
    assert [finding.name for finding in lax.findings] == ["no_better_than_constant"]


def test_nothing_can_be_judged_without_examples_or_with_one_label():
    assert "holds no labelled example" in judged(evaluate_numbers(np.empty(0), np.empty(0)), metric="r2").reason
    for metric in ("r2", "rmse", "mae"):
        assert "have one label" in judged(evaluate_numbers(np.full(4, 2.0), LABELS), metric=metric).reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"metric": "rmse", "minimum": 0.5}', "target.minimum must be absent for rmse, which takes a maximum"),
        ('{"metric": "accuracy", "maximum": 0.5}', "target.maximum must be absent for accuracy, which takes a minimum"),
        ('{"metric": "r2", "maximum": 0.5}', "target.maximum must be absent for r2, which takes a minimum"),
        ('{"metric": "mae", "maximum": -1}', "target.maximum must be a number of at least 0, got -1"),
    ],
)
def test_a_limit_on_the_wrong_side_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_target(text)


def test_a_target_is_of_the_models_task():
    assert TargetSpec().for_task(is_regression=True) == TargetSpec(metric="rmse")
    assert TargetSpec().for_task(is_regression=False) == TargetSpec()
    with pytest.raises(ValueError, match="must be one of rmse, mae, r2 where the label is a number, got 'accuracy'"):
        TargetSpec(minimum=0.9).for_task(is_regression=True)
    with pytest.raises(ValueError, match=r"must be one of accuracy, .* where the label is a class, got 'mae'"):
        TargetSpec(metric="mae").for_task(is_regression=False)


def test_strict_holds_the_worse_end_of_the_interval_against_the_limit():
    evaluation = evaluate_numbers(np.arange(200.0), np.arange(200.0) + np.random.default_rng(0).normal(0, 1, 200))
    limit = evaluation.metrics["rmse"] * 1.01
    assert judged(evaluation, metric="rmse", maximum=limit).passed
    verdict = judged(evaluation, metric="rmse", maximum=limit, strict=True)
    assert not verdict.passed
    assert verdict.reason.startswith(
        f"the worse end {evaluation.metrics['rmse_high']:.3f} of the 95 % interval of rmse"
    )
    assert judged(evaluation, metric="rmse", maximum=2.0, strict=True).passed
    assert judged(evaluation, metric="r2", strict=True).passed
