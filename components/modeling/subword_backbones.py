"""Backbones for texts from Hugging Face: by name, or a folder; the architecture travels in the bundle.

Shapes: B texts, T subwords, D embedding.
"""

from typing import Any

import torch
from torch import nn

from components.modeling.backbone_config import BackboneConfig, HUGGING_FACE_PREFIX
from components.modeling.hugging_face import loaded_by_name
from components.modeling.subword_features import SubwordFeatures
from components.shared.errors import ContractError

_ARCHITECTURE = "architecture"


def subword_backbone_config(name: str) -> BackboneConfig:
    """Settings of a Hugging Face backbone, with its architecture, so that a bundle needs no hub.

    Parameters
    ----------
    name
        `hf:<name>`.

    Raises
    ------
    ValueError
        If there is no such model.
    """
    architecture = loaded_by_name("AutoConfig", name.removeprefix(HUGGING_FACE_PREFIX)).to_dict()
    return BackboneConfig(name=name, pretrained=True, dropout=0.1, options={_ARCHITECTURE: architecture})


def subword_backbone(features: SubwordFeatures, config: BackboneConfig, load_pretrained: bool) -> tuple[nn.Module, int]:
    """Build a Hugging Face backbone.

    Parameters
    ----------
    features
        What it gets to see.
    config
        Its settings, from `subword_backbone_config`.
    load_pretrained
        Whether it starts from the published weights: safetensors alone.

    Returns
    -------
    tuple
        A module that takes subwords and their mask, both of the shape (B, T), int64, and returns the mean of its last
        hidden states where the mask is 1, shape (B, D); and D.

    Raises
    ------
    ValueError
        If the architecture is missing or unknown, or published weights cannot be had.
    """
    if load_pretrained:
        name = config.name.removeprefix(HUGGING_FACE_PREFIX)
        network = loaded_by_name("AutoModel", name, use_safetensors=True)
    else:
        network = _from_architecture(config)
    return MeanPooled(network.float()), int(network.config.hidden_size)


class MeanPooled(nn.Module):
    """Mean of the last hidden states over a text's subwords.

    Parameters
    ----------
    network
        A model of transformers.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        """Embeddings of texts, shape (B, D)."""
        states_BTD = self.network(input_ids=tokens_BT, attention_mask=mask_BT).last_hidden_state
        weights_BT1 = mask_BT[:, :, None].to(states_BTD.dtype)
        mean: torch.Tensor = (states_BTD * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp_min(1.0)
        return mean


def _from_architecture(config: BackboneConfig) -> Any:
    import transformers

    settings = dict(config.options.get(_ARCHITECTURE, {}))
    kind = settings.pop("model_type", None)
    try:
        return transformers.AutoModel.from_config(transformers.AutoConfig.for_model(kind, **settings))
    except (ValueError, TypeError, KeyError) as error:
        raise ContractError(
            f"the architecture of {config.name} must be one that transformers knows: {error}"
        ) from error
