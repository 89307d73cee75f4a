"""Builds the container images with docker, podman or buildah, whichever is there: `make images`."""

import argparse
import os
from pathlib import Path
import subprocess
import sys
import time

from components.shared.runtime.container_images import ALL_IMAGE_NAMES, image, TAG_VARIABLE
from pipelines.local.image_engine import (
    build_options,
    BuildError,
    engine,
    lines_of,
    run_build,
    succeeds,
    why_it_failed,
)
from pipelines.local.image_source import image_source, REPOSITORY
from tools.locked import WITHOUT_TORCH

PREPARED_BASE = "localhost/python:3.13-slim-trixie"
_BASE_VARIABLE = "PLUSZERO_BASE_IMAGE"


def build_command(tool: str, name: str, *, cuda: str, base: str | None) -> list[str]:
    """The command that builds one image."""
    settings = {
        "CUDA": cuda,
        "COMMIT": commit_of_tree(),
        "VERSION": os.environ.get(TAG_VARIABLE, "dev"),
        "SOURCE": image_source(name),
        **({"BASE": base} if base else {}),
    }
    if name in WITHOUT_TORCH:
        del settings["CUDA"]
    command = [tool, "build", *build_options(tool)]
    for key, value in settings.items():
        command += ["--build-arg", f"{key}={value}"]
    certificates = os.environ.get("SSL_CERT_FILE")
    if certificates and Path(certificates).is_file():
        command += ["--secret", f"id=ca,src={certificates}"]
    return [*command, "--file", f"docker/{name}.Dockerfile", "--tag", image(name), "."]


def build(tool: str, name: str, *, cuda: str, base: str | None) -> None:
    """Build one image, and keep what the engine said.

    Raises
    ------
    BuildError
        If it fails; the message names the log.
    """
    log = REPOSITORY / "build" / f"image-{name}.log"
    log.parent.mkdir(exist_ok=True)
    print(f"  {image(name)} ...", end="", flush=True)
    started = time.monotonic()
    status = run_build(build_command(tool, name, cuda=cuda, base=base), folder=REPOSITORY, log=log)
    print(f" {time.monotonic() - started:.0f} s", flush=True)
    if status:
        lines = lines_of(log)
        sys.stderr.write("\n".join(lines[-15:]) + "\n")
        raise BuildError(f"the image {name} could not be built with {tool}{why_it_failed(lines)}: see {log}")


def base_image(tool: str) -> str | None:
    """The base image: named by the environment, else the one that the preparation made, else the Dockerfile's own."""
    named = os.environ.get(_BASE_VARIABLE)
    if named or tool == "docker":
        return named or None
    return PREPARED_BASE if succeeds([tool, "inspect", "--type", "image", PREPARED_BASE]) else None


def check_release_base(base: str | None) -> None:
    """A release's images stand on a base that cannot change.

    Raises
    ------
    BuildError
        If the base is not named by its digest.
    """
    if "@sha256:" not in (base or ""):
        raise BuildError(
            f"a release must name its base image by digest, {_BASE_VARIABLE}=NAME@sha256:..., got {base or 'nothing'}"
        )


def commit_of_tree() -> str:
    """The commit, 12 hexadecimal digits, with `-dirty` where the tree differs from it; empty where git knows none."""
    return subprocess.run(
        [REPOSITORY / "tools" / "image_tag"], capture_output=True, text=True, check=False, cwd=REPOSITORY
    ).stdout.strip()


def main() -> int:
    """Build the images that are named, or all; 0 when all are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ALL_IMAGE_NAMES)}; all by default")
    parser.add_argument("--cuda", default="cu13", help="CUDA variant: a lock docker/torch-<CUDA>.txt")
    parser.add_argument("--release", action="store_true", help="insist on a base image that is named by its digest")
    arguments = parser.parse_args()
    try:
        if unknown := set(arguments.names) - set(ALL_IMAGE_NAMES):
            raise BuildError(f"images must be of {', '.join(ALL_IMAGE_NAMES)}, got {', '.join(sorted(unknown))}")
        if not (REPOSITORY / "docker" / f"torch-{arguments.cuda}.txt").is_file():
            raise BuildError(
                f"the CUDA variant must have a lock in docker/, but there is no torch-{arguments.cuda}.txt"
            )
        tool = engine()
        print(f"Building images with {tool}", flush=True)
        base = base_image(tool)
        if arguments.release:
            check_release_base(base)
        for name in arguments.names or ALL_IMAGE_NAMES:
            build(tool, name, cuda=arguments.cuda, base=base)
    except BuildError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
