"""The gate."""

from contextlib import nullcontext

from kfp import dsl
import pytest

from components.quality_gate.component import quality_gate as face
from components.quality_gate.jobs import quality_gate
from components.shared.contracts.run_record import kept_steps
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.errors import ContractError, QualityGateError


def test_a_passed_verdict_lets_the_run_go_on(tmp_path):
    write_verdict(tmp_path / "verdict.json", Verdict(check="validation", passed=True, reason="no anomaly"))
    quality_gate(verdict_path=tmp_path / "verdict.json")


def test_a_failed_verdict_stops_the_run_with_its_reason(tmp_path):
    write_verdict(tmp_path / "verdict.json", Verdict(check="analysis", passed=False, reason="accuracy 0.5 below 0.9"))
    with pytest.raises(QualityGateError, match=r"^analysis: accuracy 0\.5 below 0\.9$"):
        quality_gate(verdict_path=tmp_path / "verdict.json")


def test_on_a_cluster_the_face_keeps_what_the_check_made_before_it_stops_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    write_verdict(tmp_path / "verdict.json", Verdict(check="smoke", passed=False, reason="no gradient"))
    (tmp_path / "report.html").write_text("the report")
    made = {
        "verdict": dsl.Artifact(uri=str(tmp_path / "verdict.json")),
        "report": dsl.HTML(uri=str(tmp_path / "report.html")),
        "metrics": dsl.Metrics(uri=str(tmp_path / "metrics.json")),
    }
    with pytest.raises(QualityGateError, match="smoke: no gradient"):
        face.python_func(step="smoke test", **made)
    (kept,) = kept_steps(tmp_path / "runs" / "7d0c")
    assert kept.step == "smoke test"
    # A check that was ended before it had metrics has none.
    assert set(kept.files) == {"verdict", "report"}
    assert kept.files["report"].read_text() == "the report"


THIS, OTHER, EXECUTION = (f"{digit * 8}-0000-4000-8000-00000000000{digit}" for digit in "123")


@pytest.mark.parametrize(
    ("place", "is_cached"),
    [(f"pluszero-training/{THIS}/smoke-test/{EXECUTION}", False), (OTHER, True), ("made", False)],
)
def test_what_came_from_kfps_cache_is_kept_as_such(tmp_path, monkeypatch, place, is_cached):
    monkeypatch.setenv("PLUSZERO_RUN_ID", THIS)
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    verdict = tmp_path / place / "verdict.json"
    verdict.parent.mkdir(parents=True)
    write_verdict(verdict, Verdict(check="smoke", passed=True, reason="it learns"))
    quality_gate(verdict_path=verdict, step="smoke test")
    (kept,) = kept_steps(tmp_path / "runs" / THIS)
    assert kept.facts.get("from_cache", False) is is_cached


@pytest.mark.parametrize("passed", [True, False])
def test_a_workspace_that_cannot_be_written_changes_no_outcome(tmp_path, monkeypatch, passed):
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    (tmp_path / "runs").write_text("a file where the folder should be")
    write_verdict(tmp_path / "verdict.json", Verdict(check="analysis", passed=passed, reason="accuracy 0.1"))
    with nullcontext() if passed else pytest.raises(QualityGateError, match=r"^analysis: accuracy 0\.1$"):
        quality_gate(verdict_path=tmp_path / "verdict.json", step="evaluate model")


def test_a_missing_verdict_is_no_pass(tmp_path):
    with pytest.raises(FileNotFoundError, match="verdict"):
        quality_gate(verdict_path=tmp_path / "verdict.json")


def test_another_file_is_no_verdict(tmp_path):
    (tmp_path / "verdict.json").write_text('{"passed": true}')
    with pytest.raises(ContractError, match="format_version"):
        quality_gate(verdict_path=tmp_path / "verdict.json")
