"""The page of a rollout says what was decided, why, and what the server said last."""

from components.deployment.rollout.record import RolloutRecord
from components.deployment.rollout.report import rollout_report, rollout_verdict
from components.shared.contracts.canary_settings import CanarySettings


def record(**given):
    made = RolloutRecord(
        run="r",
        namespace="live",
        model_name="pets",
        version="0123",
        kind="first",
        former=None,
        former_version=None,
        earlier=None,
        canary_name=None,
        started_at="2026-05-01T10:00:00+00:00",
        **given,
    )
    return made.decided("rolled back", "it must become ready, but is not", log_end="ValueError: <damaged>")


def test_a_failed_rollout_shows_its_reason_and_the_servers_last_lines(tmp_path):
    rollout_report(record(), CanarySettings()).write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "rolled back: it must become ready, but is not" in page
    assert "ValueError: &lt;damaged&gt;" in page
    assert "2026-05-01 10:00" in page
    verdict = rollout_verdict(record())
    assert (verdict.passed, verdict.findings[0].severity) == (False, "blocking")


def test_the_audit_tells_all_but_what_only_the_judge_can_use():
    told = record(seen={"judge": {}}).audit()
    assert "seen" not in told
    assert (told["decision"], told["format_version"]) == ("rolled back", 1)
