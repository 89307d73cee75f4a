"""Training runs that must stop: at a gate, a missing GPU, data that nothing can be learnt from, a wrong key."""

import subprocess
import sys

import numpy as np
from PIL import Image
import pytest
import torch

from components.reporting.run_pages.step import Watcher
from components.shared.contracts.data_fingerprint import data_fingerprint
from pipelines.__main__ import app
from pipelines.compiling import compile_pipeline
from pipelines.local.cache_key import tag_with_source
from pipelines.local.runner import run_pipeline
from tests.command_lines import run_command
from tests.training_runs import run, summary_of, write_pictures
from tests.webhook import listening_webhook

SILENT = Watcher(started=lambda step: None, progressed=lambda step, line: None, ended=lambda step: None)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, stripes):
    return write_pictures(tmp_path_factory.mktemp("pictures"), stripes, num_per_class=120)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.slow
def test_the_compiled_gpu_profile_stops_at_its_first_gpu_step_where_there_is_none(pictures, tmp_path):
    package = compile_pipeline("training-gpu", tmp_path / "compiled")
    arguments = {
        "model_data": str(pictures),
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


def test_a_failed_gate_leaves_report_and_summary_and_fails_again(pictures, tmp_path):
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
        pytest.param(lambda folder: one_class(folder), "class", 1, marks=pytest.mark.slow),
    ],
    ids=["missing", "one class"],
)
def test_a_source_that_cannot_be_learnt_from_is_one_sentence(tmp_path, make, sentence, status):
    make(tmp_path / "data")
    ended = run_command(app, "run", "--dataset", tmp_path / "data", "--run-dir", tmp_path / "run")
    output = ended.stdout + ended.stderr
    assert ended.returncode == status
    assert "Traceback" not in output
    assert len([line for line in output.splitlines() if sentence in line and line.strip().startswith("error:")]) == (
        status == 2
    )
    assert sentence in output
    assert sentence in summary_of(tmp_path / "run")["error"]
    assert sentence in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_an_unknown_key_in_the_problem_file_is_named_before_anything_runs(pictures, tmp_path, monkeypatch):
    (tmp_path / "problem.yaml").write_text("labels: {column: kind}\n")
    with listening_webhook() as webhook:
        monkeypatch.setenv("PLUSZERO_WEBHOOK_URL", webhook.url)
        result = run(pictures, tmp_path / "run", "--problem", str(tmp_path / "problem.yaml"))
    ((_, message),) = webhook.messages
    assert (message["kind"], message["run"], message["passed"]) == ("Training run", "run", False)
    assert "unknown key 'labels'" in message["reason"]
    assert message["report"] == str(tmp_path / "run" / "report.html")
    assert isinstance(result.exception, ValueError)
    assert "unknown key 'labels'" in str(result.exception)
    assert not (tmp_path / "run" / "logs").exists()


@pytest.mark.slow
def test_a_wrong_problem_file_is_one_sentence_and_bad_input(repository, pictures, tmp_path):
    (tmp_path / "problem.yaml").write_text("labels: {column: kind}\n")
    command = [sys.executable, "-m", "pipelines", "run", "--dataset", str(pictures), "--run-dir", str(tmp_path / "run")]
    command += ["--problem", str(tmp_path / "problem.yaml")]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "unknown key 'labels'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def one_class(folder):
    (folder / "cat").mkdir(parents=True)
    for seed in range(5):
        noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "cat" / f"{seed}.png")
