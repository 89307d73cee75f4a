"""Networks: tensors in, outputs (logits of classes, or one number) and an embedding out.

Shapes: B examples, D embedding, K outputs, R rings of a spectrum.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from components.modeling.backbone_config import (
    backbone_modality,
    BackboneConfig,
    CHAR_NGRAMS,
    HUGGING_FACE_PREFIX,
    MLP,
    SUBWORDS,
)
from components.modeling.custom_models import build_custom_model, CustomModelConfig
from components.modeling.dropout_sampling import has_dropout
from components.modeling.features import base_features, Features
from components.modeling.fourier.spectrum_scaling import SpectrumScaling
from components.modeling.images.backbones import image_backbone
from components.modeling.images.features import ImageFeatures
from components.modeling.tabular.backbones import tabular_backbone
from components.modeling.text.backbones import token_bag
from components.modeling.text.hugging_face_backbones import subword_backbone
from components.shared.runtime.errors import ContractError


class Classifier(nn.Module, ABC):
    """What training, analysis, labelling and serving ask of a network."""

    @abstractmethod
    def embed_and_score(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings of the shape (B, D) and logits of the shape (B, K) of prepared examples."""

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Logits of prepared examples, shape (B, K)."""
        return self.embed_and_score(*tensors)[1]

    def varied_scores(self, embeddings: torch.Tensor, *tensors: torch.Tensor, num_passes: int) -> torch.Tensor:
        """Outputs of prepared examples again and again, shape (T, B, K), while dropout acts."""
        return torch.stack([self.embed_and_score(*tensors)[1] for _ in range(num_passes)])

    def adapt(self, batches: Iterable[tuple[torch.Tensor, ...]]) -> None:
        """Set what a fresh network takes from the training rows beside its weights; most take nothing."""


class BackboneClassifier(Classifier):
    """A backbone, dropout and a linear head over its D numbers, and over R rings of the spectrum where there are any.

    The backbone takes what the features return, without the spectrum.
    """

    def __init__(
        self, backbone: nn.Module, *, embedding_size: int, num_classes: int, config: BackboneConfig, num_rings: int = 0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.spectrum = SpectrumScaling(num_rings) if num_rings else None
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(embedding_size + num_rings, num_classes)
        self.frozen = config.frozen
        if self.frozen:
            self.backbone.requires_grad_(False).eval()

    def embed(self, *tensors: torch.Tensor) -> torch.Tensor:
        """Embeddings of prepared examples, shape (B, D), float; with a spectrum (B, D + R), the spectrum last."""
        given = tensors if self.spectrum is None else tensors[:-1]
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            embeddings: torch.Tensor = self.backbone(*given)
        return embeddings if self.spectrum is None else torch.cat([embeddings, self.spectrum(tensors[-1])], dim=1)

    def embed_and_score(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings, shape (B, D), and logits, shape (B, K), of prepared examples."""
        embeddings = self.embed(*tensors)
        return embeddings, self.head(self.dropout(embeddings))

    def varied_scores(self, embeddings: torch.Tensor, *tensors: torch.Tensor, num_passes: int) -> torch.Tensor:
        """As `Classifier.varied_scores`; a backbone that leaves nothing out, or is frozen, is not run again."""
        if self.frozen or not has_dropout(self.backbone):
            return torch.stack([self.head(self.dropout(embeddings)) for _ in range(num_passes)])
        return super().varied_scores(embeddings, *tensors, num_passes=num_passes)

    def adapt(self, batches: Iterable[tuple[torch.Tensor, ...]]) -> None:
        """Let the backbone, or the scale of the spectrum, take what it needs from the training rows."""
        if self.spectrum is not None:
            self.spectrum.adapt(tensors[-1] for tensors in batches)
        elif hasattr(self.backbone, "adapt"):
            self.backbone.adapt(batches)  # type: ignore[operator]

    def train(self, mode: bool = True) -> "BackboneClassifier":
        """Set training mode; a frozen backbone keeps its batch statistics."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self


class CustomClassifier(Classifier):
    """A team's custom network: its logits; as embedding, what its last linear layer of K outputs gets.

    A network without such a layer has its logits for an embedding.
    """

    def __init__(self, network: nn.Module, *, num_classes: int) -> None:
        super().__init__()
        self.network = network
        self._num_classes = num_classes

    def embed_and_score(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings, shape (B, D), and logits, shape (B, K); ContractError if the network returns no such logits."""
        seen: list[torch.Tensor] = []
        head = self._head()
        hook = None if head is None else head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        try:
            logits_BK = self.network(*tensors)
        finally:
            if hook is not None:
                hook.remove()
        wanted = (len(tensors[0]), self._num_classes)
        if not isinstance(logits_BK, torch.Tensor) or tuple(logits_BK.shape) != wanted:
            found = tuple(logits_BK.shape) if isinstance(logits_BK, torch.Tensor) else type(logits_BK).__name__
            raise ContractError(f"a model of one's own must return logits of the shape {wanted}, got {found}")
        fits = bool(seen) and seen[-1].ndim == 2 and len(seen[-1]) == len(logits_BK)
        return seen[-1] if fits else logits_BK, logits_BK

    def adapt(self, batches: Iterable[tuple[torch.Tensor, ...]]) -> None:
        """Let the network take what it needs from the training rows, where it has an `adapt`."""
        if hasattr(self.network, "adapt"):
            self.network.adapt(batches)  # type: ignore[operator]

    def _head(self) -> nn.Module | None:
        heads = [
            module
            for module in self.network.modules()
            if isinstance(module, nn.Linear) and module.out_features == self._num_classes
        ]
        return heads[-1] if heads else None


def build_classifier(
    config: BackboneConfig, features: Features, *, num_classes: int, load_pretrained: bool
) -> Classifier:
    """Build a network with random or published weights.

    Parameters
    ----------
    config
        Which network.
    features
        What it gets to see.
    num_classes
        Number of outputs: the classes, or 1 for a number; see `components.modeling.task`.
    load_pretrained
        Whether a pretrained config loads its published weights now; False when a bundle's follow.

    Returns
    -------
    Classifier
        In training mode, on the CPU.

    Raises
    ------
    ValueError
        If the backbone takes another modality, its library knows no such name, published weights cannot be had, or a
        custom model is not allowed or cannot be built.
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, got {num_classes}")
    modality = backbone_modality(config.name)
    if modality not in (None, features.modality):
        raise ContractError(f"the backbone {config.name} takes {modality} examples, but these are {features.modality}")
    if config.is_custom_model:
        custom = CustomModelConfig(
            modality=features.modality,
            num_classes=num_classes,
            features=base_features(features),
            options=dict(config.options),
            load_pretrained=load_pretrained,
        )
        return CustomClassifier(build_custom_model(config.name, custom), num_classes=num_classes)
    base = base_features(features)
    backbone, embedding_size = _backbone(config, base, config.pretrained and load_pretrained)
    return BackboneClassifier(
        backbone,
        embedding_size=embedding_size,
        num_classes=num_classes,
        config=config,
        num_rings=base.spectrum_bins if isinstance(base, ImageFeatures) else 0,
    )


def _backbone(config: BackboneConfig, features: Any, load_pretrained: bool) -> tuple[nn.Module, int]:
    if config.name in (CHAR_NGRAMS, SUBWORDS):
        return token_bag(features, config)
    if config.name.startswith(HUGGING_FACE_PREFIX):
        return subword_backbone(features, config, load_pretrained)
    if config.name == MLP:
        return tabular_backbone(features, config)
    return image_backbone(config, load_pretrained)
