"""Which backbone suits the data."""

import pytest

from components.feature_engineering.preparation import choose_preparation
from components.shared.errors import ContractError


@pytest.mark.parametrize(
    ("side_px", "backbone", "size"), [(28, "small_cnn", 32), (64, "small_cnn", 64), (374, "efficientnet_lite0", 160)]
)
def test_auto_goes_by_the_size_of_the_images(side_px, backbone, size):
    chosen = choose_preparation("auto", median_side_px=side_px)
    assert (chosen.backbone.name, chosen.preprocessing.image_size) == (backbone, size)


def test_a_named_backbone_is_taken_whatever_the_size():
    assert choose_preparation("small_cnn", median_side_px=500).preprocessing.image_size == 96
    assert choose_preparation("timm:resnet18", median_side_px=20).preprocessing.image_size == 224
    assert choose_preparation("timm:vit_tiny_patch16_384", median_side_px=20).preprocessing.image_size == 384


def test_the_pretrained_backbone_starts_frozen():
    backbone = choose_preparation("efficientnet_lite0", median_side_px=300).backbone
    assert backbone.pretrained
    assert backbone.frozen


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ContractError, match="backbone must be one of"):
        choose_preparation("vgg", median_side_px=300)
