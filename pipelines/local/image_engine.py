"""The engine that builds and pushes images here, docker, podman or buildah, and what it says when it fails."""

from collections.abc import Sequence
import os
from pathlib import Path
import re
import shutil
import subprocess
import tempfile

# Rootless and nested machines cannot give a build namespaces of its own, and some refuse high limits.
_WITHOUT_DAEMON = ("--isolation", "chroot", "--network", "host", "--ulimit", "nofile=1024:1024", "--layers")
# The runtime under podman and buildah seals a copy of itself in memory, which the kernel refuses while a page of it
# is in use: no fault of the build, which goes on from its last layer.
_RUNTIME_RACE = "sealing memfd copy"
_ATTEMPTS = 3
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64})")
_SAID_BY_DOCKER = re.compile(r"digest: (sha256:[0-9a-f]{64})")


class BuildError(Exception):
    """Something that a person must change; the message says what."""


def engine() -> str:
    """`docker` where its daemon answers, else `podman`, else `buildah`.

    Raises
    ------
    BuildError
        If there is none.
    """
    if succeeds(["docker", "info"]):
        return "docker"
    found = next((name for name in ("podman", "buildah") if shutil.which(name)), None)
    if found is None:
        raise BuildError(
            "images must be built by docker, podman or buildah, but none is there: install one, "
            "or on Debian run tools/prepare_container_machine as root"
        )
    return found


def build_options(tool: str) -> list[str]:
    """What every build with that engine is told."""
    return [] if tool == "docker" else list(_WITHOUT_DAEMON)


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


def lines_of(log: Path) -> list[str]:
    """What a build said, without its empty lines."""
    return [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]


def why_it_failed(lines: Sequence[str]) -> str:
    """Why a build failed, where its log says it in words that are known; else nothing."""
    text = "\n".join(lines[-50:]).lower()
    if "no space left on device" in text:
        return ", for its disk is full (the images take 20 GB, and old ones stay until they are pruned)"
    if "hash mismatch" in text or "do not match the hashes" in text:
        return ", for a package is not the one that its lock names"
    if "failed to resolve" in text or "name resolution" in text or "dns error" in text:
        return ", for the package index cannot be reached"
    return ""


def push(tool: str, reference: str) -> str:
    """Push an image; the digest that the registry has it under, `sha256:...`.

    Raises
    ------
    BuildError
        If it cannot be pushed, or the engine does not say its digest.
    """
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


def succeeds(command: Sequence[str]) -> bool:
    """Whether a command is there and ends well; what it says is dropped."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
