"""A warm start takes over what fits, and no output that answers for other classes."""

import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.images.features import ImageFeatures
from components.modeling.predictor import weights_of
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.training.trainer.warm_start import start_from_bundle

BACKBONE = BackboneConfig(name="small_cnn")
FEATURES = ImageFeatures(image_size=32)
TASK = "image_classification"


def network(*, seed, num_classes=2):
    torch.manual_seed(seed)
    return build_classifier(BACKBONE, FEATURES, num_classes=num_classes, load_pretrained=False)


@pytest.fixture
def bundle(tmp_path):
    """A published model of two classes, and its network."""
    earlier = network(seed=1)
    config = BundleConfig(
        task=TASK, class_names=("cat", "dog"), backbone=BACKBONE.to_dict(), preprocessing=FEATURES.to_dict()
    )
    write_bundle(tmp_path / "bundle", config, weights_of(earlier), files={"schema.pbtxt": b""})
    return str(tmp_path / "bundle"), earlier


def test_the_same_classes_take_over_everything(bundle):
    uri, earlier = bundle
    fresh = network(seed=2)
    start_from_bundle(fresh, uri, task=TASK, class_names=("cat", "dog"))
    for name, value in fresh.state_dict().items():
        assert torch.equal(value, earlier.state_dict()[name]), name


@pytest.mark.parametrize("class_names", [("dog", "cat"), ("cat", "fox"), ("cat", "dog", "fox")])
def test_other_classes_keep_their_own_head(bundle, class_names):
    uri, earlier = bundle
    fresh = network(seed=2, num_classes=len(class_names))
    head = fresh.head.weight.clone()
    start_from_bundle(fresh, uri, task=TASK, class_names=class_names)
    assert torch.equal(fresh.head.weight, head)
    assert torch.equal(fresh.backbone[0][0].weight, earlier.backbone[0][0].weight)


def test_a_bundle_of_another_task_or_of_nothing_that_fits_is_refused(bundle):
    uri, _ = bundle
    with pytest.raises(ValueError, match=r"must be of the task text_classification, but .* is of image_classification"):
        start_from_bundle(network(seed=2), uri, task="text_classification", class_names=("cat", "dog"))
    with pytest.raises(ValueError, match="must have weights that fit the network, but none does"):
        start_from_bundle(torch.nn.Linear(3, 2), uri, task=TASK, class_names=("cat", "dog"))


def test_a_bundle_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="a model bundle must be a folder"):
        start_from_bundle(network(seed=2), str(tmp_path / "none"), task=TASK, class_names=("cat", "dog"))
