"""Builds the container images with docker, podman or buildah, whichever is there: `make images`."""

import argparse
from collections.abc import Sequence
import os
from pathlib import Path
import shutil
import subprocess
import sys
import time

from components.shared.runtime.container_images import ALL_IMAGE_NAMES, image, TAG_VARIABLE
from pipelines.local.image_source import image_source, REPOSITORY
from tools.locked import WITHOUT_TORCH

PREPARED_BASE = "localhost/python:3.13-slim-trixie"
_BASE_VARIABLE = "PLUSZERO_BASE_IMAGE"
# Rootless and nested machines cannot give a build namespaces of its own, and some refuse high limits.
_WITHOUT_DAEMON = ["--isolation", "chroot", "--network", "host", "--ulimit", "nofile=1024:1024", "--layers"]
# The runtime under podman and buildah seals a copy of itself in memory, which the kernel refuses while a page of it
# is in use: no fault of the build, which goes on from its last layer.
_RUNTIME_RACE = "sealing memfd copy"
_ATTEMPTS = 3


class BuildError(Exception):
    """Something that a person must change; the message says what."""


def engine() -> str:
    """`docker` where its daemon answers, else `podman`, else `buildah`.

    Raises
    ------
    BuildError
        If there is none.
    """
    if _succeeds(["docker", "info"]):
        return "docker"
    found = next((name for name in ("podman", "buildah") if shutil.which(name)), None)
    if found is None:
        raise BuildError(
            "images must be built by docker, podman or buildah, but none is there: install one, "
            "or on Debian run tools/prepare_container_machine as root"
        )
    return found


def build_command(tool: str, name: str, *, cuda: str, base: str | None) -> list[str]:
    """The command that builds one image."""
    settings = {
        "CUDA": cuda,
        "COMMIT": _commit(),
        "VERSION": os.environ.get(TAG_VARIABLE, "dev"),
        "SOURCE": image_source(name),
        **({"BASE": base} if base else {}),
    }
    if name in WITHOUT_TORCH:
        del settings["CUDA"]
    command = [tool, "build", *(_WITHOUT_DAEMON if tool != "docker" else [])]
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
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        sys.stderr.write("\n".join(lines[-15:]) + "\n")
        raise BuildError(f"the image {name} could not be built with {tool}{_reason(lines)}: see {log}")


def run_build(command: Sequence[str], *, folder: Path, log: Path) -> int:
    """Run a build in `folder` and write what it says to `log`, again where its runtime stumbled; its exit status."""
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    for _ in range(_ATTEMPTS):
        with open(log, "w", encoding="utf-8") as stream:
            status = subprocess.run(
                command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT, check=False, env=environment
            ).returncode
        if status == 0 or _RUNTIME_RACE not in log.read_text(encoding="utf-8", errors="replace"):
            break
    return status


def _reason(lines: Sequence[str]) -> str:
    """Why a build failed, where its log says it in words that are known."""
    text = "\n".join(lines[-50:]).lower()
    if "no space left on device" in text:
        return ", for its disk is full (the images take 20 GB, and old ones stay until they are pruned)"
    if "hash mismatch" in text or "do not match the hashes" in text:
        return ", for a package is not the one that its lock names"
    if "failed to resolve" in text or "name resolution" in text or "dns error" in text:
        return ", for the package index cannot be reached"
    return ""


def base_image(tool: str) -> str | None:
    """The base image: named by the environment, else the one that the preparation made, else the Dockerfile's own."""
    named = os.environ.get(_BASE_VARIABLE)
    if named or tool == "docker":
        return named or None
    return PREPARED_BASE if _succeeds([tool, "inspect", "--type", "image", PREPARED_BASE]) else None


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


def _commit() -> str:
    return subprocess.run(
        [REPOSITORY / "tools" / "image_tag"], capture_output=True, text=True, check=False, cwd=REPOSITORY
    ).stdout.strip()


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


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
