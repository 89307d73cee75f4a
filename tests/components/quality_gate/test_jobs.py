"""The gate."""

from kfp import dsl
import pytest

from components.quality_gate.component import quality_gate as face
from components.quality_gate.jobs import quality_gate
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.errors import ContractError, QualityGateError


def test_a_passed_verdict_lets_the_run_go_on(tmp_path):
    write_verdict(tmp_path / "verdict.json", Verdict(check="validation", passed=True, reason="no anomaly"))
    quality_gate(verdict_path=tmp_path / "verdict.json")


def test_a_failed_verdict_stops_the_run_with_its_reason(tmp_path):
    write_verdict(tmp_path / "verdict.json", Verdict(check="analysis", passed=False, reason="accuracy 0.5 below 0.9"))
    with pytest.raises(QualityGateError, match=r"^analysis: accuracy 0\.5 below 0\.9$"):
        quality_gate(verdict_path=tmp_path / "verdict.json")


def test_the_face_stops_the_run_too(tmp_path):
    write_verdict(tmp_path / "verdict.json", Verdict(check="smoke", passed=False, reason="no gradient"))
    with pytest.raises(QualityGateError, match="smoke: no gradient"):
        face.python_func(dsl.Artifact(uri=str(tmp_path / "verdict.json")))


def test_a_missing_verdict_is_no_pass(tmp_path):
    with pytest.raises(FileNotFoundError, match="verdict"):
        quality_gate(verdict_path=tmp_path / "verdict.json")


def test_another_file_is_no_verdict(tmp_path):
    (tmp_path / "verdict.json").write_text('{"passed": true}')
    with pytest.raises(ContractError, match="format_version"):
        quality_gate(verdict_path=tmp_path / "verdict.json")
