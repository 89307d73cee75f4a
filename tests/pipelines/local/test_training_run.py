"""The training pipeline for real: every step in its image's environment, on a small folder of pictures."""

from pathlib import Path
import shutil
import time

import psutil
import pytest

from components.shared.contracts.bundle import read_config
from tests.training_runs import MINUTES_10, NUM_PER_CLASS, real_run, run, summary_of, write_pictures

FIRST_GATES = ["ingestion", "validation", "smoke"]
ANALYSIS = {"analysis", "champion", "fairness", "language_bias", "whole analysis"}


def executed(run_dir):
    return {step["name"] for step in summary_of(run_dir)["steps"] if not step["cached"]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, stripes):
    return write_pictures(tmp_path_factory.mktemp("pictures"), stripes)


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("run")
    result = run(pictures, run_dir)
    assert result.exit_code == 0, result.output
    return run_dir


@pytest.fixture(scope="module")
def first_summary(finished):
    return summary_of(finished)


def test_every_gate_passes_and_the_summary_says_so(first_summary, finished, pictures):
    assert first_summary["passed"]
    gates = [gate["name"] for gate in first_summary["gates"]]
    assert (gates[:3], set(gates[3:-1]), gates[-1]) == (FIRST_GATES, ANALYSIS, "serving")
    assert all(gate["passed"] and gate["reason"] for gate in first_summary["gates"])
    assert first_summary["dataset"]["source"] == str(pictures)
    assert first_summary["dataset"]["classes"] == {"across": NUM_PER_CLASS, "down": NUM_PER_CLASS}
    assert sum(first_summary["dataset"][split] for split in ("train", "validation", "test")) == 2 * NUM_PER_CLASS
    assert 0 <= first_summary["metrics"]["accuracy"] <= 1
    assert {step["status"] for step in first_summary["steps"]} == {"succeeded"}
    assert not any(step["cached"] for step in first_summary["steps"])
    assert first_summary["run_dir"] == str(finished)


def test_the_published_bundle_is_complete(first_summary):
    model = Path(first_summary["model_dir"])
    assert read_config(model).class_names == ("across", "down")
    assert {"schema.pbtxt", "statistics/train.pb"} <= {
        path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()
    }
    assert "kind: InferenceService" in (model / "inferenceservice.yaml").read_text()


def test_one_page_holds_every_report_and_needs_no_network(finished):
    page = (finished / "report.html").read_text(encoding="utf-8")
    for step in ("ingest examples", "validate examples", "smoke test", "train model", "evaluate model", "probe server"):
        assert f"<summary>{step}</summary>" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page


def test_every_step_keeps_its_log(finished, first_summary):
    logs = sorted((finished / "logs").glob("[0-9]*.log"))
    assert len(logs) == len(first_summary["steps"])


def test_an_unchanged_run_takes_every_step_from_the_cache(finished, pictures):
    result = run(pictures, finished)
    assert result.exit_code == 0, result.output
    assert executed(finished) == set()
    assert summary_of(finished)["passed"]


@pytest.mark.slow
def test_a_changed_target_repeats_the_judgement_alone(finished, first_summary, pictures, tmp_path):
    problem = tmp_path / "problem.yaml"
    problem.write_text("target: {metric: accuracy, minimum: 0.1}\n")
    result = run(pictures, finished, "--problem", str(problem))
    assert result.exit_code == 0, result.output
    assert executed(finished) >= {"check inputs", "evaluate model", "gate: analysis"}
    assert not executed(finished) & {"ingest examples", "validate examples", "smoke test", "train model"}
    # The evaluation, with its target, is part of the release.
    assert Path(summary_of(finished)["model_dir"]).name != Path(first_summary["model_dir"]).name


def trainer_of(run_dir):
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or [""]
        wanted = ("kfp.dsl.executor_main", "train_model", str(run_dir))
        if command[0].endswith("python") and all(word in " ".join(command) for word in wanted):
            return process
    return None


def wait_for(condition, *, what):
    deadline = time.monotonic() + MINUTES_10
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come")


def learnt(summary):
    """The figures without the seconds that they took."""
    return {name: value for name, value in summary["metrics"].items() if not name.endswith("_s")}


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["trainer", "runner"])
def test_a_killed_training_goes_on_and_ends_where_an_uninterrupted_one_does(
    repository, pictures, finished, first_summary, tmp_path, victim
):
    shutil.copytree(finished / "cache", tmp_path / "cache")
    with real_run(repository, pictures, tmp_path) as runner:
        wait_for(lambda: list((tmp_path / "checkpoints").glob("*/last.ckpt")), what="a checkpoint")
        trainer = wait_for(lambda: trainer_of(tmp_path), what="the trainer")
        (trainer if victim == "trainer" else runner).kill()
        output, _ = runner.communicate(timeout=MINUTES_10)
        assert runner.returncode != 0, output
        assert not summary_of(tmp_path)["passed"]
        wait_for(lambda: not trainer.is_running() or trainer.status() == psutil.STATUS_ZOMBIE, what="the trainer's end")
    with real_run(repository, pictures, tmp_path) as runner:
        output, _ = runner.communicate(timeout=MINUTES_10)
        assert runner.returncode == 0, output
    found = summary_of(tmp_path)
    assert learnt(found) == learnt(first_summary)
    assert Path(found["model_dir"]).name == Path(first_summary["model_dir"]).name
    assert "train model" in executed(tmp_path)
    assert not executed(tmp_path) & {"ingest examples", "validate examples", "smoke test"}
    assert "went on from a checkpoint" in (tmp_path / "report.html").read_text(encoding="utf-8")
