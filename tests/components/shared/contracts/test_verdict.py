import json
import math
from pathlib import Path

import pytest

from components.shared.contracts.verdict import Finding, read_verdict, ResponsibleValue, Verdict, write_verdict
from components.shared.runtime.errors import ContractError

GOLDEN = Path(__file__).parent / "golden" / "verdict_v1.json"
FINDING = Finding(kind="quality", severity="note", message="나이가 비었다", column="나이", value=0.5)
DRIFT = Finding(
    kind="data_drift",
    severity="blocking",
    message="지역이 바뀌었다",
    subtype="feature",
    columns=("지역", "요금"),
    values=(ResponsibleValue(value="서울", reference_share=0.5, current_share=0.1),),
    num_reference=500,
    num_current=400,
    effect="total variation",
    effect_size=0.4,
    p_value=0.001,
    significant=True,
    material=True,
)
VERDICT = Verdict(check="validation", passed=True, reason="all is well", findings=(FINDING,))


def test_a_verdict_comes_back_as_it_was(tmp_path):
    write_verdict(tmp_path / "verdict.json", VERDICT)
    assert read_verdict(tmp_path / "verdict.json") == VERDICT


def test_a_difference_comes_back_with_both_keys_and_the_values_it_hangs_on(tmp_path):
    verdict = Verdict(
        check="comparison", passed=False, reason="drift", findings=(DRIFT, FINDING), remarks=("id takes no part",)
    )
    write_verdict(tmp_path / "verdict.json", verdict)
    assert read_verdict(tmp_path / "verdict.json") == verdict
    assert verdict.outcome == "blocked"


def test_too_few_rows_are_no_pass():
    with pytest.raises(ValueError, match="outcome must fit passed=True"):
        Verdict(check="comparison", passed=True, reason="", outcome="insufficient_sample")
    assert Verdict(check="x", passed=False, reason="", outcome="insufficient_sample").outcome == "insufficient_sample"


@pytest.mark.parametrize("wrong", [{"kind": "mood"}, {"severity": "fatal"}])
def test_an_unknown_kind_or_severity_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be one of"):
        Finding(**{"kind": "quality", "severity": "note", "message": "", **wrong})


def test_a_value_that_is_not_a_number_cannot_be_written(tmp_path):
    finding = Finding(kind="quality", severity="note", message="", value=math.nan)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_verdict(tmp_path / "verdict.json", Verdict(check="x", passed=True, reason="", findings=(finding,)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 3},
        {"format_version": None},
        {"findings": [{"kind": "mood", "severity": "note", "message": ""}]},
        {"findings": [{"kind": "quality"}]},
        {"findings": 3},
        {"extra": 1},
        {"passed": "false"},
        {"passed": None},
        {"reason": 5},
        {"outcome": "perhaps"},
        {"outcome": "blocked"},
    ],
    ids=str,
)
def test_a_verdict_that_does_not_fit_is_refused(tmp_path, change):
    path = tmp_path / "verdict.json"
    write_verdict(path, VERDICT)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}))
    with pytest.raises(ContractError, match=r"the verdict at .*verdict\.json must"):
        read_verdict(path)


def test_what_is_no_verdict_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="the verdict must be a JSON file"):
        read_verdict(tmp_path / "verdict.json")
    (tmp_path / "verdict.json").write_text("[]")
    with pytest.raises(ContractError, match="must be a JSON object, got list"):
        read_verdict(tmp_path / "verdict.json")


def test_version_1_still_loads():
    verdict = read_verdict(GOLDEN)
    assert (verdict.check, verdict.passed, verdict.reason) == ("validation", False, "column 'age' is gone")
    (finding,) = verdict.findings
    assert (finding.kind, finding.severity, finding.column) == ("schema_drift", "blocking", "age")
    assert (finding.name, finding.value, finding.threshold) == ("SCHEMA_MISSING_COLUMN", 0.5, 0.1)


def test_version_2_loads():
    verdict = read_verdict(GOLDEN.with_name("verdict_v2.json"))
    (finding,) = verdict.findings
    assert (verdict.outcome, verdict.remarks) == ("blocked", ("id takes no part: it is an identifier",))
    assert (finding.num_reference, finding.num_current, finding.effect_size) == (500, 400, 0.4)
    assert finding.values == (ResponsibleValue(value="north", reference_share=0.5, current_share=0.1),)


def test_the_words_of_a_verdict_quote_no_personal_data(tmp_path):
    value = ResponsibleValue(value="a@b.io", reference_share=0.5, current_share=0.1)
    finding = Finding(
        kind="quality", severity="note", message="got '010-1234-5678'", remedy="ask a@b.io", column="a", values=(value,)
    )
    verdict = Verdict(
        check="x", passed=False, reason="s3://key:pw@b/x has 900101-1234567", findings=(finding,), remarks=("a@b.io",)
    )
    assert verdict.reason == "s3://<secret>@b/x has <resident number>"
    write_verdict(tmp_path / "verdict.json", verdict)
    assert read_verdict(tmp_path / "verdict.json") == verdict
    text = (tmp_path / "verdict.json").read_text("utf-8")
    assert not any(planted in text for planted in ("a@b.io", "1234", "pw"))
