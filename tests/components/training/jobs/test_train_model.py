"""The trained bundle, and what a training that cannot be run on one node says."""

import json

import numpy as np
import pytest
import torch

from components.modeling.predictor import load_predictor
from components.shared.contracts import embedding_reference
from components.shared.contracts.bundle import file_listing, read_config
from components.shared.feature_store.store import FeatureStore
from components.training import held_out_embeddings
from components.training.jobs.train_model import train_model, TrainingInputs


@pytest.fixture
def train(stripes_store, outputs, tmp_path):
    (tmp_path / "statistics").mkdir()
    (tmp_path / "statistics" / "train.pb").write_bytes(b"statistics")
    (tmp_path / "schema.pbtxt").write_text("feature {}")
    (tmp_path / "record").write_bytes(b"splits")
    inputs = TrainingInputs(
        features=stripes_store,
        schema=tmp_path / "schema.pbtxt",
        statistics=tmp_path / "statistics",
        splits=tmp_path / "record",
    )

    def run(**changes):
        settings = {"recipe": "smoke", "training": "", "seed": 1, "device": "cpu", **changes}
        return train_model(inputs, outputs, checkpoint_dir=str(tmp_path / "checkpoints"), **settings)

    return run


def test_training_writes_a_bundle_that_predicts(train, outputs, stripes_store):
    result = train()
    config = read_config(outputs.model)
    assert config.class_names == ("across", "down")
    assert config.training["recipe"] == "smoke"
    files = {"weights.safetensors", "schema.pbtxt", "statistics/train.pb", "splits.parquet"}
    assert set(file_listing(outputs.model)) == files
    assert (outputs.model / "splits.parquet").read_bytes() == b"splits"
    predictor = load_predictor(outputs.model, device="cpu")
    images = FeatureStore(stripes_store).gather(np.arange(4))
    np.testing.assert_allclose(predictor.predict(images).probabilities_BK.sum(1), 1.0, atol=1e-5)
    assert json.loads(outputs.metrics.read_text()) == result.metrics
    assert result.metrics["val_loss"] > 0
    assert list(outputs.logs.glob("events.*"))
    assert "<polyline" in outputs.report.read_text() or "<circle" in outputs.report.read_text()


def test_a_bundle_says_where_the_embeddings_of_held_out_rows_lie(train, outputs, stripes_store, monkeypatch):
    for module in (embedding_reference, held_out_embeddings):
        monkeypatch.setattr(module, "MIN_ROWS", 20)
    train()
    reference = embedding_reference.read_embedding_reference(outputs.model)
    store, predictor = FeatureStore(stripes_store), load_predictor(outputs.model, device="cpu")

    images = store.gather(store.indices("validation"))
    inverted = {name: 255 - values for name, values in images.items()}
    distances = reference.distances_of(predictor.predict(images).embeddings_BD)
    assert np.mean(distances > reference.distance_at(0.5)) == 0.5
    assert distances.max() == pytest.approx(reference.distance_at(1.0), rel=1e-4)
    assert np.median(reference.distances_of(predictor.predict(inverted).embeddings_BD)) > np.median(distances)


def test_the_same_run_again_is_taken_from_its_checkpoint(train, outputs):
    first = train()
    bundle = {name: (outputs.model / name).read_bytes() for name in ("config.json", "weights.safetensors")}
    second = train()
    assert not first.resumed
    assert second.resumed
    assert second.metrics == first.metrics
    assert bundle == {name: (outputs.model / name).read_bytes() for name in bundle}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_training_that_insists_on_a_gpu_does_not_fall_back_to_a_cpu(train, outputs):
    with pytest.raises(ValueError, match="the step must have a GPU that works, but: "):
        train(device="cuda")
    assert not outputs.model.exists()


def test_several_nodes_need_the_pipelines_version_for_them(train):
    with pytest.raises(ValueError, match="num_nodes must be 1 where training runs within its step, got 3"):
        train(training='{"num_nodes": 3}', device="auto")
