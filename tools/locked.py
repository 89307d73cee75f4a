"""Reads the hash-locked requirement files: what each image holds, to the byte."""

import configparser
from dataclasses import dataclass
from pathlib import Path
import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
DOCKER = REPOSITORY / "docker"
WITH_TORCH = ("training", "serving")
WITHOUT_TORCH = ("validation", "serving-cpu")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One locked package.

    Attributes
    ----------
    name
        Canonical name.
    version
        The one version.
    hashes
        SHA-256 of the files that may be installed, in hexadecimal.
    text
        The entry as it stands in the lock.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    text: str


def parse_lock(text: str) -> dict[str, Pin]:
    """Pins of a lock by name, in its order.

    Raises
    ------
    ValueError
        If an entry pins no version, or a package is there twice.
    """
    pins: dict[str, Pin] = {}
    for entry in re.split(r"\n(?=\S)", text.strip()) if text.strip() else []:
        found = _PIN.match(entry)
        if found is None:
            raise ValueError(f"a lock's entry must pin one version, as in name==1.0, got {entry.splitlines()[0]!r}")
        name = canonicalize_name(found["name"])
        if name in pins:
            raise ValueError(f"a lock must hold {name} once, but holds it twice")
        pins[name] = Pin(name=name, version=found["version"], hashes=tuple(_HASH.findall(entry)), text=entry)
    return pins


def read_lock(name: str, folder: Path = DOCKER) -> dict[str, Pin]:
    """Pins of one lock.

    Parameters
    ----------
    name
        `training` for one, or `constraints`.
    folder
        Where the locks are.

    Raises
    ------
    FileNotFoundError
        If there is no such lock.
    """
    path = folder / f"{name}.txt"
    if not path.is_file():
        raise FileNotFoundError(f"the lock {path} must be there, but is not: run make lock")
    return parse_lock(path.read_text(encoding="utf-8"))


def torch_variants(folder: Path = DOCKER) -> tuple[str, ...]:
    """Builds of torch that have a lock, `cu13` for one, the newest first."""
    return tuple(path.stem.removeprefix("torch-") for path in sorted(folder.glob("torch-*.txt"), reverse=True))


def images(folder: Path = DOCKER) -> tuple[str, ...]:
    """Every image in every variant: `validation`, `serving-cpu`, `training-cu13` ..."""
    with_torch = (f"{name}-{variant}" for name in WITH_TORCH for variant in torch_variants(folder))
    # `serving-cpu` is the image of that name, also where there is a lock of torch's CPU build.
    return (*WITHOUT_TORCH, *(image for image in with_torch if image not in WITHOUT_TORCH))


def extra_of(image: str) -> str:
    """The extra of setup.cfg that an image is made of: `serving` of `serving-cu13`."""
    return image if image in WITHOUT_TORCH else image.partition("-")[0]


def image_pins(image: str, folder: Path = DOCKER) -> dict[str, Pin]:
    """Everything that is installed into one image, `training-cu13` for one, sorted by name."""
    name = extra_of(image)
    variant = image.removeprefix(name).removeprefix("-")
    pins = read_lock(f"torch-{variant}", folder) if variant else {}
    return dict(sorted({**pins, **read_lock(name, folder)}.items()))


def declared(extras: tuple[str, ...], setup: Path = REPOSITORY / "setup.cfg") -> list[Requirement]:
    """The project's own requirements and those of some extras, from setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(setup, encoding="utf-8")
    texts = [parser["options"]["install_requires"], *(parser["options.extras_require"][extra] for extra in extras)]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [Requirement(line) for line in dict.fromkeys(lines) if line and not line.startswith("#")]


def all_extras(setup: Path = REPOSITORY / "setup.cfg") -> tuple[str, ...]:
    """Names of the extras."""
    parser = configparser.ConfigParser()
    parser.read(setup, encoding="utf-8")
    return tuple(parser["options.extras_require"])
