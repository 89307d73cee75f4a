import json
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from components.data_validation.__main__ import app
from components.data_validation.jobs.assess_sufficiency import assess_sufficiency, SufficiencyResult
from components.shared.contracts.verdict import read_verdict

ROOT = Path(__file__).parents[4]


def assess(examples: Path, output: Path, **options) -> SufficiencyResult:
    return assess_sufficiency(
        examples_path=examples,
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / "metrics.json",
        **options,
    )


def page_visits(write_table, num_rows: int) -> Path:
    """The time at which a page was entered, and whether the visitor bought, which has nothing to do with it."""
    rng = np.random.default_rng(7)
    entered = (1_700_000_000 + rng.uniform(0, 30 * 86_400, num_rows)).tolist()
    bought = np.where(rng.random(num_rows) < 0.2, "yes", "no").tolist()
    return write_table(["train"] * num_rows, bought, {"entered": entered})


def test_a_predictable_label_passes_with_a_report_a_verdict_and_metrics(write_table, tmp_path):
    rng = np.random.default_rng(0)
    miles = rng.exponential(3, 300)
    labels = np.where(miles + rng.normal(size=300) > 2.5, "long", "short").tolist()
    columns = {"miles": miles.tolist(), "id_text": [f"trip-{row}" for row in range(300)]}
    result = assess(write_table(["train"] * 300, labels, columns), tmp_path, target='{"minimum": 0.5}')
    assert (result.passed, result.outcome) == (True, "passed")
    assert result.metrics["probe_roc_auc"] > 0.8
    assert json.loads((tmp_path / "metrics.json").read_text()) == result.metrics
    verdict = read_verdict(tmp_path / "verdict.json")
    assert (verdict.check, verdict.reason) == ("sufficiency", result.reason)
    assert verdict.remarks == ("the column 'id_text' is left out: 300 different strings in 300 rows",)
    html = (tmp_path / "report.html").read_text("utf-8")
    assert "Would more data help?" in html
    assert "trip-1" not in html
    assert len(html.encode()) < 100_000


def test_page_enter_time_alone_cannot_predict_conversion(write_table, tmp_path):
    result = assess(page_visits(write_table, 400), tmp_path)
    assert result.outcome == "blocked"
    assert result.reason.startswith("go back to data collection: cheap probes find no relation")
    [finding] = read_verdict(tmp_path / "verdict.json").findings
    assert (finding.kind, finding.severity, finding.name) == ("quality", "blocking", "NOT_PREDICTABLE")
    assert finding.p_value > 0.05
    assert finding.remedy


@pytest.mark.parametrize("labels", [["yes", "no"] * 10, ["yes"] * 60, [None] * 60])
def test_too_few_labels_are_an_insufficient_sample(write_table, tmp_path, labels):
    examples = write_table(["train"] * len(labels), labels, {"x": [float(row) for row in range(len(labels))]})
    result = assess(examples, tmp_path)
    assert (result.passed, result.outcome) == (False, "insufficient_sample")
    assert (tmp_path / "report.html").is_file()
    assert read_verdict(tmp_path / "verdict.json").findings[0].name == "INSUFFICIENT_SAMPLE"


def test_of_a_metric_at_a_threshold_roc_auc_is_judged_and_that_is_said(write_table, tmp_path):
    target = '{"metric": "recall", "minimum": 0.9, "at": {"precision": 0.5}}'
    examples = write_table(["train"] * 12, ["long", "short"] * 6, {"miles": list(range(12))})
    assess(examples, tmp_path, target=target)
    assert read_verdict(tmp_path / "verdict.json").remarks[0] == (
        "recall depends on the threshold: what is judged is ROC AUC, so the target recall 0.9 is not extrapolated to"
    )


def test_by_hand_a_refusal_exits_1_and_names_the_report(write_table, tmp_path):
    examples = write_table(["train"] * 20, ["yes", "no"] * 10, {"x": [0.0] * 20})
    arguments = ["sufficiency", "--examples", str(examples), "--target-minimum", "0.9", "--output", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1, done.output
    assert "insufficient sample: 50 labelled training rows are needed, there are 20" in done.output
    assert "report.html" in done.output


def test_a_target_that_is_none_a_negative_seed_and_a_missing_table_are_the_users_mistakes(write_table, tmp_path):
    examples = write_table(["train"] * 20, ["yes", "no"] * 10, {"x": [0.0] * 20})
    with pytest.raises(ValueError, match=r"target\.metric must be one of"):
        assess(examples, tmp_path, target='{"metric": "gini"}')
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        assess(examples, tmp_path, seed=-1)
    with pytest.raises(FileNotFoundError, match="the table must be a file or a folder"):
        assess(tmp_path / "none", tmp_path)


@pytest.mark.slow
def test_a_table_does_not_wait_for_tensorflow():
    code = "import sys, components.data_validation.jobs.assess_sufficiency; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
