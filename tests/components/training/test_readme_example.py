"""The README's model of a team's own goes the whole way: features, smoke test, training, analysis, prediction."""

import json
import re
import sys

import numpy as np
import pytest

from components.feature_engineering.jobs import build_feature_store
from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.modeling.predictor import load_predictor
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.verdict import read_verdict
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.training.jobs.smoke_test import smoke_test, SmokePaths
from components.training.jobs.train_model import train_model, TrainingInputs, TrainingOutputs

BACKBONE = "team_models:build"
TRAINING = json.dumps({"options": {"width": 8}, "max_epochs": 3})


@pytest.fixture
def team_model(repository, tmp_path, monkeypatch):
    readme = (repository / "components" / "training" / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "team_models.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "team_models", raising=False)
    monkeypatch.setenv(ALLOWED_VARIABLE, BACKBONE)


def test_a_model_of_ones_own_goes_the_whole_way(team_model, stripes_table, tmp_path):
    build_feature_store(
        examples_path=stripes_table,
        backbone=BACKBONE,
        features_path=tmp_path / "features",
        report_path=tmp_path / "features.html",
    )
    paths = SmokePaths(
        features=tmp_path / "features",
        examples=stripes_table,
        report=tmp_path / "smoke.html",
        verdict=tmp_path / "smoke.json",
        metrics=tmp_path / "smoke-metrics.json",
        forecast=tmp_path / "forecast.json",
    )
    smoke = smoke_test(paths, recipe="full", training=TRAINING, budget="", seed=0)
    assert smoke.passed, smoke.reason
    trained = train_model(
        TrainingInputs(features=tmp_path / "features", forecast=paths.forecast),
        TrainingOutputs(
            model=tmp_path / "model",
            report=tmp_path / "training.html",
            metrics=tmp_path / "training.json",
            logs=tmp_path / "logs",
        ),
        recipe="full",
        training=TRAINING,
        seed=0,
        checkpoint_dir=str(tmp_path / "checkpoints"),
    )
    assert trained.metrics["val_accuracy"] > 0.9
    evaluate_model(
        examples_path=stripes_table,
        model_path=tmp_path / "model",
        target="",
        predictions_path=tmp_path / "predictions",
        evaluation_path=tmp_path / "evaluation.json",
        report_path=tmp_path / "analysis.html",
        verdict_path=tmp_path / "analysis.json",
        metrics_path=tmp_path / "analysis-metrics.json",
        classification_metrics_path=tmp_path / "classification.json",
    )
    assert read_verdict(tmp_path / "analysis.json").passed
    predictor = load_predictor(tmp_path / "model", device="cpu")
    table = ExampleTable(stripes_table).read(["image"], splits=["test"])
    prediction = predictor.predict(predictor.prepare({"image": table.column(0).combine_chunks()}))
    assert prediction.embeddings_BD.shape[1] == 64
    scored = PredictionsTable(tmp_path / "predictions").probabilities(splits=["test"])
    np.testing.assert_allclose(prediction.probabilities_BK, scored, atol=1e-5)
