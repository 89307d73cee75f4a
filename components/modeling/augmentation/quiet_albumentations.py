"""albumentations without its look for a newer version, for which importing it would ask the network."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations

__all__ = ["albumentations"]
