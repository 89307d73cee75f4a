"""Training by hand: a smoke test, then a training that compares itself with the forecast."""

import json

import pytest
from typer.testing import CliRunner

from components.shared.contracts.bundle import read_config
from components.training.__main__ import app


@pytest.mark.slow
def test_a_smoke_test_and_a_training_by_hand(stripes_store, stripes_table, tmp_path):
    (tmp_path / "problem.yaml").write_text("training: {max_epochs: 2}\n", encoding="utf-8")
    settings = ["--features", str(stripes_store), "--problem", str(tmp_path / "problem.yaml"), "--device", "cpu"]
    smoke = ["smoke", *settings, "--examples", str(stripes_table), "--output", str(tmp_path / "smoke")]
    result = CliRunner().invoke(app, smoke)
    assert result.exit_code == 0, result.output
    assert "passed: " in result.output

    forecast = tmp_path / "smoke" / "forecast.json"
    result = CliRunner().invoke(
        app, ["train", *settings, "--forecast", str(forecast), "--output", str(tmp_path / "training")]
    )
    assert result.exit_code == 0, result.output
    assert f"bundle in {tmp_path / 'training' / 'model'}" in result.output
    assert read_config(tmp_path / "training" / "model").class_names == ("across", "down")
    assert json.loads((tmp_path / "training" / "metrics.json").read_text())["epochs"] == 2
    assert list((tmp_path / "training" / "checkpoints").glob("*/last.ckpt"))


def test_a_machine_without_a_gpu_fails_the_preflight_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    result = CliRunner().invoke(app, ["preflight", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "failed" in result.output
    assert any(trouble in result.output for trouble in ("no NVIDIA driver answers", "torch sees no GPU"))
