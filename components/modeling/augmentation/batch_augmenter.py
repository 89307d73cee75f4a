"""The part of an augmentation policy that runs in batches on the device; the rest stays with albumentations on the CPU.

Nothing of a policy is dropped, and its order is kept: what the device path supports runs on the device only where
nothing after it needs the CPU. Distributions are those of albumentations, but a seed draws other values than there.
"""

from collections.abc import Mapping, Sequence
import logging
from typing import Any, NamedTuple
import warnings

import numpy as np
import torch

from components.modeling.augmentation.device_colour import colour_transform, whole_levels
from components.modeling.augmentation.device_geometry import Change, DeviceTransform, geometric_transform
from components.modeling.augmentation.example_seeds import uniforms
from components.modeling.augmentation.host_values import HostValues, SentValue
from components.modeling.augmentation.quiet_albumentations import albumentations
from components.shared.runtime.errors import ContractError

logger = logging.getLogger(__name__)

Policy = Mapping[str, Any]


class SplitPolicy(NamedTuple):
    """An augmentation policy in two parts: first `cpu_policy`, for an `Augmenter`, then `device_transforms`.

    `cpu_policy` is None where nothing stays on the CPU; `cpu_names` are its transforms. `device_transforms` are for
    `DeviceAugmenter`; empty where nothing runs on the device.
    """

    cpu_policy: dict[str, Any] | None
    device_transforms: tuple[Policy, ...]
    cpu_names: tuple[str, ...]


def split_policy(policy: Policy) -> SplitPolicy:
    """Split what `albumentations.to_dict` wrote of a `Compose`, and log the parts.

    The longest end of it that the device path supports runs on the device.
    """
    root = policy["transform"]
    transforms = list(root.get("transforms", []))
    first = len(transforms)
    is_always = root.get("__class_fullname__") == "Compose" and root.get("p", 1.0) == 1.0
    while is_always and first > 0 and _batched(transforms[first - 1]) is not None:
        first -= 1
    names = [str(node["__class_fullname__"]).rsplit(".", 1)[-1] for node in transforms]
    logger.info(
        "augmentation on the device: %s; on the CPU with albumentations: %s",
        ", ".join(names[first:]) or "nothing",
        ", ".join(names[:first]) or "nothing",
    )
    left = {**policy, "transform": {**root, "transforms": transforms[:first]}} if first else None
    return SplitPolicy(left, tuple(transforms[first:]), tuple(names[:first]))


class DeviceAugmenter:
    """Applies transforms to batches of images, each image with a seed of its own.

    Parameters are drawn on the CPU from an image's seed alone, so that its result depends neither on the other images
    of a batch nor on the device, up to the rounding of a grey level. All parameters of a batch go to the device in one
    copy. It keeps no state: threads may share it.

    Parameters
    ----------
    transforms
        `SplitPolicy.device_transforms`.

    Raises
    ------
    ContractError
        If the device path does not support one of them.
    """

    def __init__(self, transforms: Sequence[Policy]) -> None:
        self._transforms: list[tuple[float, DeviceTransform]] = []
        for node in transforms:
            batched = _batched(node)
            if batched is None:
                raise ContractError(
                    f"the device path must support {node['__class_fullname__']}, but does not: split_policy"
                )
            self._transforms.append(batched)

    def __call__(self, images_BHWC: torch.Tensor, seeds: np.ndarray) -> torch.Tensor:
        """Augmented images, shape (B, H, W, 3), uint8, on their device; the given ones are not changed.

        `seeds` has the shape (B,), see `example_seeds`. TypeError if the images are not uint8; ValueError for another
        shape, or another number of seeds.
        """
        if images_BHWC.dtype != torch.uint8:
            raise TypeError(f"images must be uint8, got {images_BHWC.dtype}")
        if images_BHWC.ndim != 4 or images_BHWC.shape[3] != 3 or len(images_BHWC) != len(seeds):
            shape = tuple(images_BHWC.shape)
            raise ValueError(f"images must have the shape (B, H, W, 3), B being the {len(seeds)} seeds, got {shape}")
        height, width = images_BHWC.shape[1:3]
        changes: list[tuple[SentValue, Change]] = []
        host = HostValues()
        for number, (probability, transform) in enumerate(self._transforms):
            draws_BD = uniforms(seeds, stream=number, num_draws=1 + transform.num_draws)
            chosen = np.flatnonzero(draws_BD[:, 0] < probability)
            if len(chosen):
                change = transform.drawn(draws_BD[chosen, 1:], (height, width), host)
                changes.append((host.add(chosen), change))
        host.send(images_BHWC.device)
        images_BCHW = images_BHWC.permute(0, 3, 1, 2).to(
            torch.float32, memory_format=torch.contiguous_format, copy=True
        )
        for rows_of, change in changes:
            rows = rows_of()
            images_BCHW[rows] = whole_levels(change(images_BCHW[rows]))
        return images_BCHW.permute(0, 2, 3, 1).to(torch.uint8, memory_format=torch.contiguous_format)


def _batched(node: Policy) -> tuple[float, DeviceTransform] | None:
    """How likely a transform is applied, and its batched form; None where there is none."""
    with warnings.catch_warnings(action="ignore"):
        transform: Any = albumentations.from_dict({"transform": dict(node)})
    batched = geometric_transform(transform) or colour_transform(transform)
    return None if batched is None else (float(transform.p), batched)
