"""A bundle as something that predicts, and bundles that must not be believed."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.dropout_sampling import DropoutSampling
from components.modeling.images.decoding import encode_png, UndecodableImageError
from components.modeling.images.features import image_features_from, ImageFeatures
from components.modeling.images.normalization import normalize
from components.modeling.predictor import load_predictor, weights_of
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.runtime.errors import ContractError

FEATURES = ImageFeatures(image_size=16)


def columns(images):
    return {"image": pa.array(images, pa.binary())}


def config(**changes) -> BundleConfig:
    settings = {
        "task": "image_classification",
        "class_names": ("a", "b", "c"),
        "backbone": BackboneConfig(name="small_cnn").to_dict(),
        "preprocessing": ImageFeatures(image_size=16).to_dict(),
    }
    return BundleConfig(**{**settings, **changes})


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_classifier(BackboneConfig(name="small_cnn"), FEATURES, num_classes=3, load_pretrained=False).eval()


def test_a_bundle_predicts_what_the_network_did(tmp_path, network, stripes):
    write_bundle(tmp_path / "model", config(), weights_of(network))
    predictor = load_predictor(tmp_path / "model", device="cpu")
    images = predictor.prepare(columns([encode_png(stripes(0, seed)) for seed in range(3)]))
    prediction = predictor.predict(images)
    with torch.inference_mode():
        expected = network(normalize(torch.from_numpy(images["image"]), "standard")).softmax(1).numpy()
    np.testing.assert_allclose(prediction.probabilities_BK, expected, atol=1e-6)
    assert prediction.embeddings_BD.shape == (3, 256)
    assert predictor.class_names == ("a", "b", "c")


@pytest.mark.parametrize("normalization", ["min_max", "standard", "channel"])
@pytest.mark.parametrize(
    "fourier",
    [
        {"filter": "low_pass", "high": 0.5},
        {"filter": "high_pass", "low": 0.1},
        {"filter": "band_pass", "low": 0.1, "high": 0.5, "spectrum_bins": 8},
        {"spectrum_bins": 4},
    ],
    ids=lambda fourier: fourier.get("filter", "none"),
)
def test_a_bundle_predicts_what_the_network_did_for_every_preparation(tmp_path, stripes, normalization, fourier):
    statistics = {"channel_mean": [99.0, 100.0, 101.0], "channel_std": [60.0, 61.0, 62.0]}
    content = {"image_size": 16, "normalization": normalization, "fourier": fourier}
    features = image_features_from({**content, **(statistics if normalization == "channel" else {})})
    torch.manual_seed(0)
    trained = build_classifier(BackboneConfig(name="small_cnn"), features, num_classes=3, load_pretrained=False).eval()
    images = np.stack([stripes(number % 2, number, 16) for number in range(5)])
    with torch.inference_mode():
        tensors = features.tensors({"image": torch.from_numpy(images)})
        trained.adapt([tensors])
        expected = trained(*tensors).softmax(1).numpy()
    write_bundle(tmp_path / "model", config(preprocessing=features.to_dict()), weights_of(trained))
    predictor = load_predictor(tmp_path / "model", device="cpu")
    prepared = predictor.prepare(columns([encode_png(image) for image in images]))
    np.testing.assert_allclose(predictor.predict(prepared).probabilities_BK, expected, atol=1e-6)


def test_nothing_to_predict_gives_nothing(tmp_path, network):
    write_bundle(tmp_path / "model", config(), weights_of(network))
    predictor = load_predictor(tmp_path / "model", device="cpu")
    assert predictor.predict(predictor.prepare(columns([]))).probabilities_BK.shape == (0, 3)


def test_the_batch_does_not_change_a_prediction(tmp_path, network, stripes):
    write_bundle(tmp_path / "model", config(), weights_of(network))
    predictor = load_predictor(tmp_path / "model", device="cpu")
    images = predictor.prepare(columns([encode_png(stripes(1, seed)) for seed in range(5)]))
    together = predictor.predict(images).probabilities_BK
    alone = np.concatenate(
        [predictor.predict({"image": images["image"][i : i + 1]}).probabilities_BK for i in range(5)]
    )
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (np.zeros((1, 17, 16, 3), np.uint8), "17, 16, 3"),
        (np.zeros((1, 16, 16, 3), np.float32), "float32"),
        (np.zeros((16, 16, 3), np.uint8), r"\(16, 16, 3\)"),
    ],
)
def test_images_of_another_shape_or_type_are_refused(tmp_path, network, images, found):
    write_bundle(tmp_path / "model", config(), weights_of(network))
    with pytest.raises(ValueError, match=found):
        load_predictor(tmp_path / "model", device="cpu").predict({"image": images})


def test_a_text_file_is_refused_with_a_reason(tmp_path, network):
    write_bundle(tmp_path / "model", config(), weights_of(network))
    with pytest.raises(UndecodableImageError, match="no image"):
        load_predictor(tmp_path / "model", device="cpu").prepare(columns([b"text"]))


def test_inputs_of_another_name_are_refused(tmp_path, network):
    write_bundle(tmp_path / "model", config(), weights_of(network))
    with pytest.raises(ValueError, match="inputs must be image, got tokens"):
        load_predictor(tmp_path / "model", device="cpu").predict({"tokens": np.zeros((1, 2), np.int32)})


def test_weights_of_another_shape_are_refused(tmp_path, network):
    weights = {**weights_of(network), "head.bias": np.zeros(4, np.float32)}
    write_bundle(tmp_path / "model", config(), weights)
    with pytest.raises(ContractError, match=r"head\.bias .* shape \(3,\), got \(4,\)"):
        load_predictor(tmp_path / "model")


def test_missing_weights_are_refused(tmp_path, network):
    weights = weights_of(network)
    del weights["head.bias"]
    write_bundle(tmp_path / "model", config(), weights)
    with pytest.raises(ContractError, match=r"1 names differ, head\.bias first"):
        load_predictor(tmp_path / "model")


def test_weights_that_are_no_numbers_are_refused(tmp_path, network):
    weights = {**weights_of(network), "head.bias": np.full(3, np.nan, np.float32)}
    write_bundle(tmp_path / "model", config(), weights)
    with pytest.raises(ContractError, match="must be finite"):
        load_predictor(tmp_path / "model")


@pytest.mark.parametrize("name", ["resnet_of_my_own", "timm:no_such_net"])
def test_an_unknown_backbone_is_refused(tmp_path, network, name):
    write_bundle(tmp_path / "model", config(backbone={"name": name}), weights_of(network))
    with pytest.raises(ContractError, match=r"backbone|timm model"):
        load_predictor(tmp_path / "model")


@pytest.mark.gpu
def test_cpu_and_gpu_predict_alike(tmp_path, network, stripes):
    write_bundle(tmp_path / "model", config(), weights_of(network))
    cpu, gpu = (load_predictor(tmp_path / "model", device=device) for device in ("cpu", "cuda"))
    images = cpu.prepare(columns([encode_png(stripes(0, seed)) for seed in range(8)]))
    np.testing.assert_allclose(cpu.predict(images).probabilities_BK, gpu.predict(images).probabilities_BK, atol=1e-4)


def test_dropout_varies_the_answers_and_not_the_probabilities(tmp_path, network, stripes):
    write_bundle(tmp_path / "model", config(), weights_of(network))
    predictor = load_predictor(tmp_path / "model", device="cpu")
    images = predictor.prepare(columns([encode_png(stripes(0, seed)) for seed in range(3)]))
    plain = predictor.predict(images)
    varied = predictor.predict(images, dropout=DropoutSampling(num_passes=4, seed=1))
    assert plain.mutual_information_B is None
    np.testing.assert_array_equal(varied.probabilities_BK, plain.probabilities_BK)
    again = predictor.predict(images, dropout=DropoutSampling(num_passes=4, seed=1))
    np.testing.assert_array_equal(varied.mutual_information_B, again.mutual_information_B)
    assert varied.mutual_information_B.shape == (3,)


def test_a_model_without_dropout_says_so(tmp_path, network):
    without = BackboneConfig(name="small_cnn", dropout=0.0).to_dict()
    write_bundle(tmp_path / "model", config(backbone=without), weights_of(network))
    with pytest.raises(ValueError, match="this one has none: ask for 0"):
        load_predictor(tmp_path / "model", device="cpu").check_dropout()
