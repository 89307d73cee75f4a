"""Pushes the built images to a registry, and lists them by digest: `make push-images`.

    PLUSZERO_IMAGE_REGISTRY=REGISTRY make images push-images compile

The list, `build/images.txt`, is what `PLUSZERO_IMAGE_LIST` names: compiled pipelines and rendered manifests take their
images from it.
"""

import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile

from components.shared.runtime.atomic_files import write_text
from components.shared.runtime.container_images import ALL_IMAGE_NAMES, image, LIST_VARIABLE, REGISTRY_VARIABLE
from pipelines.local.image_source import REPOSITORY
from tools.build_images import BuildError, engine

IMAGE_LIST = REPOSITORY / "build" / "images.txt"
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64})")
_SAID_BY_DOCKER = re.compile(r"digest: (sha256:[0-9a-f]{64})")


def push_images(target: Path) -> list[str]:
    """Push every image, and write a list of them, a line an image: registry, tag and digest.

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
    for name in ALL_IMAGE_NAMES:
        reference = image(name)
        print(f"  {reference} ...", flush=True)
        listed.append(f"{reference}@{_pushed(tool, reference)}")
    target.parent.mkdir(exist_ok=True)
    write_text(target, "\n".join(listed) + "\n")
    return listed


def _pushed(tool: str, reference: str) -> str:
    """Push an image; the digest that the registry has it under."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digest"
        to_file = [] if tool == "docker" else ["--digestfile", str(file)]
        done = subprocess.run([tool, "push", *to_file, reference], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise BuildError(
                f"{reference} could not be pushed with {tool}: {said[-1] if said else 'it said nothing'}; "
                f"build it with make images, and log in with {tool} login"
            )
        written = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = _SAID_BY_DOCKER.search(done.stdout) or _DIGEST.search(written)
    if found is None:
        raise BuildError(f"{tool} must say under which digest it has pushed {reference}, but does not")
    return found[1]


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
