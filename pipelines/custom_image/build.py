"""Builds a team's images: the project's training and serving images, with the team's code and the permission to run it.

Both are called after the images that they come from, in the team's own registry and under a tag of their own, which
changes with the code: KFP's cache knows an image by its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import tempfile

from components.shared.runtime.atomic_files import write_text
from components.shared.runtime.container_images import ALL_IMAGE_NAMES, image, image_repository, image_version
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.shared.runtime.gpu_placement import IMAGE_USER
from pipelines.custom_image.code import CustomCode, IMPORT_FUNCTIONS
from pipelines.local.image_engine import build_options, BuildError, lines_of, push, run_build, why_it_failed

# Training builds the network, serving loads it; the other images run nothing of a team's.
DERIVED_NAMES = ("training", "serving")
CONTAINERFILE = "Containerfile"
_CODE = "code"
_IN_IMAGE = "/opt/team"
_TAG = re.compile(r"[A-Za-z0-9_][\w.-]{0,127}", flags=re.ASCII)
_SHOWN_DIGITS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a team's images belong.

    Attributes
    ----------
    registry
        Where they are pushed to, `registry/team`; `localhost` stays here.
    tag
        By default that of the images they come from, and a digest of the code.
    """

    registry: str
    tag: str | None = None

    def reference(self, name: str, code: CustomCode) -> str:
        """Full name of a derived image."""
        tag = self.tag or f"{image_version()}-{code.fingerprint()[:_SHOWN_DIGITS]}"
        if not _TAG.fullmatch(tag) or tag == "latest":
            raise ValueError(f"--tag must be letters, digits, points and hyphens, and not latest, got {tag!r}")
        return f"{self.registry.rstrip('/')}/pluszero-mlops-{name}:{tag}"


def containerfile(base: str, functions: Sequence[str]) -> str:
    """What a derived image is built by; the last step imports the functions as the image's own user."""
    return "\n".join(
        [
            f"FROM {_plain(base)}",
            # Whatever a base is changed to, no step of a team's image runs as root.
            f"USER {IMAGE_USER}:{IMAGE_USER}",
            f"COPY {_CODE}/ {_IN_IMAGE}/",
            f"ENV PYTHONPATH=/opt/pluszero:{_IN_IMAGE} {ALLOWED_VARIABLE}={','.join(functions)}",
            f"RUN {json.dumps(['python', '-c', IMPORT_FUNCTIONS, *functions])}",
            "",
        ]
    )


def write_context(folder: Path, code: CustomCode) -> None:
    """Write what an engine is given: a Containerfile for each derived image, and the code."""
    code.copy_to(folder / _CODE)
    for name in DERIVED_NAMES:
        (folder / f"{CONTAINERFILE}.{name}").write_text(containerfile(image(name), code.functions), encoding="utf-8")


def build_images(tool: str, code: CustomCode, target: Target, *, log_folder: Path, is_pushed: bool) -> list[str]:
    """Build a team's images, and push them where that is asked for.

    Parameters
    ----------
    tool
        docker, podman or buildah.
    code
        The team's; it is imported here first.
    target
        What the images are called.
    log_folder
        For what the engine says.
    is_pushed
        Whether the images go to the registry, and are named by the digest that it gives.

    Returns
    -------
    list of str
        All of the project's images by full name, the team's in the place of those they come from: a list that
        `PLUSZERO_IMAGE_LIST` may name.

    Raises
    ------
    ValueError
        If the code cannot be imported, here or in an image.
    BuildError
        If an image cannot be built or pushed.
    """
    derived = {name: target.reference(name, code) for name in DERIVED_NAMES}
    if is_pushed and target.registry.rstrip("/") in ("", "localhost"):
        raise BuildError("images must be pushed to a registry: name it by --registry or PLUSZERO_IMAGE_REGISTRY")
    with tempfile.TemporaryDirectory(prefix="pluszero-image-") as name_of_folder:
        context = Path(name_of_folder)
        write_context(context, code)
        code.check_imports(context / _CODE)
        for name, reference in derived.items():
            _build(tool, context, name, reference, log=log_folder / f"image-{name}-custom.log")
    if is_pushed:
        derived = {name: f"{reference}@{push(tool, reference)}" for name, reference in derived.items()}
    return [derived.get(name) or image(name) for name in ALL_IMAGE_NAMES]


def write_list(references: Sequence[str], path: Path) -> None:
    """Write a list of images, a line an image."""
    write_text(path, "\n".join(references) + "\n")


def _build(tool: str, context: Path, name: str, reference: str, *, log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    options = ["--file", str(context / f"{CONTAINERFILE}.{name}"), "--tag", reference]
    status = run_build([tool, "build", *build_options(tool), *options, os.fspath(context)], folder=context, log=log)
    if status:
        lines = lines_of(log)
        said = next((line for line in reversed(lines) if "must be a function that can be imported" in line), None)
        reason = f", for its code does not import there: {said.strip()}" if said else why_it_failed(lines)
        raise BuildError(f"the image {reference} could not be built with {tool}{reason}: see {log}")


def _plain(reference: str) -> str:
    """By digest alone where there is one: not every engine takes a tag beside it."""
    digest = reference.partition("@")[2]
    return f"{image_repository(reference)}@{digest}" if digest else reference
