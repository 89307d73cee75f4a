"""albumentations without its check for a newer version, which would use the network at import."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations

__all__ = ["albumentations"]
