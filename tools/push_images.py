"""Pushes the built images to a registry, and lists them by digest: `make push-images`.

    PLUSZERO_IMAGE_REGISTRY=REGISTRY make images push-images compile

The list, `build/images.txt`, is what `PLUSZERO_IMAGE_LIST` names: compiled pipelines and rendered manifests take their
images from it.
"""

import os
from pathlib import Path
import sys

from components.shared.runtime.atomic_files import write_text
from components.shared.runtime.container_images import ALL_IMAGE_NAMES, image, LIST_VARIABLE, REGISTRY_VARIABLE
from pipelines.local.image_engine import BuildError, engine, push
from pipelines.local.image_source import REPOSITORY
from tools.build_images import commit_of_tree
from tools.release_conditions import COMMIT_MARK

IMAGE_LIST = REPOSITORY / "build" / "images.txt"


def push_images(target: Path) -> list[str]:
    """Push every image, and write a list of them, a line an image: registry, tag and digest.

    The commit stands in a first line, where git knows one: a release is made of the images of its own commit.

    Raises
    ------
    BuildError
        If no registry is named, or an image cannot be pushed.
    """
    registry = os.environ.get(REGISTRY_VARIABLE, "").rstrip("/")
    if registry in ("", "localhost"):
        raise BuildError(f"images must be pushed to a registry: name it by {REGISTRY_VARIABLE}, which is {registry!r}")
    os.environ.pop(LIST_VARIABLE, None)
    tool = engine()
    listed = []
    commit = commit_of_tree()
    for name in ALL_IMAGE_NAMES:
        reference = image(name)
        print(f"  {reference} ...", flush=True)
        listed.append(f"{reference}@{push(tool, reference)}")
    target.parent.mkdir(exist_ok=True)
    write_text(target, "\n".join([*([f"{COMMIT_MARK}{commit}"] if commit else []), *listed]) + "\n")
    return listed


def main() -> int:
    """Push all images; 0 when all are there."""
    try:
        push_images(IMAGE_LIST)
    except (BuildError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    print(f"  {IMAGE_LIST}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
