"""The names of the container images, in one place."""

import os

IMAGE_NAMES = ("validation", "training", "serving")

REGISTRY_VARIABLE = "PLUSZERO_IMAGE_REGISTRY"
TAG_VARIABLE = "PLUSZERO_IMAGE_TAG"


def image(name: str) -> str:
    """Full name of one of the project's images, `<registry>/pluszero-mlops-<name>:<tag>`.

    Registry and tag come from the environment variables `PLUSZERO_IMAGE_REGISTRY` (default `localhost`) and
    `PLUSZERO_IMAGE_TAG` (default `dev`; `make compile` sets the commit). A tag is never `latest`: KFP's cache keys see
    the tag as text, and a moving tag would serve stale results.

    Raises
    ------
    ValueError
        If `name` is not in `IMAGE_NAMES`, or the tag is `latest` or empty.
    """
    if name not in IMAGE_NAMES:
        raise ValueError(f"image name must be one of {IMAGE_NAMES}, got {name!r}")
    tag = os.environ.get(TAG_VARIABLE, "dev")
    if tag in ("", "latest"):
        raise ValueError(f"{TAG_VARIABLE} must be a commit id or a release, got {tag!r}")
    registry = os.environ.get(REGISTRY_VARIABLE, "localhost").rstrip("/")
    return f"{registry}/pluszero-mlops-{name}:{tag}"
