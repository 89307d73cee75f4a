"""The page of a run on a cluster, from what its steps have left."""

import json
import re

from kfp import dsl
import pytest

from components.reporting.page import Report
from components.run_page.component import write_run_page as write_run_page_face
from components.run_page.jobs import write_run_page
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.step_record import keep_step, RUN_PARAMETERS, SKIPPED
from tests.webhook import listening_webhook

STEPS = ["check inputs", "ingest examples", "smoke test", "train model", "evaluate model", "publish model"]
IMAGES = {"training": "registry.example/pluszero-mlops-training:3f2a"}
COUNTS = {"train": {"cat": 70, "dog": 70}, "validation": {"cat": 15, "dog": 15}, "test": {"cat": 15, "dog": 15}}
METRICS = {
    "ingest examples": {"num_examples": 200, "num_quarantined": 0, "counts": COUNTS, "task": "classification"},
    "train model": {"val_loss": 0.2},
    "evaluate model": {"accuracy": 0.91, "macro_f1": 0.9},
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder that the steps of this run write to."""
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs" / "7d0c"


@pytest.fixture
def webhook(monkeypatch):
    """A webhook that the environment names."""
    with listening_webhook() as server:
        monkeypatch.setenv("PLUSZERO_WEBHOOK_URL", server.url)
        yield server


def keep(run, step, *, passed=None, error=""):
    """Leave what a step leaves: a report and metrics, and a verdict where it is a check."""
    made = run.parent / "made" / step
    report = Report(step)
    report.paragraph(f"the report of {step}")
    report.write(made / "report.html")
    files = {"report": made / "report.html"}
    if step in METRICS:
        write_json(made / "metrics.json", METRICS[step])
        files["metrics"] = made / "metrics.json"
    if passed is not None:
        verdict = Verdict(check=step.split()[0], passed=passed, reason=f"{step} says so")
        write_verdict(made / "verdict.json", verdict)
        files["verdict"] = made / "verdict.json"
    keep_step(run, step, files=files, error=error)


def keep_asked(run):
    asked = {
        "model_data": "s3://photos/pets",
        "problem": "target: {minimum: 0.9}",
        "data_fingerprint": "ab12",
        "seed": 0,
    }
    keep_step(run, RUN_PARAMETERS, facts=asked)
    keep_step(run, "check inputs")


def page(run, tmp_path):
    """Words of the page, and its summary."""
    write_run_page(
        kind="training", steps=STEPS, version="v0.2.0", images=IMAGES, page_path=tmp_path / "out" / "page.html"
    )
    html = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    assert html == (run / "report.html").read_text(encoding="utf-8")
    words = " ".join(re.sub(r"<[^>]+>", " ", html.partition("<main")[2]).split())
    return words, json.loads((run / "summary.json").read_text(encoding="utf-8"))


def test_a_run_that_went_well(run, tmp_path):
    keep_asked(run)
    keep(run, "ingest examples", passed=True)
    keep(run, "smoke test", passed=True)
    keep(run, "train model")
    keep(run, "evaluate model", passed=True)
    keep_step(run, "publish model", facts={"storage_uri": "pvc://claim/models/pets/1f"})
    words, summary = page(run, tmp_path)
    assert summary["passed"] is True
    assert summary["metrics"] == {"accuracy": 0.91, "macro_f1": 0.9, "training_val_loss": 0.2}
    assert summary["dataset"]["classes"] == {"cat": 100, "dog": 100}
    assert [gate["name"] for gate in summary["gates"]] == ["ingest", "smoke", "evaluate"]
    assert "all 3 gates let the model through" in words
    assert "The release is pvc://claim/models/pets/1f." in words
    for step in ("ingest examples", "train model", "evaluate model"):
        assert f"the report of {step}" in words
    for told in ("ab12", "s3://photos/pets", "target: {minimum: 0.9}", IMAGES["training"], "7d0c", "v0.2.0"):
        assert told in words


@pytest.mark.parametrize("is_skipped", [True, False])
def test_a_step_that_this_run_has_none_of_is_not_missed(run, tmp_path, is_skipped):
    keep_asked(run)
    keep_step(run, "check inputs", facts={SKIPPED: ["deploy release"] if is_skipped else []})
    for step in STEPS[1:]:
        keep(run, step)
    out = tmp_path / "page.html"
    write_run_page(kind="training", steps=[*STEPS, "deploy release"], version="", images={}, page_path=out)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert summary["passed"] is is_skipped
    assert ("deploy release" in [step["name"] for step in summary["steps"]]) is not is_skipped


def test_a_gate_that_stopped_the_run(run, tmp_path):
    keep_asked(run)
    keep(run, "ingest examples", passed=True)
    keep(run, "smoke test", passed=False)
    keep_step(run, "gate: smoke", error="smoke: smoke test says so")
    words, summary = page(run, tmp_path)
    assert summary["passed"] is False
    assert summary["error"] == "smoke: smoke test says so"
    assert "the report of smoke test" in words
    states = {step["name"]: step["status"] for step in summary["steps"]}
    assert states["gate: smoke"] == "failed"
    assert states["train model"] == states["publish model"] == "not reported"


def test_a_step_that_failed_with_a_sentence(run, tmp_path):
    keep_asked(run)
    keep(run, "ingest examples", passed=True)
    keep_step(run, "smoke test", error="device must be cuda, but no NVIDIA driver answers")
    words, summary = page(run, tmp_path)
    assert summary["error"] == "smoke test: device must be cuda, but no NVIDIA driver answers"
    assert "device must be cuda" in words
    assert summary["dataset"]["num_examples"] == 200


def test_a_step_that_ended_without_a_word_is_named(run, tmp_path):
    keep_asked(run)
    keep(run, "ingest examples", passed=True)
    words, summary = page(run, tmp_path)
    assert summary["passed"] is False
    assert summary["error"].startswith("nothing was heard of smoke test: the last lines of its log")
    assert "ab12" in words


def test_a_run_whose_first_step_never_began_has_a_page(run, tmp_path):
    words, summary = page(run, tmp_path)
    assert summary["error"].startswith("nothing was heard of check inputs")
    assert summary["dataset"] == {"source": "unknown"}
    assert IMAGES["training"] in words


def test_a_refused_parameter_is_on_the_page_beside_what_was_asked(run, tmp_path):
    keep_step(run, RUN_PARAMETERS, facts={"model_data": "nowhere", "seed": -1})
    keep_step(run, "check inputs", error="seed must be 0 or more, got -1")
    words, _ = page(run, tmp_path)
    assert "check inputs: seed must be 0 or more, got -1" in words
    assert "nowhere" in words


def test_a_step_out_of_the_cache_is_no_step_that_failed(run, tmp_path):
    """It did not run, so that it left nothing; what came after it did."""
    keep_asked(run)
    keep(run, "ingest examples", passed=True)
    keep(run, "smoke test", passed=True)
    keep(run, "evaluate model", passed=True)
    keep_step(run, "publish model")
    words, summary = page(run, tmp_path)
    assert summary["passed"] is True
    states = {step["name"]: (step["status"], step["cached"]) for step in summary["steps"]}
    assert states["train model"] == ("succeeded", True)
    assert "train model cached" in words


def test_a_check_out_of_the_cache_says_so(run, tmp_path):
    """Its gate has kept what it made, in an earlier run."""
    keep_asked(run)
    keep_step(run, "smoke test", facts={"from_cache": True})
    keep(run, "train model")
    _, summary = page(run, tmp_path)
    assert {step["name"] for step in summary["steps"] if step["cached"]} == {"ingest examples", "smoke test"}


def test_metrics_and_records_that_are_none_cost_no_more_than_themselves(run, tmp_path):
    keep_asked(run)
    keep(run, "ingest examples", passed=True)
    write_json(run / "ingest-examples" / "metrics.json", ["no", "metrics"])
    keep(run, "smoke test", passed=True)
    (run / "smoke-test" / "record.json").write_text("{")
    words, summary = page(run, tmp_path)
    assert summary["dataset"] == {"source": "s3://photos/pets"}
    assert summary["error"].startswith("smoke test: its record cannot be read")
    assert "the report of ingest examples" in words


def test_the_page_of_a_search_says_what_to_train_with(run, tmp_path):
    keep_asked(run)
    score = {"mean": 0.97, "low": 0.95, "high": 0.98}
    policies = [{"name": "light", "score": score, "is_tied": False}]
    write_json(tmp_path / "ranking.json", {"winner": "light", "reason": "it is best", "policies": policies})
    (tmp_path / "problem.yaml").write_text("preparation: {augmentation: light}\n")
    files = {"ranking": tmp_path / "ranking.json", "problem_file": tmp_path / "problem.yaml"}
    keep_step(run, "rank policies", files=files)
    steps = ["check inputs", "ingest examples", "rank policies"]
    out = tmp_path / "page.html"
    write_run_page(kind="search", steps=steps, version="v0.2.0", images={}, page_path=out)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert (summary["passed"], summary["winner"]) == (True, "light")
    assert summary["problem_file"] == str(run / "rank-policies" / "problem.yaml")
    assert "It is best." in out.read_text(encoding="utf-8")


def test_the_face_writes_the_page(run, tmp_path):
    keep_asked(run)
    keep(run, "train model")
    out = dsl.HTML(uri=str(tmp_path / "page.html"))
    write_run_page_face.python_func(kind="training", steps=STEPS, version="v0.2.0", images=IMAGES, run_page=out)
    assert "the report of train model" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_another_kind_of_run_is_refused(run, tmp_path):
    with pytest.raises(ValueError, match="kind must be training or search, got 'monitoring'"):
        write_run_page(kind="monitoring", steps=STEPS, version="", images={}, page_path=tmp_path / "page.html")


def test_without_a_cluster_it_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("PLUSZERO_RUN_ID", raising=False)
    with pytest.raises(ValueError, match="PLUSZERO_RUN_ID must say which run this is, but is not set"):
        write_run_page(kind="training", steps=STEPS, version="v0.2.0", images={}, page_path=tmp_path / "page.html")


def test_a_failed_run_is_said_to_the_webhook_with_its_reason_link_and_page(run, tmp_path, monkeypatch, webhook):
    monkeypatch.setenv("PLUSZERO_RUN_LINK", "https://kubeflow.example/pipeline/#/runs/details/{run}")
    keep_asked(run)
    keep(run, "ingest examples", passed=True)
    keep(run, "smoke test", passed=False)
    keep_step(run, "gate: smoke", error="smoke must pass, but it says so to kim@example.com")
    page(run, tmp_path)

    ((_, message),) = webhook.messages
    link = "https://kubeflow.example/pipeline/#/runs/details/7d0c"
    reason = "smoke must pass, but it says so to <e-mail>"
    assert message["text"] == (
        f"Training run 7d0c has failed: {reason}\n{link}\nReport: {tmp_path / 'out' / 'page.html'}"
    )
    assert (message["passed"], message["run"], message["reason"], message["link"]) == (False, "7d0c", reason, link)


def test_a_run_that_went_well_says_nothing_to_the_webhook(run, tmp_path, webhook):
    keep_asked(run)
    for step in STEPS[1:]:
        keep(run, step)
    assert page(run, tmp_path)[1]["passed"]
    assert webhook.messages == []


def test_a_webhook_that_fails_stops_no_page_and_its_address_is_not_logged(run, tmp_path, webhook, caplog):
    webhook.answers[:] = [500, 404]
    keep_asked(run)
    words, _ = page(run, tmp_path)
    assert "nothing was heard of ingest examples" in words
    assert len(webhook.messages) == 2
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.message == "The webhook was not told of the failed run, and all else goes on: it answered 404"
    assert "hidden-path" not in caplog.text
