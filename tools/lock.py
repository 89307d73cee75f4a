"""Locks what the environments and images hold: `make lock`.

A pin that still holds stays, so that running it again changes no byte. Delete a line of `docker/constraints.txt` to
let that package move; the images follow the environments, which is where everything is tested.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile

from components.shared.runtime.atomic_files import atomic_file
from tools.locked import declared, DOCKER, parse_lock, Pin, read_lock, torch_variants, WITH_TORCH
from tools.sbom import supply_chain_files
from tools.setup_environments import UV

CPU_INDEX_VARIABLE = "TORCH_CPU_INDEX"
_IMAGE = ("--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_40")
_TORCH = ("torch", "torchvision")
_CUDA_VARIANTS = ("cu13", "cu12")
# The newest release whose default build is for CUDA 12.
_CUDA_12 = ("torch>=2.10,<2.11", "torchvision>=0.25,<0.26")
_OF_TORCH = ("torch", "triton", "cuda-", "nvidia-")
# kfp runs a step with these two alone; its other dependencies are for compiling and submitting.
_KFP_NEEDS = ("docstring_parser>=0.16,<1", "typing_extensions>=4.12,<5")
_ENVIRONMENTS = {
    "constraints": (("training", "serving", "pipelines", "dev"), ("--universal", "--python-version", "3.11")),
    "constraints-validation": (
        ("validation", "dev-validation"),
        ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_35"),
    ),
}


class LockError(Exception):
    """What cannot be locked; the message says what a person must change."""


def resolve(
    wanted: Iterable[str],
    *,
    kept: str = "",
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
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--python", sys.executable]
        command += ["--no-header", "--no-annotate", *options, "--constraint", str(pinned)]
        command += ["--output-file", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LockError(f"the requirements must have a solution, but uv finds none: {done.stderr.strip()}")
        return target.read_text(encoding="utf-8")


def lock(folder: Path = DOCKER, *, cpu_index: str | None = None) -> None:
    """Write every lock, and what is made of them.

    Parameters
    ----------
    folder
        Holds the locks of before, and gets the new ones.
    cpu_index
        Address of a package index with CPU builds of torch, which the default one has not; without it, a
        `torch-cpu.txt` that is there stays as it is.

    Raises
    ------
    LockError
        If something has no solution, or one lock cannot serve every build of torch.
    """
    for name, (extras, options) in _ENVIRONMENTS.items():
        _write(folder, name, resolve(map(str, declared(extras)), kept=_text(folder, name), options=options))
    pins = read_lock("constraints", folder)
    _write(folder, "installer", _joined(_image_lock([UV], kept=_text(folder, "installer"))))
    for variant, closure in _torch_closures(folder, pins, cpu_index).items():
        _write(folder, f"torch-{variant}", _joined(closure))
    kfp = _image_lock([pins["kfp"].text], kept=_text(folder, "training"), options=["--no-deps"])
    for name in WITH_TORCH:
        _write(folder, name, _joined({**_beside_torch(name, folder, pins), **kfp}))
    kept = _text(folder, "validation") or _text(folder, "constraints")
    validation = _image_lock(map(str, declared(("validation",))), kept=kept)
    _write(folder, "validation", _joined({**validation, **kfp}))
    without = _image_lock(
        map(str, declared(("serving-cpu",))),
        kept=_text(folder, "serving-cpu") or _text(folder, "serving"),
        pins=_without_torch(pins),
    )
    _write(folder, "serving-cpu", _joined(without))
    for path, text in supply_chain_files(folder, index=cpu_index).items():
        _write_file(path, text)


def _torch_closures(folder: Path, pins: Mapping[str, Pin], cpu_index: str | None) -> dict[str, dict[str, Pin]]:
    """Torch and what it needs, by the name of its build: a layer that images share."""
    tested = [f"{name}=={pins[name].version}" for name in _TORCH]
    others = _without_torch(pins)
    closures = {
        "cu13": _image_lock(tested, kept=_text(folder, "torch-cu13"), pins=pins.values()),
        "cu12": _image_lock(_CUDA_12, kept=_text(folder, "torch-cu12"), pins=others),
    }
    if cpu_index:
        # That index holds old releases of other packages too: the best of both is wanted, and hashes guard it.
        both = ["--index", cpu_index, "--index-strategy", "unsafe-best-match"]
        closures["cpu"] = _image_lock(tested, kept=_text(folder, "torch-cpu"), pins=others, options=both)
    elif "cpu" in torch_variants(folder):
        closures["cpu"] = read_lock("torch-cpu", folder)
    check_cpu(closures.get("cpu", {}), closures["cu13"])
    return closures


def check_cpu(cpu: Mapping[str, Pin], cuda: Mapping[str, Pin]) -> None:
    """Hold the lock of torch's CPU build against that of CUDA 13: the same but for CUDA, so that the rest serves both.

    Raises
    ------
    LockError
        If it is another release, or needs another package.
    """
    for name, pin in cpu.items():
        wanted = f"{cuda[name].version}{'+cpu' if name in _TORCH else ''}" if name in cuda else "nothing"
        if pin.version != wanted:
            raise LockError(
                f"torch-cpu.txt must hold {name} {wanted} like torch-cu13.txt, got {pin.version}: name an index "
                f"with CPU builds of torch, as in make lock {CPU_INDEX_VARIABLE}=ADDRESS, or remove the file"
            )


def _beside_torch(name: str, folder: Path, pins: Mapping[str, Pin]) -> dict[str, Pin]:
    """What an image holds beside torch and what torch needs: one lock that serves every build of torch."""
    rests = []
    for variant in _CUDA_VARIANTS:
        torch = read_lock(f"torch-{variant}", folder)
        found = _image_lock(
            [*map(str, declared((name,))), *_KFP_NEEDS],
            kept=_joined({**torch, **parse_lock(_text(folder, name))}),
            pins=[*_without_torch(pins), *torch.values()],
        )
        rests.append({package: pin for package, pin in found.items() if package not in torch})
    if _joined(rests[0]) != _joined(rests[1]):
        raise LockError(f"{name}.txt must serve every build of torch, but {' and '.join(_CUDA_VARIANTS)} need others")
    return rests[0]


def _image_lock(
    wanted: Iterable[str],
    *,
    kept: str,
    pins: Iterable[Pin] = (),
    options: Sequence[str] = (),
) -> dict[str, Pin]:
    bound = [f"{pin.name}=={pin.version}" for pin in pins]
    return parse_lock(resolve(wanted, kept=kept, constraints=bound, options=["--generate-hashes", *_IMAGE, *options]))


def _without_torch(pins: Mapping[str, Pin]) -> list[Pin]:
    return [pin for name, pin in pins.items() if not name.startswith(_OF_TORCH) or name == "torchmetrics"]


def _joined(pins: Mapping[str, Pin]) -> str:
    return "".join(f"{pins[name].text}\n" for name in sorted(pins))


def _text(folder: Path, name: str) -> str:
    path = folder / f"{name}.txt"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _write(folder: Path, name: str, text: str) -> None:
    _write_file(folder / f"{name}.txt", text)


def _write_file(path: Path, text: str) -> None:
    """Write a file where it changes: a lock's bytes decide whether gigabytes are installed again."""
    changed = not path.is_file() or path.read_text(encoding="utf-8") != text
    if changed:
        with atomic_file(path) as part:
            part.write_text(text, encoding="utf-8")
    print(f"  {path.name}{' (changed)' if changed else ''}", flush=True)


def stale_files(cpu_index: str | None = None) -> list[str]:
    """Names of the files that `make lock` would change; none is changed."""
    with tempfile.TemporaryDirectory(prefix="lock-") as temporary:
        made = Path(temporary, "docker")
        shutil.copytree(DOCKER, made)
        lock(made, cpu_index=cpu_index)
        return differing(DOCKER, made)


def differing(old: Path, new: Path) -> list[str]:
    """Names of a folder's files that are not, byte for byte, in another, sorted."""
    names = [path.relative_to(new) for path in new.rglob("*") if path.is_file()]
    return sorted(
        str(name)
        for name in names
        if not (old / name).is_file() or (old / name).read_bytes() != (new / name).read_bytes()
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write every lock and bill of materials, or check them; 1 where one is stale, 2 where none can be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which files would change; 1 where one would")
    parser.add_argument(
        "--torch-cpu-index",
        default=os.environ.get(CPU_INDEX_VARIABLE),
        help=f"package index with CPU builds of torch, for torch-cpu.txt; default: ${CPU_INDEX_VARIABLE}",
    )
    chosen = parser.parse_args(arguments)
    try:
        if not chosen.check:
            lock(cpu_index=chosen.torch_cpu_index)
        elif stale := stale_files(chosen.torch_cpu_index):
            sys.stderr.write(f"error: the locks must be what make lock writes, but would change: {', '.join(stale)}\n")
            return 1
    except (LockError, FileNotFoundError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
