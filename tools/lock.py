"""Locks what the environments and images hold: `make lock`.

A pin that still holds stays, so that running it again changes no byte. Delete a line of `docker/constraints.txt` to
let that package move; the images follow the environments, which is where everything is tested.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
import subprocess
import sys
import tempfile

from components.shared.atomic_files import atomic_file
from tools.locked import CUDA_VARIANTS, declared, DOCKER, parse_lock, Pin, read_lock
from tools.sbom import write_sboms
from tools.setup_environments import UV

_IMAGE = ("--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_40")
_TORCH = ("torch", "torchvision")
# The newest release whose default build is for CUDA 12.
_CUDA_12 = ("torch>=2.10,<2.11", "torchvision>=0.25,<0.26")
_OF_TORCH = ("torch", "triton", "cuda-", "nvidia-")
# kfp runs a step with these two alone; its other dependencies are for compiling and submitting.
_KFP_NEEDS = ("docstring_parser>=0.16,<1", "typing_extensions>=4.12,<5")


class LockError(Exception):
    """What cannot be locked; the message says what a person must change."""


def resolve(
    wanted: Iterable[str],
    *,
    kept: str,
    constraints: Iterable[str] = (),
    options: Sequence[str] = (),
) -> str:
    """Resolve requirements.

    Parameters
    ----------
    wanted
        Requirements, as in setup.cfg.
    kept
        Pins of before, which stay where they still hold.
    constraints
        Pins that must hold.
    options
        More arguments of `uv pip compile`.

    Returns
    -------
    str
        One entry a package, sorted by name.

    Raises
    ------
    LockError
        If there is no solution, or the package index cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="lock-") as folder:
        source, pinned, target = (Path(folder, name) for name in ("wanted.in", "pinned.txt", "lock.txt"))
        source.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        pinned.write_text("\n".join(constraints) + "\n", encoding="utf-8")
        target.write_text(kept, encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
        command += [*options, "--constraint", str(pinned), "--output-file", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LockError(f"the requirements must have a solution, but uv finds none: {done.stderr.strip()}")
        return target.read_text(encoding="utf-8")


def lock_environments() -> None:
    """Write the constraints of both local environments."""
    for name, extras, options in (
        ("constraints", ("training", "serving", "pipelines", "dev"), ["--universal", "--python-version", "3.11"]),
        (
            "constraints-validation",
            ("validation", "dev-validation"),
            ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_35"],
        ),
    ):
        wanted = map(str, declared(extras))
        _write(name, resolve(wanted, kept=_text(name), options=options))


def lock_images() -> None:
    """Write the hash-locked requirements of every image.

    Raises
    ------
    LockError
        If one lock cannot serve both CUDA variants.
    """
    pins = read_lock("constraints")
    _write("installer", _joined(_image_lock([UV], kept=_text("installer")).values()))
    torch = {
        "cu13": _image_lock([pins[name].text for name in _TORCH], kept=_text("torch-cu13"), pins=pins.values()),
        "cu12": _image_lock(_CUDA_12, kept=_text("torch-cu12"), pins=_without_torch(pins)),
    }
    for variant, closure in torch.items():
        _write(f"torch-{variant}", _joined(closure.values()))
    kfp = _image_lock([pins["kfp"].text], kept=_text("training"), options=["--no-deps"])
    for name in ("training", "serving"):
        wanted = [*map(str, declared((name,))), *_KFP_NEEDS]
        rests = []
        for variant in CUDA_VARIANTS:
            bound = [*_without_torch(pins), *torch[variant].values()]
            kept = _joined({**torch[variant], **parse_lock(_text(name))}.values())
            rest = {
                package: pin
                for package, pin in _image_lock(wanted, kept=kept, pins=bound).items()
                if package not in torch[variant]
            }
            rests.append(_joined([pin for _, pin in sorted({**rest, **kfp}.items())]))
        if len(set(rests)) > 1:
            raise LockError(f"{name}.txt must serve every CUDA variant, but the variants need different packages")
        _write(name, rests[0])
    validation_wants = map(str, declared(("validation",)))
    validation = _image_lock(validation_wants, kept=_text("validation") or _text("constraints"))
    _write("validation", _joined([pin for _, pin in sorted({**validation, **kfp}.items())]))


def _image_lock(
    wanted: Iterable[str], *, kept: str, pins: Iterable[Pin] = (), options: Sequence[str] = ()
) -> dict[str, Pin]:
    constraints = [f"{pin.name}=={pin.version}" for pin in pins]
    text = resolve(wanted, kept=kept, constraints=constraints, options=["--generate-hashes", *_IMAGE, *options])
    return parse_lock(text)


def _without_torch(pins: Mapping[str, Pin]) -> list[Pin]:
    return [pin for name, pin in pins.items() if not name.startswith(_OF_TORCH) or name == "torchmetrics"]


def _joined(pins: Iterable[Pin]) -> str:
    return "".join(f"{pin.text}\n" for pin in pins)


def _text(name: str) -> str:
    path = DOCKER / f"{name}.txt"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _write(name: str, text: str) -> None:
    changed = text != _text(name)
    if changed:
        with atomic_file(DOCKER / f"{name}.txt") as part:
            part.write_text(text, encoding="utf-8")
    print(f"  docker/{name}.txt{' (changed)' if changed else ''}", flush=True)


def main() -> int:
    """Write every lock and every bill of materials; 0 when all were written, 2 with one sentence otherwise."""
    try:
        lock_environments()
        lock_images()
        write_sboms()
    except (LockError, FileNotFoundError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
