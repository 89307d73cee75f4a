"""albumentations without its check for a newer version, which would use the network at import."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations
from albumentations.core.pydantic import check_range_bounds, nondecreasing
from albumentations.core.transforms_interface import BaseTransformInitSchema, ImageOnlyTransform

__all__ = [
    "BaseTransformInitSchema",
    "ImageOnlyTransform",
    "albumentations",
    "check_range_bounds",
    "nondecreasing",
]
