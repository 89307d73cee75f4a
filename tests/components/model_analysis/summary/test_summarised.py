import pytest

from components.model_analysis.summary.summarised import joint_verdict, summarised
from components.shared.contracts.analysis_summary import (
    GroupFigure,
    read_analysis_summary,
    Weakness,
    write_analysis_summary,
)
from components.shared.contracts.verdict import Finding, Verdict
from components.shared.runtime.errors import ContractError


def verdict(check, reason, *findings, **said):
    return Verdict(check=check, passed=said.pop("passed", True), reason=reason, findings=findings, **said)


def finding(severity, message):
    return Finding(kind="quality", severity=severity, message=message, remedy=f"mend {message}")


GOOD = verdict("analysis", "accuracy 0.9 reaches 0.8", finding("warning", "rare classes"), finding("note", "a note"))


def test_an_analysis_passes_where_every_check_does_and_says_the_first_ones_reason():
    joint = joint_verdict({"target": GOOD, "champion": verdict("champion", "no baseline", remarks=("first",))})
    assert (joint.passed, joint.check, joint.reason) == (True, "whole analysis", "accuracy 0.9 reaches 0.8")
    assert joint.remarks == ("first",)


def test_every_refusal_is_named_and_what_blocks_comes_first():
    refused = verdict("fairness", "women are found less often", finding("blocking", "sex"), passed=False)
    unclear = verdict("champion", "too few rows", passed=False, outcome="insufficient_sample")
    joint = joint_verdict({"target": GOOD, "champion": unclear, "fairness": refused})
    assert (joint.passed, joint.outcome) == (False, "blocked")
    assert joint.reason == "too few rows; women are found less often"
    assert [item.severity for item in joint.findings] == ["blocking", "warning", "note"]
    assert joint_verdict({"target": GOOD, "champion": unclear}).outcome == "insufficient_sample"


def test_refusals_come_first_then_what_blocks_then_weaknesses_then_warnings():
    refused = verdict("fairness", "women are found less often", finding("blocking", "sex"), passed=False)
    unclear = verdict("champion", "too few rows", passed=False, outcome="insufficient_sample")
    checks = {"target": GOOD, "champion": unclear, "fairness": refused}
    summary = summarised(checks, weaknesses=[Weakness(sentence="dark photos")])
    assert [item.sentence for item in summary.weaknesses] == [
        "too few rows",
        "sex",
        "dark photos",
        "rare classes",
    ]
    assert [item.check for item in summary.weaknesses] == ["champion", "fairness", "", "target"]
    assert [(check.name, check.passed) for check in summary.checks] == [
        ("target", True),
        ("champion", False),
        ("fairness", False),
    ]


def test_a_summary_is_read_as_it_was_written(tmp_path):
    group = GroupFigure(column="sex", group="f", measure="accuracy", num_examples=3, value=0.5, low=None, high=None)
    summary = summarised({"target": GOOD}, weaknesses=[], groups=[group], cannot_see=["dialects"])
    write_analysis_summary(tmp_path / "summary.json", summary)
    assert read_analysis_summary(tmp_path / "summary.json") == summary


@pytest.mark.parametrize("text", ["[]", '{"format_version": 1, "passed": true}', '{"format_version": 99}'])
def test_what_is_no_summary_is_refused(tmp_path, text):
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(ContractError, match="analysis summary"):
        read_analysis_summary(tmp_path / "summary.json")
