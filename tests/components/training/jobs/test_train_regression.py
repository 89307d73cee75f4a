"""A training whose label is a number: the bundle keeps its scale and answers in its unit."""

import json

import numpy as np
import pytest

from components.modeling.predictor import load_predictor
from components.shared.contracts.bundle import read_config
from components.shared.feature_store.store import FeatureStore
from components.training.jobs.train_model import train_model, TrainingInputs


def test_the_bundle_answers_numbers_in_the_labels_unit(friedman_store, friedman_model):
    config, store = read_config(friedman_model), FeatureStore(friedman_store)
    labels = store.labels[store.indices("train")]
    assert (config.task, config.class_names) == ("tabular_regression", ())
    assert config.preprocessing["target"] == pytest.approx({"mean": labels.mean(), "std": labels.std()})
    rows = store.indices("test")
    numbers = load_predictor(friedman_model, device="cpu").predict(store.gather(rows)).numbers_B
    assert numbers.dtype == np.float64
    assert 1.0 - np.mean((numbers - store.labels[rows]) ** 2) / store.labels[rows].var() > 0.5


def test_the_curves_are_of_numbers(friedman_store, outputs, tmp_path):
    settings = {"recipe": "smoke", "training": "", "seed": 0, "device": "cpu", "checkpoint_dir": str(tmp_path / "c")}
    result = train_model(TrainingInputs(features=friedman_store), outputs, **settings)
    assert "val_accuracy" not in result.metrics
    assert result.metrics["val_mae"] > 100.0
    assert json.loads(outputs.metrics.read_text()) == result.metrics
    assert "Mean absolute error" in outputs.report.read_text()


@pytest.mark.parametrize("training", ['{"label_smoothing": 0.1}', '{"class_weighting": "balanced"}'])
def test_what_is_for_classes_is_refused_in_one_sentence(friedman_store, outputs, tmp_path, training):
    settings = {"recipe": "smoke", "seed": 0, "device": "cpu", "checkpoint_dir": str(tmp_path / "c")}
    with pytest.raises(ValueError, match=r"where the label is a number, got .*: they are for classes"):
        train_model(TrainingInputs(features=friedman_store), outputs, training=training, **settings)


def test_training_goes_on_from_an_earlier_model_of_numbers(friedman_store, friedman_model, outputs, tmp_path):
    settings = {"recipe": "smoke", "seed": 0, "device": "cpu", "checkpoint_dir": str(tmp_path / "c")}
    training = json.dumps({"warm_start": str(friedman_model), "learning_rate": 1e-6})
    warm = train_model(TrainingInputs(features=friedman_store), outputs, training=training, **settings)
    assert warm.metrics["val_loss"] < 0.5


def test_a_model_to_go_on_from_may_be_named_beside_the_problem_file(friedman_store, friedman_model, outputs, tmp_path):
    settings = {"recipe": "smoke", "seed": 0, "device": "cpu", "checkpoint_dir": str(tmp_path / "c")}
    settings |= {"training": '{"learning_rate": 1e-6}', "warm_start": str(friedman_model)}
    warm = train_model(TrainingInputs(features=friedman_store), outputs, **settings)
    assert warm.metrics["val_loss"] < 0.5
