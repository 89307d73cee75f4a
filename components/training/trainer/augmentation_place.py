"""Where a training's augmentation runs: with albumentations on the CPU, or as far as possible in batches on the GPU."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.batch_augmenter import DeviceAugmenter, split_policy
from components.training.training_config import TrainingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedAugmentation:
    """An augmentation policy in two parts, applied one after the other: where batches are read, and on the device."""

    on_cpu: Augmenter | None
    on_device: DeviceAugmenter | None


def augments_on_device(config: TrainingConfig, device: torch.device) -> bool:
    """Whether a training augments on its device as far as it can: `auto` does so on a GPU."""
    return config.augment_on == "device" or (config.augment_on == "auto" and device.type == "cuda")


def placed_augmentation(
    policy: Mapping[str, Any] | None, config: TrainingConfig, device: torch.device
) -> PlacedAugmentation:
    """Decide which part of the feature store's augmentation policy runs where; None is no augmentation."""
    if policy is None or not config.augment:
        return PlacedAugmentation(on_cpu=None, on_device=None)
    if not augments_on_device(config, device):
        return PlacedAugmentation(on_cpu=Augmenter(policy), on_device=None)
    parts = split_policy(policy)
    return PlacedAugmentation(
        on_cpu=Augmenter(parts.cpu_policy) if parts.cpu_policy is not None else None,
        on_device=DeviceAugmenter(parts.device_transforms) if parts.device_transforms else None,
    )
