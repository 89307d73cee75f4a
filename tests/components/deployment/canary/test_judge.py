import dataclasses
import json

import numpy as np
import pytest

from benchmarks.canary_judge import CLASSES, counts, Release, requests_until_rollback, STABLE
from components.deployment.canary.judge import CanaryJudge
from components.deployment.canary.replayed_traffic import BUCKETS_S
from components.deployment.canary.side_counts import SideCounts
from components.shared.contracts.canary_settings import CanarySettings
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings import parse_settings


def ended(canary, seed, *, settings=None, block=50):
    """The decision that ends a canary, and the percents it went through."""
    rng = np.random.default_rng(seed)
    judge = CanaryJudge(settings or CanarySettings(requests_a_step=100), CLASSES)
    percents = [judge.percent]
    while True:
        num_canary = int(rng.binomial(block, percents[-1] / 100))
        decision = judge.judge(counts(canary, num_canary, rng), counts(STABLE, block - num_canary, rng))
        percents.append(decision.percent)
        if decision.action in ("promote", "roll back"):
            return decision, list(dict.fromkeys(percents))


def test_an_equal_canary_climbs_its_steps_and_is_promoted():
    decision, percents = ended(STABLE, 0)
    assert (decision.action, percents) == ("promote", [5, 20, 50, 100])
    assert decision.reason.startswith("nothing spoke against it in ")


@pytest.mark.parametrize(
    ("canary", "why"),
    [
        (Release(error_rate=0.3), "errors: "),
        (Release(seconds=0.06), "latency: "),
        (Release(shares=(0.05, 0.05, 0.9)), "predictions: "),
        (Release(wrong_rate=0.95), "wrong answers: "),
    ],
)
def test_a_bad_canary_is_rolled_back_for_what_is_bad_about_it(canary, why):
    decision, percents = ended(canary, 1, settings=CanarySettings(steps=(20,), requests_a_step=5_000))
    assert (decision.action, percents) == ("roll back", [20, 0])
    assert decision.reason.startswith(why)
    assert " of the stable release; by chance at most 5% of equal canaries are rolled back" in decision.reason


def test_the_benchmark_stops_many_errors_early_and_equal_canaries_seldom():
    rngs = np.random.default_rng(0).spawn(4)
    few = {"requests": 1_500, "percent": 20, "block": 50}
    assert [requests_until_rollback(STABLE, rng, **few) for rng in rngs].count(None) >= 3
    assert all((requests_until_rollback(Release(error_rate=0.3), rng, **few) or 1e9) <= 550 for rng in rngs)


def test_the_chances_of_all_that_is_watched_add_up():
    bounds = CanaryJudge(CanarySettings(), CLASSES).bounds
    assert sum(np.exp(-np.array(list(bounds.values())))) == pytest.approx(0.05)
    assert np.exp(-bounds["errors"]) == pytest.approx(0.04)


def test_classes_that_nobody_named_count_together():
    judge = CanaryJudge(CanarySettings(), ["a"])
    for _ in range(30):
        decision = judge.judge(
            SideCounts(requests=20, predictions={"x": 10, "y": 10}), SideCounts(requests=20, predictions={"a": 20})
        )
    assert decision.action == "roll back"
    assert "predictions: " in decision.reason


def test_nothing_is_slow_before_the_stable_side_has_answered():
    judge = CanaryJudge(CanarySettings(), CLASSES)
    slow = SideCounts(requests=50, seconds={BUCKETS_S[-1]: 50})
    assert judge.judge(slow, SideCounts(requests=5, seconds={0.01: 5})).action == "wait"
    assert judge.evidence["latency"] == 0.0


def test_a_judge_that_is_killed_goes_on_from_its_state():
    rng = np.random.default_rng(4)
    blocks = [(counts(Release(seconds=0.021), 20, rng), counts(STABLE, 80, rng)) for _ in range(12)]
    whole, first, second = (CanaryJudge(CanarySettings(requests_a_step=100), CLASSES) for _ in range(3))
    said = [whole.judge(*block) for block in blocks]
    for block in blocks[:7]:
        first.judge(*block)
    second.restore(json.loads(json.dumps(first.state())))
    assert [second.judge(*block) for block in blocks[7:]] == said[7:]
    assert second.evidence == whole.evidence
    with pytest.raises(ValueError, match="the state must be of one of 1 steps, got 2"):
        CanaryJudge(CanarySettings(steps=(5,)), CLASSES).restore(first.state())
    with pytest.raises(ValueError, match="the state must be of the kinds"):
        CanaryJudge(CanarySettings(), ["a"]).restore(first.state())


def test_counts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="errors must be at most requests, 3, got 4"):
        SideCounts(requests=3, errors=4)
    with pytest.raises(ValueError, match="wrong must be at most labelled, 0, got 1"):
        SideCounts(requests=3, wrong=1)
    with pytest.raises(ValueError, match="counts must be 0 or more"):
        SideCounts(requests=3, predictions={"a": -1})


def test_settings_are_read_and_steps_must_rise():
    assert parse_settings(CanarySettings, "steps: [10, 50]", where="deploy").steps == (10, 50)
    with pytest.raises(ContractError, match="steps must rise, got 20, 5"):
        parse_settings(CanarySettings, "steps: [20, 5]", where="deploy")
    with pytest.raises(ContractError, match="tolerated_errors"):
        parse_settings(CanarySettings, "tolerated_errors: 0.5", where="deploy")
    assert dataclasses.replace(CanarySettings(), requests_a_step=1).requests_a_step == 1
