"""The champion gate on planted pairs, and what its verdicts say."""

import numpy as np
import pytest
from scipy.stats import binomtest

from components.model_analysis.gate.answered_pair import ClassPair, NumberPair
from components.model_analysis.gate.champion_comparison import compared_with_champion
from components.model_analysis.gate.champion_gate import (
    ComparedRows,
    judge_against_champion,
    no_baseline,
    nothing_to_compare,
)
from components.shared.contracts.target_spec import ERROR_METRICS, TargetSpec
from tests.components.model_analysis.gate.planted_pairs import CASES, differing, Planted


def pair_of(planted: Planted) -> ClassPair | NumberPair:
    if planted.metric in ERROR_METRICS:
        return NumberPair(labels=planted.labels, challenger=planted.challenger, champion=planted.champion)
    eye = np.eye(int(planted.labels.max()) + 1)
    sides = (eye[planted.challenger], eye[planted.champion])
    if planted.scores is not None:
        sides = tuple(np.column_stack([1 - score, score]) for score in planted.scores)
    return ClassPair(labels=planted.labels, challenger=sides[0], champion=sides[1], groups=planted.groups)


def judged(planted: Planted, **target):
    asked = TargetSpec(metric=planted.metric, **target)
    comparison = compared_with_champion(pair_of(planted), asked, slices=planted.slices)
    rows = ComparedRows(num_compared=len(planted.labels))
    return judge_against_champion(comparison, asked, champion="abc", rows=rows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_planted_harm_is_refused_and_its_healthy_twin_is_not(case) -> None:
    harmed, healthy = judged(case.make(True)), judged(case.make(False))
    assert not harmed.passed
    assert harmed.outcome == "blocked"
    assert [f for f in harmed.findings if f.severity == "blocking" and case.refused_for in f.message]
    assert healthy.passed, healthy.reason


def test_a_refusal_says_what_how_much_and_what_to_do() -> None:
    verdict = judged(CASES[0].make(True))
    assert verdict.reason == (
        "accuracy 0.88 on 10,000 test examples is 0.02 below that of the champion abc, 0.9 (95 % interval of the "
        "difference -0.0248 to -0.0152), worse by more than chance and the margin 0.01: look at the examples that "
        "only the champion answers right and train again, or raise target.margin"
    )
    finding = verdict.findings[0]
    assert (finding.name, finding.effect_size, finding.significant, finding.material) == (
        "worse_than_champion",
        pytest.approx(-0.02),
        True,
        True,
    )


def test_a_small_slice_is_too_small_to_judge_and_counted() -> None:
    case = next(case for case in CASES if case.name == "worse on a slice that is large enough")
    verdict = judged(case.make(False))
    assert "too small to judge, with their test examples: camera = new (60)" in [
        finding.message for finding in verdict.findings
    ]


def test_worse_within_the_margin_passes_with_a_warning_and_the_power_is_said() -> None:
    case = next(case for case in CASES if case.name == "worse beyond the margin")
    verdict = judged(case.make(False))
    assert [finding.name for finding in verdict.findings] == ["worse_within_margin"]
    assert verdict.remarks[0].startswith("the smallest loss of accuracy that is found in 80 % of the cases on 100,000")


def test_strict_asks_for_a_difference_that_is_shown_to_be_within_the_margin() -> None:
    rng = np.random.default_rng(0)
    few, many = (
        Planted(labels=np.ones(n, int), challenger=side[0].astype(int), champion=side[1].astype(int))
        for n, side in ((n, differing(n, disagree=0.06, worse=0.0, rng=rng)) for n in (400, 10_000))
    )
    assert judged(few).passed
    strict = judged(few, strict=True)
    assert strict.outcome == "insufficient_sample"
    assert "not shown to be within the margin 0.01: label more test examples" in strict.reason
    assert judged(many, strict=True).passed


def test_an_error_may_grow_by_a_share_of_the_champions() -> None:
    numbers = next(case for case in CASES if case.name == "numbers").make(True)
    assert not judged(numbers, margin=0.05).passed
    assert judged(numbers, margin=0.3).passed


def test_without_a_champion_the_verdict_says_that_the_target_alone_decides() -> None:
    verdict = no_baseline("pets has no champion yet")
    assert verdict.passed
    assert verdict.reason == "no baseline: pets has no champion yet, so the absolute target and the cheap model decide"


def test_nothing_left_to_compare_is_no_pass_and_says_what_to_do() -> None:
    verdict = nothing_to_compare(ComparedRows(num_compared=0, num_trained_on=7), "abc")
    assert verdict.outcome == "insufficient_sample"
    assert (
        "was fitted to all 7 labelled test examples: ingest again with split.like naming the champion's"
        in verdict.reason
    )
    assert verdict.remarks == ("7 test examples that the champion was trained on were left out",)
    assert "label examples of it" in nothing_to_compare(ComparedRows(num_compared=0), "abc").reason


def test_a_metric_that_is_undefined_is_no_pass() -> None:
    one_class = Planted(
        labels=np.ones(200, int), challenger=np.ones(200, int), champion=np.ones(200, int), metric="roc_auc"
    )
    verdict = judged(one_class)
    assert verdict.outcome == "insufficient_sample"
    assert "roc_auc is undefined on 200 test examples" in verdict.reason


@pytest.mark.parametrize(
    ("worse", "on_slice", "least", "most"), [(0.0, 0.0, 0.0, 0.1), (0.02, 0.0, 0.95, 1.0), (0.0, 0.02, 0.95, 1.0)]
)
def test_the_promised_rates_hold_on_200_draws(worse, on_slice, least, most) -> None:
    """2,000 draws: `python -m benchmarks.champion_gate`."""
    rng, refused = np.random.default_rng(20), 0
    slices = {"half = first": np.arange(10_000) < 5_000, "half = second": np.arange(10_000) >= 5_000}
    target = TargetSpec()
    for _ in range(200):
        only_champion = np.full(10_000, (0.06 + worse) / 2)
        only_champion[:5_000] += on_slice / 2
        kinds = rng.random(10_000)
        lost, won = kinds < only_champion, kinds > 1 - (0.06 - (only_champion * 2 - 0.06)) / 2
        sides = [np.column_stack([wrong, ~wrong]).astype(float) for wrong in (lost, won)]
        pair = ClassPair(labels=np.ones(10_000, int), challenger=sides[0], champion=sides[1])
        refused += bool(compared_with_champion(pair, target, slices=slices).refused())
    interval = binomtest(refused, 200).proportion_ci(0.95)
    assert interval.high >= least
    assert interval.low <= most
