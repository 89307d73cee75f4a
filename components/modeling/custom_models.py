"""Custom models: a team's function, named by its import path, builds the network, where the environment allows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from components.modeling.features import Features
from components.shared.runtime.custom_code import custom_function


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomModelConfig:
    """What a team's `build(config)` is told.

    Attributes
    ----------
    modality
        `image`, `text` or `tabular`.
    num_classes
        K, the number of outputs that `forward` must return: a logit a class, or 1 where the label is a number.
    features
        How examples are prepared: `features.image_size`, for one.
    options
        The `training.options` of the problem file.
    load_pretrained
        Whether training starts now, so that published weights make sense; False when a bundle's weights follow.
    """

    modality: str
    num_classes: int
    features: Features
    options: Mapping[str, Any] = field(default_factory=dict)
    load_pretrained: bool = True


def build_custom_model(path: str, config: CustomModelConfig) -> nn.Module:
    """Network of a team's function; its `forward` takes the features' tensors and returns logits of the shape (B, K).

    ValueError if the environment does not allow the function, it cannot be imported, or it returns no module.
    """
    network = custom_function(path)(config)
    if not isinstance(network, nn.Module):
        raise ValueError(f"the model {path} must return a torch.nn.Module, got {type(network).__name__}")
    return network
