"""What the cheap model means for the verdict."""

from dataclasses import replace
import math
from typing import Any

import pytest

from components.drift.paired_shares import PairedDifference
from components.model_analysis.baseline.baseline_gate import NOT_BETTER, with_baseline
from components.model_analysis.baseline.comparison import BaselineComparison, Opponent
from components.model_analysis.gate.smoke_gate import judge_smoke
from components.shared.contracts.target_spec import TargetSpec
from components.shared.contracts.verdict import Finding, Verdict

PASSED = Verdict(check="analysis", passed=True, reason="accuracy 0.900 is at least the minimum 0.8")
ASKED = TargetSpec(beat_baseline=True)


def opponent(
    cheap: float,
    low: float,
    high: float,
    *,
    metric: str = "accuracy",
    model: float = 0.9,
    name: str = "trees on the same 3 columns",
) -> Opponent:
    found = PairedDifference(
        num_examples=1000,
        challenger=model,
        champion=cheap,
        difference=model - cheap if metric == "accuracy" else cheap - model,
        low=low,
        high=high,
        p_value=0.001 if high < 0 else 0.9,
        error=math.nan,
    )
    return Opponent(name=name, found=found, p_value=0.001 if low > 0 else 0.9)


def beside(*figures: float, **how: Any) -> BaselineComparison:
    return BaselineComparison(metric=how.get("metric", "accuracy"), cheap=opponent(*figures, **how))


def test_a_better_model_passes_and_the_reason_says_by_how_much_only_where_it_was_asked() -> None:
    verdict = with_baseline(PASSED, beside(0.85, 0.03, 0.07), TargetSpec())
    assert (verdict.reason, verdict.findings) == (PASSED.reason, ())
    assert verdict.remarks[0].startswith("accuracy 0.9 on 1,000 test examples is 0.05 above that of a cheap model")
    asked = with_baseline(PASSED, beside(0.85, 0.03, 0.07), ASKED)
    assert asked.passed
    assert asked.reason == f"{PASSED.reason}; {verdict.remarks[0]}"


def test_a_model_that_is_not_better_is_warned_of_and_passes() -> None:
    verdict = with_baseline(PASSED, beside(0.89, -0.01, 0.03), TargetSpec())
    assert verdict.passed
    [finding] = verdict.findings
    assert (finding.severity, finding.name, finding.effect_size) == ("warning", NOT_BETTER, pytest.approx(0.01))
    assert "label more test examples" in finding.remedy


def test_a_refusal_is_one_sentence_that_says_what_to_do() -> None:
    verdict = with_baseline(PASSED, beside(0.95, -0.07, -0.03), ASKED)
    assert (verdict.passed, verdict.outcome) == (False, "blocked")
    assert verdict.reason == (
        "accuracy 0.9 on 1,000 test examples is 0.05 below that of a cheap model, trees on the same 3 columns, 0.95 "
        "(95 % interval of the difference -0.0700 to -0.0300), worse by more than chance: ship the cheap model, or "
        "look at the mistakes and train a better one, or set target.beat_baseline to false"
    )


def test_not_shown_to_be_better_is_too_small_a_sample_not_worse() -> None:
    verdict = with_baseline(PASSED, beside(0.89, 0.0, 0.03), ASKED)
    assert (verdict.passed, verdict.outcome) == (False, "insufficient_sample")
    assert "no better by more than chance" in verdict.reason


def test_of_an_error_less_is_better() -> None:
    verdict = with_baseline(PASSED, beside(3.0, -0.9, -0.4, metric="rmse", model=3.5), TargetSpec(metric="rmse"))
    assert verdict.findings[0].message.startswith("rmse 3.5 on 1,000 test examples is 0.5 above that of a cheap model")
    assert "worse by more than chance" in verdict.findings[0].message


def test_a_verdict_that_refuses_keeps_its_reason_and_says_more() -> None:
    missed = Finding(kind="quality", severity="blocking", message="too low", name="target_missed")
    note = Finding(kind="quality", severity="note", message="some have no label", name="unlabelled")
    failed = Verdict(check="analysis", passed=False, reason="too low", findings=(missed, note))
    for target, severity in ((TargetSpec(), "warning"), (ASKED, "blocking")):
        verdict = with_baseline(failed, beside(0.95, -0.07, -0.03), target)
        assert (verdict.passed, verdict.reason) == (False, "too low")
        assert [finding.severity for finding in verdict.findings] == ["blocking", severity, "note"]


def test_without_a_cheap_model_only_a_target_that_asks_for_one_refuses() -> None:
    none = BaselineComparison(metric="accuracy", why_none="the example table holds no training row")
    quiet = with_baseline(PASSED, none, TargetSpec())
    assert (quiet.passed, quiet.findings) == (True, ())
    assert quiet.remarks == ("no cheap model to compare with: the example table holds no training row",)
    asked = with_baseline(PASSED, none, ASKED)
    assert (asked.passed, asked.outcome) == (False, "insufficient_sample")
    assert "label training and test examples" in asked.reason


def test_a_smoke_run_is_neither_refused_nor_warned() -> None:
    for target in (TargetSpec(), ASKED):
        verdict = judge_smoke(with_baseline(PASSED, beside(0.95, -0.07, -0.03), target), num_examples=10)
        assert verdict.passed
        assert [finding.severity for finding in verdict.findings] == ["note"]


def test_a_model_that_only_beats_a_cheap_one_that_learnt_nothing_is_warned_of() -> None:
    constant = opponent(0.9, -0.01, 0.01, name="always 'cat'")
    comparison = replace(beside(0.8, 0.06, 0.14), constant=constant)
    [finding] = with_baseline(PASSED, comparison, TargetSpec()).findings
    assert "a cheap model, always 'cat', 0.9" in finding.message
    beaten = replace(comparison, constant=opponent(0.5, 0.3, 0.5))
    assert with_baseline(PASSED, beaten, TargetSpec()).findings == ()
