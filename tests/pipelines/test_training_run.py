"""The training pipeline for real: every step in its image's environment, on a small folder of pictures."""

import contextlib
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import time

import numpy as np
from PIL import Image
import psutil
import pytest
import torch
from typer.testing import CliRunner

from components.shared.bundle import read_config
from components.shared.sources import data_fingerprint
from pipelines.__main__ import app
from pipelines.compiling import compile_pipelines
from pipelines.local import run_pipeline, Watcher
from pipelines.source_images import tag_with_source

GATES = ["ingestion", "validation", "smoke", "analysis", "serving"]
MINUTES_10 = 600
SILENT = Watcher(started=lambda step: None, progressed=lambda step, line: None, ended=lambda step: None)
NUM_PER_CLASS = 300


def run(source, run_dir, *options):
    arguments = ["run", "--dataset", str(source), "--run-dir", str(run_dir), *options]
    return CliRunner().invoke(app, arguments)


def summary_of(run_dir):
    return json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))


def executed(run_dir):
    return {step["name"] for step in summary_of(run_dir)["steps"] if not step["cached"]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, stripes):
    folder = tmp_path_factory.mktemp("pictures")
    for label, name in enumerate(("across", "down")):
        (folder / name).mkdir()
        for seed in range(NUM_PER_CLASS):
            Image.fromarray(stripes(label, seed)).save(folder / name / f"{seed:03d}.png")
    return folder


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
    assert [gate["name"] for gate in first_summary["gates"]] == GATES
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


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_the_compiled_gpu_profile_stops_at_its_first_gpu_step_where_there_is_none(pictures, tmp_path):
    package = {path.stem: path for path in compile_pipelines(tmp_path / "compiled")}["training-gpu"]
    arguments = {
        "source": str(pictures),
        "data_fingerprint": data_fingerprint(str(pictures)),
        "checkpoint_dir": str(tmp_path / "checkpoints"),
        "feature_dir": str(tmp_path / "features"),
        "model_root": str(tmp_path / "models"),
    }
    steps = []
    tagged = tag_with_source(package.read_text(encoding="utf-8"))
    run_pipeline(tagged, arguments, run_dir=tmp_path / "run", watcher=SILENT, steps=steps)
    assert [step.name for step in steps[-2:]] == ["smoke test", "gate: smoke"]
    assert steps[-1].status == "failed"
    assert "no NVIDIA driver answers" in steps[-1].error or "torch sees no GPU" in steps[-1].error
    # The images lie once, on the volume that steps share; the artifact is a link.
    assert list((tmp_path / "features").glob("*/part-*.arrow"))
    assert not list((tmp_path / "run" / "artifacts").rglob("part-*.arrow"))


def test_every_step_keeps_its_log(finished, first_summary):
    logs = sorted((finished / "logs").glob("[0-9]*.log"))
    assert len(logs) == len(first_summary["steps"])


def test_an_unchanged_run_takes_every_step_from_the_cache(finished, pictures):
    result = run(pictures, finished)
    assert result.exit_code == 0, result.output
    assert executed(finished) == set()
    assert summary_of(finished)["passed"]


def test_a_changed_target_repeats_the_judgement_alone(finished, pictures, tmp_path):
    problem = tmp_path / "problem.yaml"
    problem.write_text("target: {metric: accuracy, minimum: 0.1}\n")
    result = run(pictures, finished, "--problem", str(problem))
    assert result.exit_code == 0, result.output
    assert executed(finished) >= {"check inputs", "evaluate model", "gate: analysis"}
    assert not executed(finished) & {"ingest examples", "validate examples", "smoke test", "train model"}


def test_a_failed_gate_leaves_report_and_summary_and_fails_again(pictures, finished, tmp_path):
    spoilt = tmp_path / "spoilt"
    for label in ("across", "down"):
        (spoilt / label).mkdir(parents=True)
        for path in sorted((pictures / label).iterdir())[:60]:
            (spoilt / label / path.name).write_bytes(path.read_bytes())
        for number in range(12):
            (spoilt / label / f"broken-{number}.png").write_bytes(b"not a picture")
    run_dir = tmp_path / "run"
    for attempt in (1, 2):
        result = run(spoilt, run_dir)
        assert result.exit_code == 1
        summary = summary_of(run_dir)
        assert not summary["passed"]
        assert summary["gates"][0]["name"] == "ingestion"
        assert not summary["gates"][0]["passed"]
        assert summary["steps"][-1]["name"] == "gate: ingestion"
        assert not summary["steps"][-1]["cached"]
        assert summary["steps"][0]["cached"] is (attempt == 2)
        assert "broken-0.png" in (run_dir / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "sentence", "status"),
    [
        (lambda folder: None, "there is nothing at", 2),
        (lambda folder: folder.mkdir(), "must hold images", 1),
        (lambda folder: one_class(folder), "class", 1),
    ],
    ids=["missing", "empty", "one class"],
)
def test_a_source_that_cannot_be_learnt_from_is_one_sentence(repository, tmp_path, make, sentence, status):
    make(tmp_path / "data")
    with real_run(repository, tmp_path / "data", tmp_path / "run") as runner:
        output, _ = runner.communicate(timeout=MINUTES_10)
    assert runner.returncode == status
    assert "Traceback" not in output
    assert len([line for line in output.splitlines() if sentence in line and line.strip().startswith("error:")]) == (
        status == 2
    )
    assert sentence in output
    assert sentence in summary_of(tmp_path / "run")["error"]
    assert sentence in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_an_unknown_key_in_the_problem_file_is_one_sentence(repository, pictures, tmp_path):
    (tmp_path / "problem.yaml").write_text("labels: {column: kind}\n")
    command = [sys.executable, "-m", "pipelines", "run", "--dataset", str(pictures), "--run-dir", str(tmp_path / "run")]
    done = subprocess.run(
        [*command, "--problem", str(tmp_path / "problem.yaml")],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "unknown key 'labels'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def one_class(folder):
    (folder / "cat").mkdir(parents=True)
    for seed in range(5):
        noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "cat" / f"{seed}.png")


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


@contextlib.contextmanager
def real_run(repository, source, run_dir):
    command = [sys.executable, "-m", "pipelines", "run", "--dataset", str(source), "--run-dir", str(run_dir)]
    environment = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"}
    with subprocess.Popen(
        command, cwd=repository, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as runner:
        yield runner
        runner.kill()


def learnt(summary):
    """The figures without the seconds that they took."""
    return {name: value for name, value in summary["metrics"].items() if not name.endswith("_s")}


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
