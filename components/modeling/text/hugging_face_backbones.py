"""Backbones for texts from Hugging Face: by name, or a folder; the architecture travels in the bundle.

Shapes: B texts, T subwords, D embedding.
"""

from typing import Any

import torch
from torch import nn

from components.modeling.backbone_config import ARCHITECTURE, BackboneConfig, HUGGING_FACE_PREFIX
from components.modeling.text.hugging_face import loaded_by_name, without_code
from components.modeling.text.hugging_face_features import SubwordFeatures
from components.shared.runtime.errors import ContractError


def subword_backbone_config(name: str) -> BackboneConfig:
    """Settings of the backbone `hf:<name>`, with its architecture, so that a bundle needs no hub.

    Raises
    ------
    ValueError
        If there is no such model, or it is more than an encoder.
    """
    architecture = loaded_by_name("AutoConfig", name.removeprefix(HUGGING_FACE_PREFIX))
    if architecture.is_encoder_decoder:
        raise ValueError(f"the model {name} must be an encoder alone, such as BERT, but it has a decoder too")
    options = {ARCHITECTURE: without_code(architecture.to_dict())}
    return BackboneConfig(name=name, pretrained=True, dropout=0.1, options=options)


def subword_backbone(features: Any, config: BackboneConfig, load_pretrained: bool) -> tuple[nn.Module, int]:
    """Hugging Face backbone and its D, from the config of `subword_backbone_config`; published weights are safetensors.

    The module takes subwords and their mask, both of the shape (B, T), int64. ContractError if the features are others
    or the architecture is unknown or too small for the tokenizer; ValueError if published weights cannot be had.
    """
    if not isinstance(features, SubwordFeatures):
        raise ContractError(f"{config.name} must have features of subwords, got {type(features).__name__}")
    if load_pretrained:
        name = config.name.removeprefix(HUGGING_FACE_PREFIX)
        network = loaded_by_name("AutoModel", name, use_safetensors=True)
    else:
        network = _from_architecture(config)
    if features.num_subwords > network.config.vocab_size:
        raise ContractError(
            f"{config.name} must know every subword of its tokenizer, but it knows {network.config.vocab_size} of "
            f"{features.num_subwords}"
        )
    # Published weights come in evaluation mode, in which training would drop nothing.
    return MeanPooled(network.float().train()), int(network.config.hidden_size)


class MeanPooled(nn.Module):
    """Mean of a transformer's last hidden states where a text's mask is 1."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        if isinstance(pooler := getattr(network, "pooler", None), nn.Module):
            pooler.requires_grad_(False)  # its output is not used: it has no gradient that processes could share

    def forward(self, tokens_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        """Embeddings of texts, shape (B, D)."""
        states_BTD = self.network(input_ids=tokens_BT, attention_mask=mask_BT).last_hidden_state
        weights_BT1 = mask_BT[:, :, None].to(states_BTD.dtype)
        mean: torch.Tensor = (states_BTD * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp_min(1.0)
        return mean


def _from_architecture(config: BackboneConfig) -> Any:
    from huggingface_hub.errors import StrictDataclassError
    import transformers

    try:
        settings = without_code(dict(config.options.get(ARCHITECTURE, {})))
        architecture = transformers.AutoConfig.for_model(settings.pop("model_type", None), **settings)
        return transformers.AutoModel.from_config(architecture, trust_remote_code=False)
    except (AttributeError, ImportError, KeyError, RuntimeError, TypeError, ValueError, StrictDataclassError) as error:
        raise ContractError(
            f"the architecture of {config.name} must be one that transformers knows: {error}"
        ) from error
