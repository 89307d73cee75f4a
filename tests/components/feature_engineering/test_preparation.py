"""Which backbone suits the data."""

import pytest

from components.feature_engineering.preparation import image_preparation
from components.shared.runtime.errors import ContractError


@pytest.mark.parametrize(
    ("side_px", "backbone", "size"), [(28, "small_cnn", 32), (64, "small_cnn", 64), (374, "efficientnet_lite0", 160)]
)
def test_auto_goes_by_the_size_of_the_images(side_px, backbone, size):
    chosen = image_preparation("auto", median_side_px=side_px)
    assert (chosen.backbone.name, chosen.features.image_size) == (backbone, size)


def test_a_named_backbone_is_taken_whatever_the_size():
    assert image_preparation("small_cnn", median_side_px=500).features.image_size == 96
    assert image_preparation("timm:resnet18", median_side_px=20).features.image_size == 224
    assert image_preparation("timm:vit_tiny_patch16_384", median_side_px=20).features.image_size == 384


@pytest.mark.parametrize("backbone", ["auto", "small_cnn", "efficientnet_lite0", "team.models:build"])
def test_photos_are_decoded_no_larger_than_needed_and_small_images_whole(backbone):
    assert image_preparation(backbone, median_side_px=300).features.decoding == "scaled"
    assert image_preparation(backbone, median_side_px=28).features.decoding == "full"


def test_the_pretrained_backbone_starts_frozen():
    backbone = image_preparation("efficientnet_lite0", median_side_px=300).backbone
    assert backbone.pretrained
    assert backbone.frozen


def test_a_model_of_ones_own_gets_what_auto_would_take():
    assert image_preparation("team.models:build", median_side_px=28).features.image_size == 32
    photos = image_preparation("team.models:build", median_side_px=300)
    assert (photos.features.image_size, photos.backbone.pretrained) == (160, False)


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ContractError, match="backbone must be one of"):
        image_preparation("vgg", median_side_px=300)
