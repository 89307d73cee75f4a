"""Creates the two environments that stand for the images on a developer's machine.

`.venv` holds everything but TFDV, `.venv-validation` holds TFDV. Run by `make setup`; only the standard library is
used. It does nothing where nothing changed, goes on where it was interrupted, and says in one sentence what is missing.
`.venv/bin/pluszero` is the project's own command.
"""

import configparser
from dataclasses import dataclass
import fcntl
import hashlib
import os
from pathlib import Path
import platform
import shutil
import subprocess
import sys
import time
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
SUPPORTED = ((3, 11), (3, 13))
UV = "uv==0.13.9"
OLD_GLIBC = (2, 38)
_STAMP = ".setup-complete"
# The project is not installed in its own environments: they stand for images, which hold its folders as they are.
_CONSOLE_SCRIPT = """\
#!/bin/sh
# Written by make setup: starts pipelines/pluszero.py of the clone that this environment belongs to.
script=$0
if [ -L "$script" ]; then script=$(readlink -f "$script"); fi
root=$(CDPATH= cd "$(dirname "$script")/../.." && pwd)
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONPATH
exec "$root/.venv/bin/python" -P -m pipelines.pluszero "$@"
"""
_HEARTBEAT_S = 15
_NETWORK_SIGNS = (
    "name resolution",
    "failed to establish a new connection",
    "dns error",
    "network is unreachable",
    "connection refused",
    "error sending request",
    "read timed out",
)
_DISK_SIGNS = ("no space left on device",)


class SetupError(Exception):
    """Something that a person must change; the message says what."""


@dataclass(frozen=True)
class Environment:
    """One environment: where, with which Python, from which extras, pinned by what, how much it takes."""

    folder: str
    python: str
    extras: tuple[str, ...]
    constraints: str | None
    size_gb: int
    first: tuple[str, ...] = ()
    without_dependencies: tuple[str, ...] = ()


def environments() -> list[Environment]:
    """Both environments, for this machine's Python and C library."""
    validation_python, constraints = _validation_platform()
    return [
        Environment(
            folder=".venv",
            python=sys.executable,
            extras=("training", "serving", "pipelines", "dev"),
            constraints="docker/constraints.txt",
            size_gb=9,
            # pip first and alone: it takes these two from wherever pip is configured to look.
            first=("torch", "torchvision"),
        ),
        Environment(
            folder=".venv-validation",
            python=validation_python,
            extras=("validation", "dev-validation"),
            constraints=constraints,
            size_gb=4,
            without_dependencies=("kfp",),
        ),
    ]


def _validation_platform() -> tuple[str, str | None]:
    """Interpreter and constraints for TFDV: before glibc 2.38 its newest release is 1.16.1, for Python 3.11."""
    if platform.system() != "Linux":
        return sys.executable, None
    name, version = platform.libc_ver()
    if name != "glibc" or tuple(map(int, version.split(".")[:2])) >= OLD_GLIBC:
        return sys.executable, None
    if sys.version_info[:2] == (3, 11):
        return sys.executable, "docker/constraints-validation.txt"
    found = shutil.which("python3.11")
    if found is None or subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
        raise SetupError(
            f"TFDV must have Python 3.11 where glibc is older than 2.38; this machine has glibc {version} and no "
            "python3.11 that works: install it, or use a newer system"
        )
    return found, "docker/constraints-validation.txt"


def check_python() -> None:
    """Refuse a Python that the dependencies do not have wheels for."""
    if not SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[1]:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Python must be 3.11, 3.12 or 3.13, got {found} at {sys.executable}: name another, "
            "as in make PYTHON=python3.11"
        )


def requirements(extras: tuple[str, ...]) -> list[str]:
    """The project's own requirements and those of some extras, from setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [parser["options"]["install_requires"], *(parser["options.extras_require"][extra] for extra in extras)]
    return sorted({line.strip() for text in texts for line in text.splitlines() if line.strip() and line[0] != "#"})


def fingerprint(environment: Environment) -> str:
    """What an environment depends on: another value means that it must be brought up to date."""
    alone = [_pin(name) for name in environment.without_dependencies]
    parts = [_version_of(environment.python), UV, *requirements(environment.extras), *alone]
    if environment.constraints:
        parts.append((ROOT / environment.constraints).read_text(encoding="utf-8"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _pin(name: str) -> str:
    return next(line for line in requirements(("pipelines",)) if line.split("=")[0] == name)


def _pinned(name: str, environment: Environment) -> str:
    """The pin of a package in an environment's constraints."""
    assert environment.constraints is not None
    lines = (ROOT / environment.constraints).read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.split("==")[0] == name)


def _version_of(python: str) -> str:
    """Version of an interpreter; empty where there is none that runs."""
    try:
        done = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def set_up(environment: Environment) -> None:
    """Bring one environment up to date, or do nothing where it is."""
    folder = ROOT / environment.folder
    stamp, wanted = folder / _STAMP, fingerprint(environment)
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    _check_disk(environment)
    print(f"Setting up {environment.folder} (once; it goes on where it was interrupted)", flush=True)
    python = folder / "bin" / "python"
    if _version_of(str(python)) != _version_of(environment.python) or _runs([str(python), "-m", "pip", "--version"]):
        _step("new environment", [environment.python, "-m", "venv", "--clear", str(folder)])
    stamp.unlink(missing_ok=True)
    _step("installer", [str(python), "-m", "pip", "install", "--quiet", UV])
    wanted_packages = requirements(environment.extras)
    if environment.first:
        first = [_pinned(name, environment) for name in environment.first]
        _step(
            f"{' and '.join(environment.first)}, several GB", [str(python), "-m", "pip", "install", "--quiet", *first]
        )
    install = [str(python), "-m", "uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    pins = ["--constraint", str(ROOT / environment.constraints)] if environment.constraints else []
    _step(f"{len(wanted_packages)} packages and what they need", [*install, *pins, *wanted_packages])
    for name in environment.without_dependencies:
        _step(f"{name} alone", [*install, "--no-deps", _pin(name)])
    stamp.write_text(wanted, encoding="ascii")


def write_console_script(folder: Path) -> None:
    """Write the command `pluszero` into an environment's folder, where it is not there as it should be."""
    script = folder / "bin" / "pluszero"
    if script.is_file() and script.read_text(encoding="utf-8", errors="replace") == _CONSOLE_SCRIPT:
        return
    part = script.with_name(".pluszero.part")
    part.write_text(_CONSOLE_SCRIPT, encoding="utf-8")
    part.chmod(0o755)
    part.replace(script)


def _check_disk(environment: Environment) -> None:
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if not (ROOT / environment.folder).exists() and free_gb < environment.size_gb:
        raise SetupError(
            f"{environment.folder} must have {environment.size_gb} GB of free disk, but {ROOT} has {free_gb:.1f} GB: "
            "free some, and run the same command again"
        )


def _runs(command: list[str]) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode


def _step(what: str, command: list[str]) -> None:
    started = time.monotonic()
    print(f"  {what} ...", end="", flush=True)
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, errors="replace"
    ) as process:
        output = _output_with_heartbeat(process)
    print(f" {time.monotonic() - started:.0f} s", flush=True)
    if process.returncode:
        raise SetupError(_explanation(what, output))


def _output_with_heartbeat(process: "subprocess.Popen[str]") -> str:
    while True:
        try:
            return process.communicate(timeout=_HEARTBEAT_S)[0]
        except subprocess.TimeoutExpired:
            print(".", end="", flush=True)


def _explanation(what: str, output: str) -> str:
    lowered = output.lower()
    if any(sign in lowered for sign in _DISK_SIGNS):
        return f"{what}: the disk is full: free some space, and run the same command again"
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "no output")
    if any(sign in lowered for sign in _NETWORK_SIGNS):
        return (
            f"{what}: the package index cannot be reached ({last}): check the network, and run the same command again"
        )
    sys.stderr.write(output[-4000:])
    return f"{what} failed: {last}"


def _take(lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another set-up is at work; waiting for it to end", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def main() -> int:
    """Set up both environments; 0 when they are up to date, 2 with one sentence when something is missing."""
    try:
        check_python()
        with open(ROOT / ".setup.lock", "w", encoding="ascii") as lock:
            _take(lock)
            for environment in environments():
                set_up(environment)
            write_console_script(ROOT / ".venv")
    except SetupError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: the same command goes on from here\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
