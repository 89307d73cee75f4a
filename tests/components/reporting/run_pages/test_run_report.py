"""Summary and page of a run, whatever happened."""

from dataclasses import replace

import pytest

from components.reporting.page import Report
from components.reporting.run_pages.labelling_run_summary import LabellingRunSummary
from components.reporting.run_pages.run_report import write_run
from components.reporting.run_pages.step import Step
from components.reporting.run_pages.training_run_summary import TrainingRunSummary
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json

TRAINING = TrainingRunSummary(source="photos")


@pytest.fixture
def smoke_step(tmp_path):
    report = Report("Smoke test")
    report.paragraph("every check with <what> it measured")
    report.write(tmp_path / "smoke.html")
    write_verdict(tmp_path / "smoke.json", Verdict(check="smoke", passed=False, reason="no gradient"))
    outputs = {"smoke_report": str(tmp_path / "smoke.html"), "smoke_verdict": str(tmp_path / "smoke.json")}
    return Step(
        name="smoke test", log=tmp_path / "smoke.log", status="succeeded", cached=False, duration_s=1.5, outputs=outputs
    )


def test_a_failed_gate_is_in_summary_and_page(tmp_path, smoke_step):
    gate = Step(
        name="gate: smoke", log=tmp_path / "gate.log", status="failed", cached=False, error="smoke: no gradient"
    )
    gate.log.write_text("Traceback\nQualityGateError: smoke: no gradient\n")
    summary = write_run([smoke_step, gate], run_dir=tmp_path, run_summary=TRAINING, error="gate: smoke: no gradient")
    assert summary["passed"] is False
    assert summary["gates"] == [{"name": "smoke", "passed": False, "reason": "no gradient"}]
    assert summary["model_dir"] is None
    assert [step["status"] for step in summary["steps"]] == ["succeeded", "failed"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "every check with &lt;what&gt; it measured" in page
    assert "QualityGateError: smoke: no gradient" in page


def test_a_candidate_that_does_not_go_on_stops_no_run(tmp_path, smoke_step):
    candidate = replace(smoke_step, name="evaluate trained on")
    summary = write_run([candidate], run_dir=tmp_path, run_summary=TRAINING, error="")
    assert summary["passed"] is True
    assert summary["gates"] == []


def test_a_round_of_labelling_says_what_to_do_with_its_queue(tmp_path, smoke_step):
    write_json(tmp_path / "chosen.json", {"num_requests": 120.0})
    chosen = Step(
        name="choose examples", log=tmp_path / "log", status="succeeded",
        outputs={"selection_metrics": str(tmp_path / "chosen.json")},
    )  # fmt: skip
    proposed = replace(smoke_step, name="write pseudo labels")
    round_of = LabellingRunSummary(examples="s3://b/examples", model="s3://b/model", queue="s3://b/queue")
    summary = write_run([chosen, proposed], run_dir=tmp_path, run_summary=round_of, error="")
    assert (summary["passed"], summary["gates"], summary["queue"]) == (True, [], "s3://b/queue")
    assert "pluszero learn --queue s3://b/queue" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert round_of.lines(summary)["asked"] == "120 examples"


def test_a_table_that_no_step_has_ingested_has_the_size_that_its_validation_found(tmp_path):
    sizes = {"num_examples_train": 560.0, "num_examples_validation": 121.0, "num_examples_test": 119.0}
    write_json(tmp_path / "data.json", {**sizes, "num_features": 9.0})
    validated = Step(
        name="validate examples", log=tmp_path / "log", status="succeeded",
        outputs={"data_metrics": str(tmp_path / "data.json")},
    )  # fmt: skip
    summary = write_run([validated], run_dir=tmp_path, run_summary=TRAINING, error="")
    assert summary["dataset"] == {
        "source": "photos", "train": 560, "validation": 121, "test": 119, "num_examples": 800,
    }  # fmt: skip
    assert TRAINING.lines(summary)["data"] == "800 examples (560 train, 121 validation, 119 test)"


def test_a_run_without_a_step_did_not_pass(tmp_path):
    summary = write_run([], run_dir=tmp_path, run_summary=TRAINING, error="the run was interrupted")
    assert summary["passed"] is False
    assert "the run was interrupted" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_metrics_are_told_apart_by_the_step_they_come_from(tmp_path):
    steps = []
    for name, metrics in (("evaluate model", {"accuracy": 0.9}), ("train model", {"val_loss": 0.2})):
        path = tmp_path / f"{name}.json"
        write_json(path, metrics)
        steps.append(Step(name=name, log=tmp_path / "log", status="succeeded", outputs={"train_metrics": str(path)}))
    summary = write_run(steps, run_dir=tmp_path, run_summary=TRAINING, error="")
    assert summary["metrics"] == {"accuracy": 0.9, "training_val_loss": 0.2}


def test_passwords_of_uris_are_in_neither_summary_nor_page(tmp_path, smoke_step):
    summary_of = TrainingRunSummary(source="https://user:pw123@host/data.csv?sig=abc123")
    summary = write_run([smoke_step], run_dir=tmp_path, run_summary=summary_of, error="no s3://key:pw123@b/x")
    assert summary["dataset"]["source"] == "https://<secret>@host/data.csv?sig=<secret>"
    assert summary["error"] == "no s3://<secret>@b/x"
    assert summary["run_dir"] == str(tmp_path)
    for name in ("summary.json", "report.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert not any(secret in text for secret in ("pw123", "abc123"))


def test_the_page_says_what_was_asked_and_shows_the_problem_file_as_it_was_written(tmp_path, smoke_step):
    problem = "target:\n  minimum: 0.9  # kim@example.com\n"
    identity = {"source": "s3://u:pw123@photos/pets", "seed": 0, "problem": problem}
    summary = write_run([smoke_step], run_dir=tmp_path, run_summary=TRAINING, error="", identity=identity)
    shown = problem.replace("kim@example.com", "<e-mail>")
    assert summary["identity"] == {"source": "s3://<secret>@photos/pets", "seed": 0, "problem": shown}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "target:\n  minimum: 0.9  # &lt;e-mail&gt;\n" in page
    assert "pw123" not in page


def test_times_that_nobody_has_measured_are_not_on_the_page(tmp_path, smoke_step):
    write_run([smoke_step], run_dir=tmp_path, run_summary=TRAINING, error="")
    assert "took, s" in (tmp_path / "report.html").read_text(encoding="utf-8")
    smoke_step.duration_s = None
    write_run([smoke_step], run_dir=tmp_path, run_summary=TRAINING, error="")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "took, s" not in page
    assert "run, s" not in page
