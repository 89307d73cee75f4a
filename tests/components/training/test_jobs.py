"""Checked inputs, the smoke test's verdict, the trained bundle."""

import json

import numpy as np
import pytest
import torch

from components.modeling.predictor import load_predictor
from components.shared.contracts.bundle import file_listing, read_config
from components.shared.contracts.verdict import read_verdict
from components.shared.feature_store.store import FeatureStore
from components.training.jobs.check_inputs import check_inputs
from components.training.jobs.smoke_test import smoke_test
from components.training.jobs.train_model import train_model
from components.training.jobs.train_on_nodes import train_on_nodes


def inputs(tmp_path, **changes):
    settings = {
        "source": "digits",
        "problem": "",
        "recipe": "full",
        "backbone": "auto",
        "seed": 0,
        "model_name": "model",
        "checkpoint_dir": str(tmp_path / "checkpoints"),
        "model_root": str(tmp_path / "models"),
    }
    return check_inputs(**{**settings, **changes})


def test_the_target_is_split_from_the_rest_of_the_problem(tmp_path):
    low = inputs(tmp_path, problem="target: {minimum: 0.8}")
    high = inputs(tmp_path, problem="target: {minimum: 0.9}  # a comment")
    assert low.data_problem == high.data_problem
    assert json.loads(low.target) == {"metric": "accuracy", "minimum": 0.8}
    assert json.loads(high.target)["minimum"] == 0.9


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"source": "no/such/folder"}, FileNotFoundError, "nothing at no/such/folder"),
        ({"source": ""}, ValueError, "data source must be"),
        ({"problem": "labels: {column: x}"}, ValueError, "unknown key 'labels'"),
        ({"problem": "modality: text", "backbone": "mlp"}, ValueError, "mlp takes tabular examples, .* modality text"),
        ({"problem": "training: {epochs: 3}"}, ValueError, r"unknown key 'training\.epochs'"),
        ({"problem": "training: {learning_rate: 0}"}, ValueError, "learning_rate must be above 0"),
        ({"problem": "budget: {max_money: 3}"}, ValueError, "must come with budget.price_per_gpu_hour"),
        ({"backbone": "team.models:build"}, ValueError, "set PLUSZERO_OWN_CODE=team.models:build"),
        ({"recipe": "quick"}, ValueError, "recipe must be one of"),
        ({"backbone": "vgg"}, ValueError, "backbone must be one of"),
        ({"backbone": "timm:no_such_net"}, ValueError, "must be a timm model"),
        ({"seed": -1}, ValueError, "seed must be 0 or more, got -1"),
        ({"model_name": "My Model"}, ValueError, "model_name must be"),
        ({"checkpoint_dir": ""}, ValueError, "checkpoint_dir must be"),
        ({"model_root": "nosuchprotocol://x"}, ValueError, "model_root must be"),
        ({"feature_dir": "s3://bucket/features"}, ValueError, "feature_dir must be the absolute path of a folder"),
        ({"feature_dir": "features"}, ValueError, "feature_dir must be the absolute path of a folder"),
        ({"feature_dir": "/proc/features"}, ValueError, "feature_dir must be a folder or a URI that can be written"),
    ],
)
def test_every_wrong_parameter_is_named(tmp_path, change, error, reason):
    with pytest.raises(error, match=reason):
        inputs(tmp_path, **change)


def test_training_and_budget_are_handed_on(tmp_path):
    checked = inputs(tmp_path, problem="training: {max_epochs: 3}\nbudget: {max_hours: 2}\nmodality: text")
    assert json.loads(checked.training) == {"max_epochs": 3}
    assert json.loads(checked.budget)["max_hours"] == 2.0
    assert not {"training", "budget", "target"} & json.loads(checked.data_problem).keys()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="model_root must be a folder or a URI that can be written"):
        inputs(tmp_path, model_root=str(tmp_path / "file" / "models"))


def test_the_smoke_test_leaves_verdict_report_metrics_and_forecast(stripes_store, stripes_table, tmp_path):
    result = smoke_test(
        features_path=stripes_store,
        examples_path=stripes_table,
        recipe="full",
        training="",
        budget="",
        seed=0,
        report_path=tmp_path / "report.html",
        verdict_path=tmp_path / "verdict.json",
        metrics_path=tmp_path / "metrics.json",
        forecast_path=tmp_path / "forecast.json",
        device="cpu",
    )
    assert result.passed
    assert read_verdict(tmp_path / "verdict.json").check == "smoke"
    assert json.loads((tmp_path / "metrics.json").read_text())["num_failed"] == 0
    assert (tmp_path / "forecast.json").is_file()
    assert "one batch is learnt" in (tmp_path / "report.html").read_text(encoding="utf-8")


def train(stripes_store, folder, checkpoint_dir):
    return train_model(
        features_path=stripes_store,
        schema_path=folder / "schema.pbtxt",
        statistics_path=folder / "statistics",
        forecast_path=None,
        recipe="smoke",
        training="",
        seed=1,
        checkpoint_dir=str(checkpoint_dir),
        model_path=folder / "model",
        report_path=folder / "report.html",
        metrics_path=folder / "metrics.json",
        logs_path=folder / "logs",
        device="cpu",
    )


@pytest.fixture
def baseline(tmp_path):
    (tmp_path / "statistics").mkdir()
    (tmp_path / "statistics" / "train.pb").write_bytes(b"statistics")
    (tmp_path / "schema.pbtxt").write_text("feature {}")
    return tmp_path


def test_training_writes_a_bundle_that_predicts(stripes_store, baseline):
    result = train(stripes_store, baseline, baseline / "checkpoints")
    config = read_config(baseline / "model")
    assert config.class_names == ("across", "down")
    assert config.training["recipe"] == "smoke"
    assert set(file_listing(baseline / "model")) == {"weights.safetensors", "schema.pbtxt", "statistics/train.pb"}
    predictor = load_predictor(baseline / "model", device="cpu")
    images = FeatureStore(stripes_store).gather(np.arange(4))
    np.testing.assert_allclose(predictor.predict(images).probabilities_BK.sum(1), 1.0, atol=1e-5)
    assert json.loads((baseline / "metrics.json").read_text()) == result.metrics
    assert result.metrics["val_loss"] > 0
    assert list((baseline / "logs").glob("events.*"))
    assert "<polyline" in (baseline / "report.html").read_text() or "<circle" in (baseline / "report.html").read_text()


def test_the_same_run_again_is_taken_from_its_checkpoint(stripes_store, baseline):
    first = train(stripes_store, baseline, baseline / "checkpoints")
    bundle = {name: (baseline / "model" / name).read_bytes() for name in ("config.json", "weights.safetensors")}
    second = train(stripes_store, baseline, baseline / "checkpoints")
    assert not first.resumed
    assert second.resumed
    assert second.metrics == first.metrics
    assert bundle == {name: (baseline / "model" / name).read_bytes() for name in bundle}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_step_that_insists_on_a_gpu_fails_its_smoke_test_where_there_is_none(stripes_store, tmp_path):
    paths = {name: tmp_path / name for name in ("report_path", "verdict_path", "metrics_path", "forecast_path")}
    result = smoke_test(
        features_path=stripes_store,
        examples_path=None,
        recipe="smoke",
        training="",
        budget="",
        seed=0,
        device="cuda",
        **paths,
    )
    assert not result.passed
    verdict = read_verdict(tmp_path / "verdict_path")
    assert verdict.findings
    assert verdict.findings[-1].name in ("driver", "GPU")
    assert verdict.findings[-1].message in (tmp_path / "report_path").read_text(encoding="utf-8")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_training_that_insists_on_a_gpu_does_not_fall_back_to_a_cpu(stripes_store, tmp_path):
    with pytest.raises(ValueError, match="the step must have a GPU that works, but: "):
        train_model(
            features_path=stripes_store,
            schema_path=None,
            statistics_path=None,
            forecast_path=None,
            recipe="smoke",
            training="",
            seed=0,
            checkpoint_dir=str(tmp_path / "checkpoints"),
            model_path=tmp_path / "model",
            report_path=tmp_path / "report.html",
            metrics_path=tmp_path / "metrics.json",
            logs_path=tmp_path / "logs",
            device="cuda",
        )
    assert not (tmp_path / "model").exists()


def test_several_nodes_need_the_pipelines_version_for_them(stripes_store, tmp_path):
    with pytest.raises(ValueError, match="num_nodes must be 1 where training runs within its step, got 3"):
        train_model(
            features_path=stripes_store,
            schema_path=None,
            statistics_path=None,
            forecast_path=None,
            recipe="smoke",
            training='{"num_nodes": 3}',
            seed=0,
            checkpoint_dir=str(tmp_path / "checkpoints"),
            model_path=tmp_path / "model",
            report_path=tmp_path / "report.html",
            metrics_path=tmp_path / "metrics.json",
            logs_path=tmp_path / "logs",
        )


def test_nodes_must_see_features_and_checkpoints(stripes_store, tmp_path):
    with pytest.raises(ValueError, match="the feature store must lie on the workspace, /mnt/pluszero, where all nodes"):
        train_on_nodes(
            features_path=stripes_store,
            schema_path=None,
            statistics_path=None,
            forecast_path=None,
            recipe="smoke",
            training='{"num_nodes": 3}',
            seed=0,
            checkpoint_dir="s3://bucket/checkpoints",
            model_path=tmp_path / "model",
            report_path=tmp_path / "report.html",
            metrics_path=tmp_path / "metrics.json",
            logs_path=tmp_path / "logs",
            node_image="localhost/pluszero-mlops-training:dev",
            workspace_claim="pluszero-workspace",
        )
