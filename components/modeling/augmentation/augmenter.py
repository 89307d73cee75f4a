"""Augmentation policies as data: a dictionary that albumentations reads, applied with a seed a sample.

The policy is kept in the feature store and in the bundle; the same seed gives the same image whatever the number of
workers. Only steps whose container image holds albumentations import this module.
"""

from collections.abc import Callable, Mapping, Sequence
import threading
from typing import Any
import warnings

import numpy as np

from components.modeling.augmentation.policy_transforms import leaves
from components.modeling.augmentation.quick_affine import quick_affine
from components.modeling.augmentation.quiet_albumentations import albumentations
from components.modeling.augmentation.random_generators import SeededRandom
from components.shared.runtime.errors import ContractError

_Step = Callable[[np.ndarray], np.ndarray]
_BUILDING = threading.Lock()


class Augmenter:
    """Applies an augmentation policy to images.

    The result depends on the policy, the image and the seed alone: not on what was augmented before, nor on the process
    or the number of workers. Every image begins with a freshly seeded generator, which all transforms share, so that
    their draws are independent of one another. Two threads must not share an augmenter, because of that generator.
    Pickling keeps the policy.

    Parameters
    ----------
    policy
        What `albumentations.to_dict` returned; the further keys `name` and `version` are not read.

    Raises
    ------
    ContractError
        If albumentations cannot read the policy.
    """

    def __init__(self, policy: Mapping[str, Any]) -> None:
        self.policy = dict(policy)
        try:
            # Threads build augmenters of their own, and share the list of warnings' filters.
            with _BUILDING, warnings.catch_warnings(action="ignore"):
                self._pipeline: Any = albumentations.from_dict(self.policy)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ContractError(f"the augmentation policy must be one that albumentations wrote: {error}") from error
        self._random = SeededRandom()
        self._pipeline.set_random_state(self._random.generator, self._random)
        is_sequence = type(self._pipeline) is albumentations.Compose
        self._probability = self._pipeline.p if is_sequence else 1.0
        transforms = self._pipeline.transforms if is_sequence else [self._pipeline]
        self._steps = [_step(transform, self._random) for transform in transforms]

    def __getstate__(self) -> dict[str, Any]:
        return {"policy": self.policy}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["policy"])  # type: ignore[misc]

    def __call__(self, image_HWC: np.ndarray, *, seed: int) -> np.ndarray:
        """Augment one image, shape (H, W, 3), uint8, which is not changed; `seed` is 0 to 2**32 - 1.

        Returns the given array itself where no transform was drawn; ContractError if the policy returns another shape
        or type.
        """
        self._random.reseed(seed)
        augmented_HWC = image_HWC
        if self._random.random() < self._probability:
            for step in self._steps:
                augmented_HWC = step(augmented_HWC)
        return _checked(augmented_HWC, image_HWC)

    def augment_batch(self, images_BHWC: np.ndarray, seeds: Sequence[int] | np.ndarray) -> np.ndarray:
        """Augment images, shape (B, H, W, 3), uint8, in place, each with its seed of `example_seeds`; returns them.

        ContractError if the policy returns another shape or type.
        """
        for image_HWC, seed in zip(images_BHWC, map(int, seeds), strict=True):
            augmented_HWC = self(image_HWC, seed=seed)
            if augmented_HWC is not image_HWC:
                image_HWC[...] = augmented_HWC
        return images_BHWC

    def applied(self, image_HWC: np.ndarray, *, seed: int) -> tuple[np.ndarray, tuple[str, ...]]:
        """Augment one image as a call does, and name the transforms that were drawn, in the policy's order.

        ContractError if the policy returns another shape or type.
        """
        drawn_from = list(leaves(self._pipeline))
        for leaf in drawn_from:
            leaf.params = {}
        self._random.reseed(seed)
        augmented_HWC = self._pipeline(image=image_HWC)["image"]
        names = tuple(type(leaf).__name__ for leaf in drawn_from if leaf.params)
        return _checked(augmented_HWC, image_HWC), names


def _step(transform: Any, random: SeededRandom) -> _Step:
    return quick_affine(transform, random) or (lambda image_HWC: transform(image=image_HWC)["image"])


def _checked(augmented_HWC: Any, image_HWC: np.ndarray) -> np.ndarray:
    if augmented_HWC.shape != image_HWC.shape or augmented_HWC.dtype != np.uint8:
        raise ContractError(
            f"the augmentation policy must return uint8 images of the shape {image_HWC.shape}, "
            f"got {augmented_HWC.dtype} {augmented_HWC.shape}"
        )
    return np.asarray(augmented_HWC)
