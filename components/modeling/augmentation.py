"""Augmentation policies as data: a dictionary that albumentations reads, applied with a seed a sample.

The policy travels in the feature store and in the bundle; the same seed gives the same picture whatever the number of
workers. Only images whose image holds albumentations import this module.
"""

from collections.abc import Mapping
import os
from typing import Any
import warnings

import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations

from components.shared.errors import ContractError


class Augmenter:
    """Applies a policy to images.

    Parameters
    ----------
    policy
        What `albumentations.to_dict` returned.

    Raises
    ------
    ContractError
        If the policy is none, or names a transform that albumentations does not have.
    """

    def __init__(self, policy: Mapping[str, Any]) -> None:
        self.policy = dict(policy)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._pipeline = albumentations.from_dict(self.policy)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ContractError(f"the augmentation policy must be one that albumentations wrote: {error}") from error

    def __call__(self, image_HWC: np.ndarray, *, seed: int) -> np.ndarray:
        """Augment one image.

        Parameters
        ----------
        image_HWC
            Shape (H, W, 3), uint8.
        seed
            0 to 2**32 - 1; the same seed gives the same result.

        Returns
        -------
        np.ndarray
            Shape (H, W, 3), uint8.

        Raises
        ------
        ContractError
            If the policy returns another shape or type.
        """
        self._pipeline.set_random_seed(seed)
        augmented = self._pipeline(image=image_HWC)["image"]
        if augmented.shape != image_HWC.shape or augmented.dtype != np.uint8:
            raise ContractError(
                f"the augmentation policy must return uint8 images of the shape {image_HWC.shape}, "
                f"got {augmented.dtype} {augmented.shape}"
            )
        return augmented


def example_seed(*, seed: int, epoch: int, row: int) -> int:
    """Seed of one example in one epoch, 0 to 2**32 - 1: it depends on nothing else, so a resumed run repeats it."""
    return int(np.random.SeedSequence((seed, epoch, row)).generate_state(1)[0])
