"""The training pipeline on tables whose label is a number: every gate, and served answers equal trained ones."""

import json
from pathlib import Path

import pytest

from benchmarks.regression_baselines import write_diabetes, write_friedman
from components.shared.contracts.bundle import read_config
from tests.training_runs import run, summary_of


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_diabetes, write_friedman])
def test_the_whole_pipeline_runs_where_the_label_is_a_number(tmp_path, write):
    write(tmp_path / "table.csv")
    problem = tmp_path / "problem.yaml"
    problem.write_text("label: {column: target}\ntarget: {metric: r2, minimum: 0.2}\n")
    result = run(tmp_path / "table.csv", tmp_path / "run", "--problem", str(problem))
    assert result.exit_code == 0, result.output
    summary = summary_of(tmp_path / "run")
    assert {gate["name"] for gate in summary["gates"] if gate["passed"]} == {
        "ingestion", "validation", "smoke", "analysis", "champion", "fairness", "language_bias", "whole analysis",
        "serving",
    }  # fmt: skip
    assert summary["dataset"]["classes"] == {}
    assert summary["metrics"]["r2"] > 0.2
    assert summary["metrics"]["rmse_low"] < summary["metrics"]["rmse"] < summary["metrics"]["rmse_high"]
    assert summary["serving"]["max_relative_difference"] <= 1e-5
    model = Path(summary["model_dir"])
    assert read_config(model).task == "tabular_regression"
    assert "it answers a number" in (model / "model_card.md").read_text()
    assert json.loads((model / "evaluation.json").read_text())["metrics"]["rmse"] == summary["metrics"]["rmse"]
    assert "kind: InferenceService" in (model / "inferenceservice.yaml").read_text()
    page = (tmp_path / "run" / "report.html").read_text()
    assert "with numbers for labels" in page
