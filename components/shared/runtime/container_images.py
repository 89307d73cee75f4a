"""The names of the container images, and of the secrets by which a cluster pulls them: one place for both."""

import os
from pathlib import Path
import re

# Those that steps of a pipeline run in.
IMAGE_NAMES = ("validation", "training", "serving")
# With the one that serves releases on nodes without a GPU.
ALL_IMAGE_NAMES = (*IMAGE_NAMES, "serving-cpu")

REGISTRY_VARIABLE = "PLUSZERO_IMAGE_REGISTRY"
TAG_VARIABLE = "PLUSZERO_IMAGE_TAG"
LIST_VARIABLE = "PLUSZERO_IMAGE_LIST"
PULL_SECRETS_VARIABLE = "PLUSZERO_IMAGE_PULL_SECRETS"

_LISTED = re.compile(
    r"\S+/pluszero-mlops-(?P<name>[a-z]+(-cpu)?)(:(?P<tag>[A-Za-z0-9_][\w.-]{0,127}))?(@sha256:(?P<digest>[0-9a-f]{64}))?"
)
_SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SHOWN_DIGITS = 12


def image(name: str) -> str:
    """Full name of one of the project's images, `<registry>/pluszero-mlops-<name>:<tag>`.

    Registry and tag come from the environment variables `PLUSZERO_IMAGE_REGISTRY` (default `localhost`) and
    `PLUSZERO_IMAGE_TAG` (default `dev`; `make compile` sets the commit). Where `PLUSZERO_IMAGE_LIST` names a file, that
    file says it, a line an image, digests included: `make push-images` writes it. A tag is never `latest`: KFP's cache
    keys see the tag as text, and a moving tag would serve stale results.

    Raises
    ------
    ValueError
        If `name` is not in `ALL_IMAGE_NAMES`, the tag is `latest` or empty, or the list does not name the image once.
    FileNotFoundError
        If there is no such list.
    """
    if name not in ALL_IMAGE_NAMES:
        raise ValueError(f"image name must be one of {ALL_IMAGE_NAMES}, got {name!r}")
    if os.environ.get(LIST_VARIABLE):
        return _listed(name)[0]
    tag = os.environ.get(TAG_VARIABLE, "dev")
    if tag in ("", "latest"):
        raise ValueError(f"{TAG_VARIABLE} must be a commit id or a release, got {tag!r}")
    registry = os.environ.get(REGISTRY_VARIABLE, "localhost").rstrip("/")
    return f"{registry}/pluszero-mlops-{name}:{tag}"


def image_version() -> str:
    """The images' tag; where a list names them by digest alone, the beginning of the training image's."""
    if os.environ.get(LIST_VARIABLE):
        _, tag, digest = _listed("training")
        return tag or digest[:_SHOWN_DIGITS]
    return image("training").rpartition(":")[2]


def image_repository(reference: str) -> str:
    """A full name without tag and digest: `registry/team/pluszero-mlops-training`."""
    path, slash, last = reference.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def image_name(reference: str) -> str:
    """Which of the project's images a full name is of, by tag or digest; one of `ALL_IMAGE_NAMES`.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    name = image_repository(reference).rpartition("pluszero-mlops-")[2]
    if name not in ALL_IMAGE_NAMES:
        raise ValueError(f"an image must be one of {ALL_IMAGE_NAMES}, got {reference}")
    return name


def image_pull_secrets() -> tuple[str, ...]:
    """Names of the secrets by which a cluster pulls the images: `PLUSZERO_IMAGE_PULL_SECRETS`, commas between them.

    What is compiled takes them for its steps and tells the steps, which hand them on to the pods that they ask for.

    Raises
    ------
    ValueError
        If one of them cannot be a secret's name.
    """
    names = tuple(filter(None, re.split(r"[,\s]+", os.environ.get(PULL_SECRETS_VARIABLE, ""))))
    for name in names:
        if not _SECRET_NAME.fullmatch(name):
            raise ValueError(
                f"{PULL_SECRETS_VARIABLE} must name secrets (small letters, digits, hyphens and points), got {name!r}"
            )
    return names


def _listed(name: str) -> tuple[str, str, str]:
    """Reference, tag and digest of an image as the list has it; either of the last two may be empty, not both."""
    path = Path(os.environ[LIST_VARIABLE])
    if not path.is_file():
        raise FileNotFoundError(f"{LIST_VARIABLE} must name a list of images, but {path} is not there")
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    matches = (_LISTED.fullmatch(line) for line in lines)
    found = [match for match in matches if match is not None and match["name"] == name]
    if len(found) != 1:
        raise ValueError(
            f"{path} must name the image pluszero-mlops-{name} once, by registry, tag and digest, "
            f"but names it {len(found)} times"
        )
    tag, digest = found[0]["tag"] or "", found[0]["digest"] or ""
    if tag == "latest" or not (tag or digest):
        raise ValueError(
            f"{path} must name pluszero-mlops-{name} by a digest, or by a commit id or a release, got {found[0][0]}"
        )
    return found[0][0], tag, digest
