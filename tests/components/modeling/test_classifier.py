"""Networks by name, for every modality."""

import pytest
import torch

from components.modeling.backbone_config import backbone_config_from, backbone_modality, BackboneConfig, is_custom_model
from components.modeling.classifier import build_classifier
from components.modeling.fourier.settings import FourierSettings
from components.modeling.images.features import ImageFeatures
from components.shared.runtime.errors import ContractError

IMAGES = ImageFeatures(image_size=64)
WITH_SPECTRUM = ImageFeatures(image_size=64, fourier=FourierSettings(spectrum_bins=8))


def image_classifier(config, *, num_classes=2, load_pretrained=False):
    return build_classifier(config, IMAGES, num_classes=num_classes, load_pretrained=load_pretrained)


@pytest.mark.parametrize("name", ["small_cnn", "efficientnet_lite0", "timm:resnet10t", "timm:mobilenetv3_small_050"])
def test_every_backbone_gives_logits_and_an_embedding(name):
    classifier = image_classifier(BackboneConfig(name=name), num_classes=3, load_pretrained=False).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert classifier(images).shape == (2, 3)
        assert classifier.embed(images).shape == (2, classifier.head.in_features)


def test_a_frozen_backbone_keeps_weights_and_batch_statistics():
    config = BackboneConfig(name="efficientnet_lite0", pretrained=True, frozen=True)
    classifier = image_classifier(config, num_classes=2, load_pretrained=True).train()
    before = {name: value.clone() for name, value in classifier.backbone.state_dict().items()}
    classifier(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(parameter.grad is None for parameter in classifier.backbone.parameters())
    assert all(torch.equal(value, before[name]) for name, value in classifier.backbone.state_dict().items())
    assert classifier.head.weight.grad is not None


def stored(stripes, *, num_examples=6):
    images = [torch.from_numpy(stripes(number % 2, number, 64)) for number in range(num_examples)]
    return {"image": torch.stack(images)}


@pytest.mark.parametrize(
    "config",
    [
        BackboneConfig(name="small_cnn"),
        BackboneConfig(name="efficientnet_lite0", pretrained=True, frozen=True),
        BackboneConfig(name="timm:resnet10t"),
    ],
    ids=lambda config: config.name,
)
def test_the_spectrum_joins_the_embedding_before_the_head(config, stripes):
    classifier = build_classifier(config, WITH_SPECTRUM, num_classes=3, load_pretrained=True)
    images, spectra = WITH_SPECTRUM.tensors(stored(stripes))
    classifier.adapt([(images, spectra)])
    # Without dropout, and weighed: it may drop a column of all images, and what is standardised sums to nothing.
    classifier.eval()
    weights = torch.arange(1.0, 1 + len(images))[:, None]
    (weights * classifier(images, spectra)).sum().backward()
    assert classifier.head.weight.grad[:, -8:].abs().min() > 1e-3
    with torch.inference_mode():
        embeddings, logits = classifier.embed_and_score(images, spectra)
        alone, _ = classifier.embed_and_score(images[:1], spectra[:1])
    assert logits.shape == (6, 3)
    assert embeddings.shape == (6, classifier.head.in_features)
    scaled = embeddings[:, -8:]
    assert scaled.mean(dim=0).abs().max() < 1e-4
    torch.testing.assert_close(scaled.std(dim=0, correction=0), torch.ones(8), rtol=0, atol=1e-3)
    torch.testing.assert_close(alone, embeddings[:1], rtol=0, atol=1e-4)


def test_a_network_without_a_spectrum_has_the_weights_that_it_had():
    plain, joined = (
        build_classifier(BackboneConfig(name="small_cnn"), features, num_classes=2, load_pretrained=False)
        for features in (IMAGES, WITH_SPECTRUM)
    )
    assert set(joined.state_dict()) - set(plain.state_dict()) == {"spectrum.mean_R", "spectrum.std_R"}
    assert {name.partition(".")[0] for name in plain.state_dict()} == {"backbone", "head"}
    assert plain.head.in_features == joined.head.in_features - 8 == 256


def test_published_weights_tell_pictures_apart_better_than_random_ones(stripes):
    pictures = torch.stack([torch.from_numpy(stripes(label, seed, 64)) for label in (0, 1) for seed in range(4)])
    images = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    ratios = []
    for pretrained in (True, False):
        torch.manual_seed(0)
        config = BackboneConfig(name="efficientnet_lite0", pretrained=pretrained)
        with torch.inference_mode():
            network = image_classifier(config, num_classes=2, load_pretrained=True).eval()
            across, down = network.embed(images).split(4)
        between = (across.mean(0) - down.mean(0)).norm()
        ratios.append(float(between / (across.std(0).norm() + down.std(0).norm())))
    assert ratios[0] > ratios[1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"name": "resnet50"}, "backbone must be one of small_cnn"),
        ({"name": "small_cnn", "frozen": True}, "frozen backbone must be pretrained"),
        ({"name": "small_cnn", "dropout": 1.0}, r"backbone\.dropout must be a number from 0 to below 1, got 1"),
        ({"name": "small_cnn", "depth": 3}, r"unknown key 'backbone\.depth'; known keys are name, pretrained"),
        ({"name": 7}, r"backbone\.name must be text, got 7"),
        ({"name": "small_cnn", "pretrained": "yes"}, r"backbone\.pretrained must be true or false, got 'yes'"),
        (
            {"name": "small_cnn", "options": {"width": 8}},
            r"backbone\.options must be left out where the backbone is small_cnn",
        ),
        ({"name": "hf:x", "options": {"revision": 1}}, r"backbone\.options must be left out"),
        ({}, r"backbone\.name must be given"),
        ({"name": "my models:build"}, "backbone must be one of small_cnn"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(content, reason):
    with pytest.raises(ContractError, match=reason):
        backbone_config_from(content)


def test_a_name_that_timm_does_not_know_is_refused():
    with pytest.raises(ValueError, match="must be a timm model"):
        image_classifier(BackboneConfig(name="timm:no_such_net"), num_classes=2, load_pretrained=False)


def test_a_network_without_outputs_is_refused():
    with pytest.raises(ValueError, match="num_classes must be at least 1, got 0"):
        image_classifier(BackboneConfig(name="small_cnn"), num_classes=0, load_pretrained=False)


def test_small_cnn_has_no_published_weights():
    with pytest.raises(ValueError, match="no published weights"):
        image_classifier(BackboneConfig(name="small_cnn", pretrained=True), num_classes=2, load_pretrained=True)


def test_a_backbone_takes_the_examples_that_it_is_made_for():
    names = ("small_cnn", "timm:resnet18", "char_ngrams", "subwords", "hf:bert", "mlp", "team.models:build")
    assert [backbone_modality(name) for name in names] == ["image", "image", "text", "text", "text", "tabular", None]
    assert [name for name in names if is_custom_model(name)] == ["team.models:build"]
    with pytest.raises(ContractError, match="the backbone mlp takes tabular examples, but these are image"):
        image_classifier(BackboneConfig(name="mlp"))
