"""A network of a team's own: pluszero-mlops calls `build` with what it knows of data and settings."""

from typing import Any

from torch import nn


def build(config: Any) -> nn.Module:
    """Classify images by one convolution; the last linear layer's input is the embedding."""
    width = config.options.get("width", 32)
    side = config.features.image_size // 2
    return nn.Sequential(
        nn.Conv2d(3, width, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(width * side * side, 64),
        nn.ReLU(),
        nn.Linear(64, config.num_classes),
    )
