"""How far answers differ under dropout."""

import numpy as np
import pytest
import torch
from torch import nn

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.dropout_sampling import dropout_active, DropoutSampling, has_dropout, mutual_information
from components.modeling.images.features import ImageFeatures


def test_passes_that_agree_tell_nothing_whether_sure_or_not():
    passes = np.array([[[1.0, 0.0], [0.5, 0.5]]] * 4)
    assert mutual_information(passes).tolist() == [0.0, 0.0]


def test_passes_that_are_sure_of_different_classes_tell_most():
    passes = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert mutual_information(passes)[0] == pytest.approx(np.log(2))
    weaker = np.array([[[0.8, 0.2]], [[0.2, 0.8]]])
    assert 0 < mutual_information(weaker)[0] < np.log(2)


def test_one_pass_is_no_sample():
    with pytest.raises(ValueError, match="at least 2, got 1"):
        DropoutSampling(num_passes=1)


def test_dropout_acts_within_and_leaves_modes_and_random_numbers_as_they_were():
    network = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5)).eval()
    rows = torch.ones(3, 4)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    with dropout_active(network, DropoutSampling(num_passes=2, seed=7), torch.device("cpu")):
        first = network(rows)
        assert not network[0].training
    assert torch.rand(1) == expected
    assert not network[1].training
    assert (first == 0).any()
    with dropout_active(network, DropoutSampling(num_passes=2, seed=7), torch.device("cpu")):
        assert torch.equal(network(rows), first)


def test_a_network_that_leaves_nothing_out_is_known():
    assert not has_dropout(nn.Sequential(nn.Dropout(0.0), nn.Linear(2, 2)))
    assert has_dropout(nn.Dropout2d(0.1))


@pytest.mark.parametrize(
    "config",
    [BackboneConfig(name="small_cnn"), BackboneConfig(name="efficientnet_lite0", pretrained=True, frozen=True)],
    ids=lambda config: config.name,
)
def test_a_backbone_that_leaves_nothing_out_or_is_frozen_is_run_once(config):
    features = ImageFeatures(image_size=32)
    classifier = build_classifier(config, features, num_classes=3, load_pretrained=config.pretrained).eval()
    runs = []
    classifier.backbone.register_forward_hook(lambda *_: runs.append(1))
    images = torch.rand(2, 3, 32, 32)
    embeddings, _ = classifier.embed_and_score(images)
    sampling = DropoutSampling(num_passes=5)
    with torch.inference_mode(), dropout_active(classifier, sampling, torch.device("cpu")):
        outputs = classifier.varied_scores(embeddings, images, num_passes=5)
    assert outputs.shape == (5, 2, 3)
    assert len(runs) == 1
    assert not torch.equal(outputs[0], outputs[1])
