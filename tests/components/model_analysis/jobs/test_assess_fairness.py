"""Groups of people in a scored table are compared, and a model that treats some otherwise is refused."""

import json
from pathlib import Path
import subprocess
import sys

from kfp import dsl
import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from components.model_analysis.__main__ import app
from components.model_analysis.component import assess_fairness as face
from components.model_analysis.jobs.assess_fairness import assess_fairness, FairnessResult
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.contracts.verdict import read_verdict
from tests.components.model_analysis.fairness.scored_people import write_people

NUM_PEOPLE = 3000
LIMIT = FairnessSpec(metric="true_positive_rate", max_difference=0.1)


def people(folder: Path, *, harmed: bool = True, **more) -> tuple[Path, Path]:
    """Women who qualify get lower scores; half of the people are of the validation split."""
    rng = np.random.default_rng(0)
    sex, labels = rng.choice(["f", "m"], NUM_PEOPLE), rng.integers(0, 2, NUM_PEOPLE)
    shift = np.where((sex == "f") & (labels == 1) & harmed, 0.25, 0.0)
    scores = np.clip(0.35 + 0.35 * labels - shift + rng.normal(0, 0.15, NUM_PEOPLE), 0, 1)
    columns = {"sex": pa.array(sex), **more.pop("columns", {})}
    return write_people(
        folder,
        labels=np.where(labels == 1, "yes", "no").tolist(),
        scores=scores,
        splits=["validation", "test"] * (NUM_PEOPLE // 2),
        columns=columns,
        **more,
    )


def assess(folder: Path, paths: tuple[Path, Path], **more) -> FairnessResult:
    return assess_fairness(
        examples_path=paths[0],
        predictions_path=paths[1],
        measures_path=folder / "fairness.json",
        report_path=folder / "report.html",
        verdict_path=folder / "verdict.json",
        metrics_path=folder / "metrics.json",
        **more,
    )


def test_an_unfair_model_is_refused_and_everything_is_written(tmp_path) -> None:
    result = assess(tmp_path, people(tmp_path), fairness=LIMIT)
    assert not result.passed
    assert "true positive rate of 'yes'" in result.reason
    assert "sex = f" in result.reason
    assert "beyond fairness.max_difference 0.1 by more than chance" in result.reason
    verdict = read_verdict(tmp_path / "verdict.json")
    assert (verdict.check, verdict.outcome, verdict.findings[0].severity) == ("fairness", "blocked", "blocking")
    measures = json.loads((tmp_path / "fairness.json").read_text())
    [refused] = [one for one in measures["comparisons"] if one["status"] == "refused"]
    assert refused["measure"] == "true_positive_rate"
    assert refused["largest_difference"]["surest"] == ["sex = m", "sex = f"]
    assert {group["name"] for group in refused["groups"]} == {"sex = f", "sex = m"}
    [odds] = measures["equalized_odds"]
    assert odds["difference"] == max(
        one["largest_difference"]["difference"] for one in measures["comparisons"] if "positive_rate" in one["measure"]
    )
    assert json.loads((tmp_path / "metrics.json").read_text()) == result.metrics
    html = (tmp_path / "report.html").read_text()
    for words in ("By sex", "every group by sex", "equalized odds", "What a threshold a group would change", "refused"):
        assert words in html


def test_thresholds_a_group_even_the_rate_out_and_are_not_applied(tmp_path) -> None:
    assess(tmp_path, people(tmp_path), fairness=LIMIT)
    measures = json.loads((tmp_path / "fairness.json").read_text())
    [change] = measures["thresholds"]
    own = {group["name"]: group["threshold"] for group in change["groups"]}
    assert own["sex = f"] < own["sex = m"]
    assert change["difference_after"] < 0.1 < 0.4 < change["difference_before"]
    rates = {g["name"]: g["value"] for g in measures["comparisons"][1]["groups"]}
    assert rates == pytest.approx({group["name"]: group["before"] for group in change["groups"]})


def test_without_a_limit_nothing_is_refused_and_what_is_seen_is_a_warning(tmp_path) -> None:
    result = assess(tmp_path, people(tmp_path))
    assert result.passed
    assert result.reason.startswith("no limit is set")
    findings = read_verdict(tmp_path / "verdict.json").findings
    assert findings[0].severity == "warning"
    assert "sex = f" in findings[0].message


def test_a_smoke_run_is_compared_and_not_refused(tmp_path) -> None:
    result = assess(tmp_path, people(tmp_path), fairness=LIMIT, recipe="smoke")
    assert result.passed
    assert result.reason.startswith("a smoke run")


def test_a_threshold_of_the_target_decides_what_is_answered(tmp_path) -> None:
    target = '{"metric": "recall", "minimum": 0.5, "at": {"precision": 0.5, "positive": "no"}}'
    assess(tmp_path, people(tmp_path), target=target)
    measures = json.loads((tmp_path / "fairness.json").read_text())
    assert {one["positive"] for one in measures["comparisons"]} == {None, "no"}


def test_values_of_personal_data_are_numbered_not_shown(tmp_path) -> None:
    assess(tmp_path, people(tmp_path, roles={"sex": ("pii", "sensitive")}), fairness=LIMIT)
    for name in ("fairness.json", "report.html", "verdict.json"):
        text = (tmp_path / name).read_text()
        assert "sex: group 1 (personal data)" in text
        assert "sex = " not in text


def test_whole_groups_are_sampled_where_there_is_a_group_column(tmp_path) -> None:
    paths = people(
        tmp_path, columns={"shop": pa.array([f"s{row // 300}" for row in range(NUM_PEOPLE)])}, roles={"shop": "group"}
    )
    assess(tmp_path, paths, fairness=LIMIT)
    grouped = json.loads((tmp_path / "fairness.json").read_text())["comparisons"][0]["groups"]
    assess(tmp_path, people(tmp_path / "alone"), fairness=LIMIT)
    alone = json.loads((tmp_path / "fairness.json").read_text())["comparisons"][0]["groups"]
    assert [group["value"] for group in grouped] == [group["value"] for group in alone]
    assert grouped[0]["high"] - grouped[0]["low"] > alone[0]["high"] - alone[0]["low"]


def test_labels_of_machines_do_not_count(tmp_path) -> None:
    sources = ["person" if row % 4 < 2 else "model" for row in range(NUM_PEOPLE)]
    result = assess(tmp_path, people(tmp_path, sources=sources), fairness=LIMIT)
    assert "750" in next(r for r in read_verdict(tmp_path / "verdict.json").remarks if "a model or a rule" in r)
    assert not result.passed


def test_without_sensitive_columns_nothing_is_compared(tmp_path) -> None:
    result = assess(tmp_path, people(tmp_path, roles={"sex": "slice"}))
    assert result.passed
    assert result.reason == "no groups were compared: no sensitive column has two groups"


def test_numbers_are_compared_in_their_errors(tmp_path) -> None:
    rng = np.random.default_rng(0)
    sex, labels = rng.choice(["f", "m"], 1000), rng.normal(100, 20, 1000)
    guesses = labels - np.where(sex == "f", 10, 0) + rng.normal(0, 5, 1000)
    paths = write_people(
        tmp_path, labels=labels, scores=guesses, splits=["test"] * 1000, columns={"sex": pa.array(sex)}
    )
    result = assess(tmp_path, paths, fairness='{"metric": "mean_error", "max_difference": 4}')
    assert not result.passed
    assert "the mean error is" in result.reason
    with pytest.raises(ValueError, match=r"fairness\.metric must be one of mean_error, .* where the label is a number"):
        assess(tmp_path, paths, fairness=LIMIT)


def test_the_class_that_rates_are_about_must_be_one_of_the_models(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"fairness\.positive must be a class of the model, no, yes, got 'maybe'"):
        assess(tmp_path, people(tmp_path), fairness=FairnessSpec(positive="maybe"))


def test_the_face_and_the_command_say_the_same(tmp_path) -> None:
    examples, predictions = people(tmp_path)
    names = ("fairness_measures", "fairness_report", "fairness_verdict", "fairness_metrics")
    kinds = (dsl.Artifact, dsl.HTML, dsl.Artifact, dsl.Metrics)
    outputs = {
        name: kind(name=name, uri=str(tmp_path / "step" / name), metadata={})
        for name, kind in zip(names, kinds, strict=True)
    }
    face.python_func(
        examples=dsl.Dataset(uri=str(examples)),
        predictions=dsl.Dataset(uri=str(predictions)),
        target="",
        fairness='{"metric": "true_positive_rate", "max_difference": 0.1}',
        recipe="full",
        **outputs,
    )
    verdict = read_verdict(outputs["fairness_verdict"].path)
    assert outputs["fairness_metrics"].metadata["num_refused"] == 1.0
    (tmp_path / "problem.yaml").write_text(
        "sensitive: [sex]\nfairness: {metric: true_positive_rate, max_difference: 0.9}\n"
    )
    arguments = ["--examples", examples, "--predictions", predictions, "--output", tmp_path / "out"]
    given = [*map(str, arguments), "--problem", str(tmp_path / "problem.yaml")]
    assert CliRunner().invoke(app, ["fairness", *given]).exit_code == 0
    refused = CliRunner().invoke(app, ["fairness", *given, "--max-difference", "0.1"])
    assert refused.exit_code == 1
    assert verdict.reason in refused.stdout


def test_the_job_needs_no_torch() -> None:
    code = "import sys, components.model_analysis.jobs.assess_fairness; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
