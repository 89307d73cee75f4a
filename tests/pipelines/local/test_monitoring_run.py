"""The monitoring pipeline for real: a bundle's baseline against two days of a serving log, the second one drifted."""

from datetime import datetime, timedelta, UTC
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.runtime.container_images import image
from components.shared.serving_log.log_writer import ServingLogWriter
from pipelines.__main__ import app
from pipelines.local.environments import interpreter_of

NUM_TRAIN, NUM_EACH_DAY = 800, 600
ROLES = {"brightness": "derived", "contrast": "derived", "camera": "slice"}
TYPES = {"brightness": pa.float64(), "contrast": pa.float64(), "camera": pa.string()}
FIRST_DAY = datetime(2026, 5, 1, tzinfo=UTC)
MATERIAL_EFFECT = 0.07


def inputs(count, seed, *, darker_by=0.0):
    rng = np.random.default_rng(seed)
    return {
        "brightness": pa.array(rng.normal(120.0 - darker_by, 30.0, count)),
        "contrast": pa.array(rng.gamma(4.0, 10.0, count)),
        "camera": pa.array(rng.choice(["door", "garden", "street"], count, p=[0.5, 0.3, 0.2])),
    }


def record_batch(columns):
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


@pytest.fixture(scope="module")
def validated(repository, tmp_path_factory):
    """An example table of 800 training rows, validated by hand as the step `validate examples` does it."""
    folder = tmp_path_factory.mktemp("model")
    info = ExampleTableInfo(modality="image", class_names=("cat", "dog"), column_roles=ROLES)
    counts = {"train": NUM_TRAIN, "validation": 100, "test": 200}
    with ExampleTableWriter(folder / "examples", info, extra_columns=TYPES) as writer:
        for seed, (split, count) in enumerate(counts.items()):
            base = {
                "example_id": pa.array([f"{split}-{number}" for number in range(count)]),
                "split": pa.array([split] * count),
                "label": pa.array(["cat", "dog"] * (count // 2)),
                "image": pa.array([f"{split}-{number}".encode() for number in range(count)]),
            }
            writer.write(record_batch({**base, **inputs(count, seed)}))
    validate = ["-m", "components.data_validation", "validate", "--examples", folder / "examples"]
    command = [interpreter_of(image("validation")), *validate, "--output", folder / "baseline"]
    done = subprocess.run(
        command, cwd=repository, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="module")
def model(validated):
    """A bundle with the baseline that validation leaves for the trainer."""
    folder, _ = validated
    kept = [folder / "baseline" / "schema.pbtxt", *(folder / "baseline" / "statistics").iterdir()]
    config = BundleConfig(task="image_classification", class_names=("cat", "dog"), backbone={}, preprocessing={})
    files = {path.relative_to(folder / "baseline").as_posix(): path.read_bytes() for path in kept}
    write_bundle(folder / "bundle", config, {"weight": np.zeros(4, np.float32)}, files=files)
    return folder / "bundle"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Two days of requests; on the second the pictures are darker by one standard deviation."""
    path = tmp_path_factory.mktemp("log") / "pets"
    writer = ServingLogWriter(path, ExampleTableInfo(modality="image", class_names=(), column_roles=ROLES))
    for day, darker_by in enumerate((0.0, 30.0)):
        first = FIRST_DAY + timedelta(days=day)
        times = [first + timedelta(seconds=100 * number) for number in range(NUM_EACH_DAY)]
        base = {
            "request_id": pa.array([f"{day}-{number}" for number in range(NUM_EACH_DAY)]),
            "event_time": pa.array(times, pa.timestamp("us", tz="UTC")),
            "model_name": pa.array(["pets"] * NUM_EACH_DAY),
            "model_revision": pa.array(["0123456789abcdef"] * NUM_EACH_DAY),
            "predicted": pa.array(["cat", "dog"] * (NUM_EACH_DAY // 2)),
        }
        writer.append(record_batch({**base, **inputs(NUM_EACH_DAY, 100 + day, darker_by=darker_by)}))
    return path


def monitor(model, log, run_dir, *options):
    arguments = ["monitor", "--model", str(model), "--log", str(log), "--run-dir", str(run_dir), *options]
    return CliRunner().invoke(app, arguments)


def summary_of(run_dir):
    return json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def calm(model, log, tmp_path_factory):
    """The run over the first day."""
    run_dir = tmp_path_factory.mktemp("calm")
    result = monitor(model, log, run_dir, "--end", "2026-05-02")
    assert result.exit_code == 0, result.output
    return run_dir, result.output


@pytest.fixture(scope="module")
def drifted(model, log, tmp_path_factory):
    """The run over the second day."""
    run_dir = tmp_path_factory.mktemp("drifted")
    settings = run_dir / "settings.yaml"
    settings.write_text(f"material_effect: {MATERIAL_EFFECT}\n", encoding="utf-8")
    result = monitor(model, log, run_dir, "--start", "-1d", "--end", "2026-05-03", "--settings", str(settings))
    return run_dir, result


def test_validation_by_hand_says_what_it_found_and_tfdv_is_not_heard(validated):
    _, done = validated
    assert done.stdout.startswith(f"passed: {NUM_TRAIN + 300:,} examples")
    assert not any(word in done.stderr for word in ("IPython", "crcmod", "Warning", "Traceback"))


def test_a_day_like_the_training_data_passes(calm, model, log):
    summary = summary_of(calm[0])
    assert summary["passed"]
    assert [gate["passed"] for gate in summary["gates"]] == [True]
    assert [step["name"] for step in summary["steps"]] == ["check monitoring inputs", "detect drift", "gate: drift"]
    assert summary["metrics"]["num_current"] == NUM_EACH_DAY
    assert summary["metrics"]["num_reference"] == NUM_TRAIN
    assert summary["dataset"] == {"source": str(log)}
    assert summary["window"] == {"start": None, "end": "2026-05-02T00:00:00+00:00"}
    assert summary["model_dir"] == str(model)


def test_the_console_says_what_was_compared_and_where_the_report_is(calm):
    run_dir, output = calm
    assert f"{NUM_EACH_DAY} requests against {NUM_TRAIN} rows" in output
    assert f"report   {run_dir / 'report.html'}" in output
    assert "  passed" in output


def test_one_page_shows_gate_window_and_the_drift_report_opened(calm):
    page = (calm[0] / "report.html").read_text(encoding="utf-8")
    assert "<summary>detect drift</summary>" in page
    assert page.count("<details open") == 1
    assert "The window from the beginning to 2026-05-02 00:00:00 UTC was held against" in page
    assert "https://" not in page


@pytest.mark.slow
def test_a_day_that_has_drifted_stops_at_the_gate_and_names_the_column(drifted):
    run_dir, result = drifted
    summary = summary_of(run_dir)
    assert result.exit_code == 1, result.output
    assert not summary["passed"]
    assert summary["steps"][-1]["name"] == "gate: drift"
    assert summary["steps"][-1]["status"] == "failed"
    assert summary["metrics"]["num_blocking"] >= 1
    assert "brightness" in summary["gates"][0]["reason"]
    assert "contrast" not in summary["gates"][0]["reason"]
    assert "brightness" in (run_dir / "report.html").read_text(encoding="utf-8")


def test_an_unchanged_log_is_not_compared_again(calm, model, log):
    result = monitor(model, log, calm[0], "--end", "2026-05-02")
    assert result.exit_code == 0, result.output
    assert all(step["cached"] for step in summary_of(calm[0])["steps"])


@pytest.mark.slow
def test_settings_reach_the_comparison(drifted):
    run_dir, _ = drifted
    assert f"at least {MATERIAL_EFFECT} of the values lie differently" in (run_dir / "report.html").read_text()


@pytest.mark.slow
def test_a_window_without_requests_says_what_the_log_covers(model, log, tmp_path):
    result = monitor(model, log, tmp_path, "--start", "2027-01-01")
    assert result.exit_code == 1
    sentence = "holds none; the log covers 2026-05-01 00:00:00 UTC to 2026-05-02 16:38:20 UTC"
    assert sentence in summary_of(tmp_path)["error"]
    assert sentence in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [step["name"] for step in summary_of(tmp_path)["steps"]] == ["check monitoring inputs"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--model", ""), "the model bundle must be a path or a URI, got nothing"),
        (("--log", "nowhere"), "the serving log must be a folder, but there is none at"),
        (("--end", "yesterday"), "window_end must be a time in ISO 8601"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_runs(model, log, tmp_path, options, sentence):
    result = monitor(model, log, tmp_path, *options)
    assert isinstance(result.exception, ValueError | FileNotFoundError)
    assert sentence in str(result.exception)
    assert not (tmp_path / "logs").exists()


@pytest.mark.slow
def test_a_wrong_argument_is_one_sentence_and_bad_input(repository, log, tmp_path):
    command = [sys.executable, "-m", "pipelines", "monitor", "--model", "nowhere", "--log", str(log)]
    done = subprocess.run(
        [*command, "--run-dir", str(tmp_path)], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: the model bundle must be a folder, but there is none at")
    assert len(done.stderr.splitlines()) == 1
