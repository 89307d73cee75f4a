"""Tries an augmentation policy on made-up images, to find what returns another size or type before training."""

from collections.abc import Mapping, Sequence
from typing import Any
import warnings

import numpy as np

from components.modeling.augmentation.policy_transforms import known_parameters, leaves, reason_of, TRANSFORM_ERRORS
from components.modeling.augmentation.quiet_albumentations import albumentations
from components.modeling.augmentation.random_generators import SeededRandom
from components.shared.runtime.errors import ContractError

_SIDES_PX = (32, 96)
_NUM_SEEDS = 3
_SIZE_PARAMETERS = (
    "size", "height", "width", "max_size", "max_size_hw", "min_height", "min_width", "padding", "scale_limit",
    "keep_size", "fit_output", "num_output_channels", "x_min", "y_min", "x_max", "y_max", "crop_left", "crop_right",
    "crop_top", "crop_bottom",
)  # fmt: skip


def try_augmentation_policy(policy: Mapping[str, Any], *, image_size: int | None = None) -> None:
    """Apply every transform of a `Compose` alone, and then all of them, to made-up images.

    Their side is `image_size` pixels; None tries several, so that only what keeps every size passes. ContractError
    names the transform that fails or returns another size or type, and the parameters that decide the size.
    """
    random = SeededRandom()
    with warnings.catch_warnings(action="ignore"):
        pipeline: Any = albumentations.from_dict(dict(policy))
    pipeline.set_random_state(random.generator, random)
    for side in _SIDES_PX if image_size is None else (image_size,):
        image_HWC = _made_up(side)
        for seed in range(_NUM_SEEDS):
            for leaf in leaves(pipeline):
                random.reseed(seed)
                _try_one(leaf, image_HWC, is_size_known=image_size is not None)
            random.reseed(seed)
            _try_all(pipeline, image_HWC)


def _made_up(side: int) -> np.ndarray:
    """Coarse blocks with noise, shape (S, S, 3), uint8: neither flat nor black."""
    generator = np.random.default_rng(side)
    blocks = generator.integers(20, 220, (-(-side // 8), -(-side // 8), 3)).repeat(8, axis=0).repeat(8, axis=1)
    return (blocks[:side, :side] + generator.integers(0, 30, (side, side, 3))).astype(np.uint8)


def _try_one(leaf: Any, image_HWC: np.ndarray, *, is_size_known: bool) -> None:
    name = type(leaf).__name__
    side = f"{image_HWC.shape[0]} x {image_HWC.shape[1]}"
    try:
        with warnings.catch_warnings(action="ignore"):
            result = leaf(force_apply=leaf.p > 0, image=image_HWC.copy())["image"]
    except TRANSFORM_ERRORS as error:
        raise ContractError(
            f"the transform {name} cannot be applied to an image of {side}: {reason_of(error)}"
        ) from error
    if not isinstance(result, np.ndarray) or result.dtype != np.uint8:
        found = getattr(result, "dtype", type(result).__name__)
        raise ContractError(
            f"the transform {name} must return uint8 pixels, but returns {found}: leave it out, "
            "for normalisation happens after augmentation, on the device"
        )
    if result.shape != image_HWC.shape:
        raise ContractError(_other_size(leaf, side, result.shape, is_size_known))


def _other_size(leaf: Any, side: str, shape: Sequence[int], is_size_known: bool) -> str:
    known = known_parameters(type(leaf))
    parameters = [f"{key} (now {_shown(getattr(leaf, key))})" for key in _SIZE_PARAMETERS if key in known]
    remedy = f"set {', '.join(parameters)} so that it does, or leave it out" if parameters else "leave it out"
    if not is_size_known:
        remedy += "; a fixed size is taken where preparation.image_size is that size"
    found = " x ".join(map(str, shape[:2])) if tuple(shape[2:]) == (3,) else f"the shape {tuple(shape)}"
    name = type(leaf).__name__
    return f"the transform {name} must return images as large as it gets, {side}, but returns {found}: {remedy}"


def _shown(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def _try_all(pipeline: Any, image_HWC: np.ndarray) -> None:
    try:
        with warnings.catch_warnings(action="ignore"):
            pipeline(image=image_HWC.copy())
    except TRANSFORM_ERRORS as error:
        raise ContractError(f"the policy's transforms do not work together: {reason_of(error)}") from error
