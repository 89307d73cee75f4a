"""Augmentation policies by name, as data."""

from typing import Any

import albumentations
import cv2


def standard_policy() -> dict[str, Any]:
    """The default policy: small moves, turns and zooms, and a change of light.

    It holds nothing that can change a label: no flip (a mirrored 2 is no 2, mirrored text no text), no turn beyond
    10 degrees, no crop that can lose the subject.

    Returns
    -------
    dict
        What `components.modeling.augmentation.Augmenter` reads.
    """
    pipeline = albumentations.Compose(
        [
            albumentations.Affine(
                scale=(0.9, 1.1),
                translate_percent=(-0.06, 0.06),
                rotate=(-10, 10),
                border_mode=cv2.BORDER_REPLICATE,
                p=0.8,
            ),
            albumentations.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=0.5),
        ]
    )
    policy: dict[str, Any] = albumentations.to_dict(pipeline)
    return policy
