import pytest

from components.model_analysis.gate.smoke_gate import judge_smoke
from components.shared.contracts.verdict import Finding, Verdict

MISSED = Finding(kind="quality", severity="blocking", message="accuracy 0.097 is below 0.9", name="target_missed")
SMALL = Finding(kind="quality", severity="warning", message="few examples", name="few_test_examples")
WEAK = Finding(kind="quality", severity="warning", message="weak", name="no_better_than_majority")


def test_a_smoke_run_passes_where_the_model_could_be_evaluated_and_says_what_a_full_run_would():
    verdict = judge_smoke(
        Verdict(check="analysis", passed=False, reason="accuracy 0.097 is below 0.9", findings=(MISSED, WEAK, SMALL)),
        num_examples=20,
    )
    assert verdict.passed
    assert verdict.reason.startswith("a smoke run: the model was evaluated, not judged")
    assert verdict.reason.endswith("accuracy 0.097 is below 0.9")
    assert [finding.severity for finding in verdict.findings] == ["note", "note", "warning"]


@pytest.mark.parametrize("passed", [True, False])
def test_without_a_test_example_nothing_ran_and_the_verdict_stands(passed):
    verdict = Verdict(check="analysis", passed=passed, reason="nothing to judge")
    assert judge_smoke(verdict, num_examples=0) is verdict
