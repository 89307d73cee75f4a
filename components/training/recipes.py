"""Recipes: a named run is a function that returns a config; runs differ here and nowhere else."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from components.modeling.backbones import BackboneConfig, SMALL_CNN


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """Everything that decides how a model is trained, beside the data and the seed.

    Attributes
    ----------
    backbone
        The network.
    max_epochs
        Epochs at most, 1 or more.
    max_examples
        Training examples used, a stratified sample; None for all.
    batch_size
        Examples a step, 2 or more.
    learning_rate
        Peak of the schedule: a linear warm-up over the first twentieth, then a cosine down to 0.
    weight_decay
        AdamW's.
    patience_epochs
        Training stops after this many epochs without a lower validation loss.
    augment
        Whether the feature store's augmentation policy is applied.
    num_workers
        Processes that prepare batches; 0 prepares them in the training process. None takes 0 on a CPU, which has
        better things to do, and up to 8 beside a GPU. Batches do not depend on it.
    """

    backbone: BackboneConfig
    max_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-4
    patience_epochs: int = 5
    max_examples: int | None = None
    augment: bool = True
    num_workers: int | None = None

    def __post_init__(self) -> None:
        for name, smallest in (("max_epochs", 1), ("batch_size", 2), ("patience_epochs", 1), ("num_workers", 0)):
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise ValueError(f"{name} must be at least {smallest}, got {value}")
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ValueError(
                f"learning_rate must be above 0 and weight_decay not below, got {self.learning_rate} "
                f"and {self.weight_decay}"
            )

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON values."""
        return asdict(self)


def full(backbone: BackboneConfig) -> TrainingConfig:
    """Train on everything until the validation loss stops falling."""
    if backbone.frozen:
        return TrainingConfig(
            backbone=backbone, max_epochs=10, batch_size=32, learning_rate=2e-3, weight_decay=1e-2, patience_epochs=3
        )
    if backbone.name == SMALL_CNN:
        return TrainingConfig(backbone=backbone, max_epochs=10, batch_size=64, learning_rate=3e-3, patience_epochs=5)
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


def smoke_iteration(backbone: BackboneConfig) -> TrainingConfig:
    """Train one step: one epoch on one batch."""
    return replace(smoke(backbone), max_examples=16)


RECIPES: dict[str, Callable[[BackboneConfig], TrainingConfig]] = {
    "full": full,
    "fine_tune": fine_tune,
    "smoke": smoke,
}


def check_recipe(name: str) -> None:
    """Check a recipe's name.

    Raises
    ------
    ValueError
        If there is no such recipe.
    """
    if name not in RECIPES:
        raise ValueError(f"recipe must be one of {', '.join(RECIPES)}, got {name!r}")


def recipe_config(name: str, backbone: BackboneConfig) -> TrainingConfig:
    """Config of a recipe.

    Parameters
    ----------
    name
        One of `RECIPES`.
    backbone
        The backbone that the feature store was built for.

    Raises
    ------
    ValueError
        If there is no such recipe.
    """
    check_recipe(name)
    return RECIPES[name](backbone)
