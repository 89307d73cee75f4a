"""Recipes: a named run is a function that returns a config; runs differ here and nowhere else."""

from collections.abc import Callable
from dataclasses import replace

from components.modeling.backbone_config import (
    BackboneConfig,
    CHAR_NGRAMS,
    HUGGING_FACE_PREFIX,
    MLP,
    SMALL_CNN,
    SUBWORDS,
)
from components.training.training_config import TrainingConfig


def full(backbone: BackboneConfig) -> TrainingConfig:
    """Train on everything until the validation loss stops falling."""
    if backbone.frozen:
        return TrainingConfig(
            backbone=backbone, max_epochs=10, batch_size=32, learning_rate=2e-3, weight_decay=1e-2, patience_epochs=3
        )
    if backbone.name == SMALL_CNN:
        return TrainingConfig(backbone=backbone, max_epochs=10, batch_size=64, learning_rate=3e-3, patience_epochs=5)
    if backbone.name in (CHAR_NGRAMS, SUBWORDS):
        return TrainingConfig(
            backbone=backbone,
            max_epochs=15,
            batch_size=128,
            min_steps=20,
            learning_rate=5e-3,
            weight_decay=1e-2,
            patience_epochs=3,
        )
    if backbone.name == MLP:
        return TrainingConfig(
            backbone=backbone,
            max_epochs=50,
            batch_size=256,
            min_steps=20,
            learning_rate=2e-3,
            weight_decay=0.1,
            patience_epochs=8,
        )
    if backbone.name.startswith(HUGGING_FACE_PREFIX):
        return TrainingConfig(backbone=backbone, max_epochs=4, batch_size=32, learning_rate=3e-5, weight_decay=1e-2)
    return TrainingConfig(backbone=backbone, max_epochs=20, batch_size=32, learning_rate=5e-4, weight_decay=1e-2)


def fine_tune(backbone: BackboneConfig) -> TrainingConfig:
    """Train every layer of a pretrained backbone, gently."""
    if not backbone.pretrained:
        raise ValueError(
            f"recipe fine_tune must have a pretrained backbone (efficientnet_lite0), got {backbone.name}: use full"
        )
    thawed = replace(backbone, frozen=False)
    return replace(full(thawed), max_epochs=10, learning_rate=2e-4, patience_epochs=3)


def smoke(backbone: BackboneConfig) -> TrainingConfig:
    """Train one epoch on a tiny sample: does the code work at all."""
    return replace(full(backbone), max_epochs=1, max_examples=64, batch_size=16)


RECIPES: dict[str, Callable[[BackboneConfig], TrainingConfig]] = {"full": full, "fine_tune": fine_tune, "smoke": smoke}


def recipe_config(name: str, backbone: BackboneConfig) -> TrainingConfig:
    """Config of a recipe, for the backbone that the feature store was built for."""
    if name not in RECIPES:
        raise ValueError(f"recipe must be one of {', '.join(RECIPES)}, got {name!r}")
    return RECIPES[name](backbone)
