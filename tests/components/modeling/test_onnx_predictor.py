"""A network as an ONNX graph, computed by ONNX Runtime, against the same network computed by torch."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from components.modeling.answers import TARGET
from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.fourier.settings import FourierSettings
from components.modeling.images.features import ImageFeatures
from components.modeling.onnx_export import ExportError, onnx_network
from components.modeling.onnx_predictor import load_onnx_predictor, OnnxPredictor
from components.modeling.predictor import load_predictor, weights_of
from components.modeling.tabular.features import fit_tabular_features
from components.modeling.text.char_ngrams import TextFeatures
from components.modeling.trial_rows import largest_difference, trial_inputs
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.runtime.errors import ContractError

ROWS = {"fare": pa.array([3.25, 7.0, None, 40.0] * 20), "company": pa.array(["Blue", "Taxi"] * 40)}
TABLE = fit_tabular_features([ROWS], {name: values.type for name, values in ROWS.items()})
NUMBERS = fit_tabular_features([{"fare": ROWS["fare"]}], {"fare": pa.float64()})
MODELS = {
    "image": (ImageFeatures(image_size=16), "small_cnn", "image_classification"),
    "text": (TextFeatures(), "char_ngrams", "text_classification"),
    "table": (TABLE, "mlp", "tabular_classification"),
    "numbers alone": (NUMBERS, "mlp", "tabular_classification"),
    "regression": (TABLE, "mlp", "tabular_regression"),
}


def written(path, features, backbone, task):
    torch.manual_seed(3)
    is_number = task.endswith("regression")
    config = BackboneConfig(name=backbone)
    network = build_classifier(config, features, num_classes=1 if is_number else 3, load_pretrained=False)
    target = {TARGET: {"mean": 200.0, "std": 50.0}} if is_number else {}
    described = BundleConfig(
        task=task,
        class_names=() if is_number else ("a", "b", "c"),
        backbone=config.to_dict(),
        preprocessing={**features.to_dict(), **target},
    )
    write_bundle(path, described, weights_of(network))
    return load_predictor(path, device="cpu")


@pytest.mark.parametrize("name", MODELS)
def test_onnx_runtime_answers_as_torch_does_for_any_number_of_rows(tmp_path, name):
    predictor = written(tmp_path / "model", *MODELS[name])

    graph = onnx_network(predictor, trial_inputs(predictor, 2))

    computed = OnnxPredictor(graph, predictor.config, predictor.features, num_threads=1)
    for num_rows in (1, 7):
        rows = trial_inputs(predictor, num_rows)
        found, wanted = computed.predict(rows), predictor.predict(rows)
        assert found.embeddings_BD.shape == wanted.embeddings_BD.shape
        assert largest_difference(predictor, found, wanted) < 1e-5
        if wanted.numbers_B is not None:
            np.testing.assert_allclose(found.numbers_B, wanted.numbers_B, rtol=1e-5)
    assert onnx_network(predictor, trial_inputs(predictor, 2)) == graph


def test_the_length_of_texts_is_free(tmp_path):
    predictor = written(tmp_path / "model", *MODELS["text"])
    graph = onnx_network(predictor, trial_inputs(predictor, 2))
    computed = OnnxPredictor(graph, predictor.config, predictor.features, num_threads=1)

    for texts in ([""], ["short", "영화가 좋았다 " * 40]):
        rows = predictor.prepare({"text": pa.array(texts)})
        assert largest_difference(predictor, computed.predict(rows), predictor.predict(rows)) < 1e-5


def test_a_network_with_an_operator_that_onnx_lacks_is_said_so(tmp_path):
    features = ImageFeatures(image_size=16, fourier=FourierSettings(spectrum_bins=4))
    predictor = written(tmp_path / "model", features, "small_cnn", "image_classification")

    with pytest.raises(ExportError, match="fft"):
        onnx_network(predictor, trial_inputs(predictor, 2))


def test_a_bundle_without_a_graph_and_one_that_is_none_are_refused(tmp_path):
    predictor = written(tmp_path / "model", *MODELS["image"])

    with pytest.raises(ContractError, match=r"must have network\.onnx to be computed without torch"):
        load_onnx_predictor(tmp_path / "model", num_threads=1)
    with pytest.raises(ContractError, match=r"network\.onnx must be a graph that ONNX Runtime can load"):
        OnnxPredictor(b"no graph", predictor.config, predictor.features, num_threads=1)


def test_a_graph_of_other_inputs_is_refused(tmp_path):
    table = written(tmp_path / "table", *MODELS["table"])
    image = written(tmp_path / "image", *MODELS["image"])
    graph = onnx_network(table, trial_inputs(table, 2))

    with pytest.raises(ContractError, match="must take image and give embeddings, answers, but takes numbers, categ"):
        OnnxPredictor(graph, image.config, image.features, num_threads=1)


def test_bfloat16_answers_nearly_the_same_and_can_be_undone(tmp_path):
    predictor = written(tmp_path / "model", *MODELS["image"])
    rows = trial_inputs(predictor, 4)
    exact = predictor.predict(rows)

    predictor.compute_in_half(True)
    near = predictor.predict(rows)
    predictor.compute_in_half(False)

    assert 0 < np.abs(near.probabilities_BK - exact.probabilities_BK).max() < 0.02
    np.testing.assert_array_equal(predictor.predict(rows).probabilities_BK, exact.probabilities_BK)
