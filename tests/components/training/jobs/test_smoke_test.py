"""The smoke test's files: verdict, report, metrics, forecast."""

from dataclasses import replace
import json
from pathlib import Path

import pytest
import torch

from components.shared.contracts.asked_classes import AskedClasses
from components.shared.contracts.verdict import read_verdict
from components.shared.feature_store.store import FeatureStore
from components.shared.feature_store.writer import FeatureStoreWriter
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.training.cost.forecast import read_forecast
from components.training.jobs.smoke_test import smoke_test, SmokePaths
from components.training.smoke.suite import SUITE


@pytest.fixture
def paths(stripes_store, stripes_table, tmp_path):
    return SmokePaths(
        features=stripes_store,
        examples=stripes_table,
        report=tmp_path / "report.html",
        verdict=tmp_path / "verdict.json",
        metrics=tmp_path / "metrics.json",
        forecast=tmp_path / "forecast.json",
    )


@pytest.fixture
def run(paths):
    def smoke(**changes):
        given = {name: changes.pop(name) for name in ("features", "examples") if name in changes}
        settings = {"recipe": "full", "training": "", "budget": "", "seed": 0, "device": "cpu", **changes}
        result = smoke_test(replace(paths, **given), **settings)
        return result, read_verdict(paths.verdict), paths.report.read_text(encoding="utf-8")

    return smoke


@pytest.fixture
def store_with_bug(stripes_store, tmp_path, monkeypatch):
    """A feature store for a model of one's own that has a bug."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    monkeypatch.setenv(ALLOWED_VARIABLE, "planted_models:build")
    store = FeatureStore(stripes_store)

    def write(bug):
        own = {**store.preparation["backbone"], "name": "planted_models:build", "options": {"bug": bug}}
        with FeatureStoreWriter(
            tmp_path / bug,
            modality=store.modality,
            class_names=store.class_names,
            input_specs=store.input_specs,
            preparation={**store.preparation, "backbone": own},
        ) as writer:
            rows = range(len(store))
            writer.write(
                example_ids=list(store.example_ids),
                splits=list(store.splits),
                labels=store.labels.tolist(),
                inputs=store.gather(list(rows)),
            )
        return tmp_path / bug

    return write


def test_a_healthy_training_leaves_verdict_report_metrics_and_forecast(run, tmp_path):
    result, verdict, report = run(budget='{"max_hours": 100, "candidates": 3}')
    assert result.passed
    assert verdict.passed
    assert verdict.check == "smoke"
    assert result.reason == f"{len(SUITE)} checks hold, 2 not applicable or not judged"
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    forecast = read_forecast(tmp_path / "forecast.json")
    assert metrics["num_failed"] == 0
    assert metrics["num_checks"] == len(SUITE) + 2
    assert metrics["forecast_duration_s"] == forecast.duration_s.central > 0
    for check in SUITE:
        assert check.name in report
    assert "one training of 10 epochs" in report


def test_a_bug_blocks_and_nothing_is_forecast(run, store_with_bug, tmp_path):
    result, verdict, report = run(features=store_with_bug("UnusedLayer"))
    assert not result.passed
    assert [finding.name for finding in verdict.findings] == ["gradients reach every weight"]
    assert result.reason.startswith("gradients reach every weight: 2 of 10 trainable tensors get no gradient")
    assert "a layer that is never called" in report
    assert "it rests on: gradients reach every weight" in report
    assert read_forecast(tmp_path / "forecast.json") is None
    assert json.loads((tmp_path / "metrics.json").read_text())["num_failed"] == 1


def test_a_budget_that_the_training_exceeds_blocks_it(run, store_with_bug):
    small = store_with_bug("Healthy")
    result, verdict, report = run(features=small, training='{"learning_rate": 0.01}', budget='{"max_hours": 0.0001}')
    assert not result.passed
    (finding,) = verdict.findings
    assert finding.name == "budget.max_hours"
    assert "times the budget of 0.0001" in result.reason
    assert "beyond" in report


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (AskedClasses(names={"fairness.positive": "zebra"}), "fairness.positive must be one of"),
        (AskedClasses(names={"target.at.positive": "zebra"}, must_be_two=True), "target.at.positive must be one of"),
    ],
)
def test_an_analysis_that_cannot_be_done_is_known_before_the_training(run, store_with_bug, asked, reason):
    result, verdict, _ = run(features=store_with_bug("UnusedLayer"), asked_classes=asked.to_json())
    assert not result.passed
    assert verdict.findings[0].name == "the analysis can answer what is asked"
    assert verdict.findings[0].message.startswith(reason)


def test_settings_of_the_problem_file_are_those_that_are_checked(run, store_with_bug):
    result, verdict, _ = run(
        features=store_with_bug("Healthy"), training='{"learning_rate": 1e-30, "weight_decay": 0.0}'
    )
    assert not result.passed
    assert verdict.findings[0].name == "weights move"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recipe": "quick"}, "recipe must be one of"),
        ({"training": '{"learning_rat": 1}'}, "unknown key 'training.learning_rat'"),
        ({"budget": '{"max_hours": -1}'}, r"budget\.max_hours must be a number above 0"),
        ({"budget": '{"max_days": 1}'}, "unknown key 'budget.max_days'"),
        ({"device": "tpu"}, "device must be auto, cpu or cuda"),
    ],
)
def test_what_is_unknown_is_refused(run, change, reason):
    with pytest.raises(ValueError, match=reason):
        run(**change)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.slow
def test_who_insists_on_a_gpu_hears_first_that_there_is_none(run, tmp_path):
    result, verdict, report = run(examples=None, device="cuda")
    assert not result.passed
    assert verdict.findings[0].name in ("driver", "shared memory", "disk")
    assert verdict.findings[-1].name in ("driver", "GPU")
    assert verdict.findings[-1].message in report
    assert read_forecast(tmp_path / "forecast.json") is None
