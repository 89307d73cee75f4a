"""A CycloneDX bill of materials for each image, made of its lock and of what its packages say of themselves.

Licences come from the packages' own metadata, which is asked for only where a pin is new. Nothing in a file depends on
when or where it was made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import json
from pathlib import Path
import re
import subprocess
import sys
import tempfile
from typing import Any
import uuid

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from tools.locked import DOCKER, image_pins, images, Pin

UNKNOWN = "LicenseRef-unknown"
_NAMESPACE = uuid.UUID("6f3f5b0e-5d0c-5b8e-9a53-8a1c3a1f1d10")
_SPDX = get_spdx_licensing()
_BSD = "LicenseRef-BSD"
# What packages write instead of an SPDX identifier.
_ALIASES = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": _BSD,
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": _BSD,
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "nvidia proprietary software": "LicenseRef-NVIDIA-Proprietary",
    "python software foundation license": "PSF-2.0",
}
# Licences that reach past their own package, by the words of their texts.
_HEAVY = re.compile(
    r"affero|\bagpl|business source|\bbusl\b|server side public|\bsspl\b|elastic licen[cs]e|commons clause",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What is known of one package.

    Attributes
    ----------
    licence
        An SPDX expression; `LicenseRef-unknown` where the package does not say.
    sha256
        Of the file that the image installs, in hexadecimal; empty where it is built from one of several.
    """

    licence: str
    sha256: str


def sbom_path(image: str, folder: Path = DOCKER) -> Path:
    """Where the bill of materials of an image is, `training-cu13` for one."""
    return folder / "sbom" / f"{image}.cdx.json"


def read_sbom(image: str, folder: Path = DOCKER) -> dict[tuple[str, str], Record]:
    """What a bill of materials says, by name and version; empty where there is none."""
    path = sbom_path(image, folder)
    if not path.is_file():
        return {}
    found = {}
    for component in json.loads(path.read_text(encoding="utf-8"))["components"]:
        (choice,) = component["licenses"]
        licence = choice.get("expression") or choice["license"].get("id") or choice["license"]["name"]
        hashes = [entry["content"] for entry in component.get("hashes", [])]
        found[component["name"], component["version"]] = Record(licence=licence, sha256="".join(hashes))
    return found


def supply_chain_files(folder: Path = DOCKER, *, index: str | None = None) -> dict[Path, str]:
    """The bill of materials of every image, and the list of licences for people, by the path each belongs to.

    Parameters
    ----------
    folder
        Holds the locks, and the bills of before.
    index
        Address of a package index to ask beside the default one.
    """
    held = {image: image_pins(image, folder) for image in images(folder)}
    known: dict[tuple[str, str], Record] = {}
    for image in held:
        known |= read_sbom(image, folder)
    pins = {(pin.name, pin.version): pin for each in held.values() for pin in each.values()}
    new = [pin for key, pin in pins.items() if key not in known or known[key].sha256 not in pin.hashes]
    if new:
        print(f"  asking for the licences of {len(new)} packages", flush=True)
        known |= records_of(new, index=index)
    bills = {sbom_path(image, folder): sbom(image, each.values(), known) for image, each in held.items()}
    return {**bills, folder / "licences.md": licence_list(known, held)}


def sbom(image: str, pins: Iterable[Pin], known: Mapping[tuple[str, str], Record]) -> str:
    """A bill of materials as CycloneDX 1.6 JSON; the same arguments give the same bytes."""
    bom = Bom()
    bom.metadata.component = root = Component(
        name=f"pluszero-mlops-{image}", type=ComponentType.CONTAINER, bom_ref=f"pluszero-mlops-{image}"
    )
    licences = LicenseFactory()
    components, described = [], []
    for pin in pins:
        record = known[pin.name, pin.version]
        described.append(f"{pin.name} {pin.version} {record.licence} {record.sha256}")
        purl = PackageURL("pypi", name=pin.name, version=pin.version)
        components.append(
            Component(
                name=pin.name,
                version=pin.version,
                type=ComponentType.LIBRARY,
                bom_ref=str(purl),
                purl=purl,
                licenses=[licences.make_from_string(record.licence)],
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=record.sha256)] if record.sha256 else [],
            )
        )
        bom.components.add(components[-1])
    bom.register_dependency(root, components)
    bom.serial_number = uuid.uuid5(_NAMESPACE, "\n".join([image, *described]))
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"]["timestamp"]
    document["metadata"].pop("tools", None)
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert errors is None, errors
    return text


def licence_list(known: Mapping[tuple[str, str], Record], held: Mapping[str, Mapping[str, Pin]]) -> str:
    """A table for people: every package, its version, its licence, and the images that hold it."""
    rows: dict[tuple[str, str], list[str]] = {}
    for image, pins in held.items():
        for pin in pins.values():
            rows.setdefault((pin.name, pin.version), []).append(image)
    lines = ["# Licences of what the images hold", "", "Written by `make lock`.", ""]
    lines += ["| package | version | licence | images |", "|---|---|---|---|"]
    for (name, version), holders in sorted(rows.items()):
        lines.append(f"| {name} | {version} | {known[name, version].licence} | {', '.join(holders)} |")
    return "\n".join(lines) + "\n"


def records_of(pins: Iterable[Pin], *, index: str | None = None) -> dict[tuple[str, str], Record]:
    """What packages say of themselves: asked of the package index, which gives metadata without the files.

    Parameters
    ----------
    pins
        The packages.
    index
        Address of a package index to ask beside the default one.

    Raises
    ------
    ValueError
        If the index does not know one of them.
    """
    wanted = list(pins)
    records = {}
    # Two releases of one package cannot be asked for at once.
    while wanted:
        batch = {pin.name: pin for pin in wanted}
        wanted = [pin for pin in wanted if batch[pin.name] is not pin]
        for item in _report(batch.values(), index):
            metadata = item["metadata"]
            pin = batch[canonicalize_name(metadata["name"])]
            sha256 = item["download_info"]["archive_info"]["hashes"]["sha256"]
            if sha256 not in pin.hashes:
                raise ValueError(f"the file of {pin.name} must be one that the lock names, got {sha256}")
            records[pin.name, pin.version] = Record(licence=licence_of(metadata), sha256=sha256)
    return records


def licence_of(metadata: Mapping[str, object]) -> str:
    """An SPDX expression of what a package's metadata says, the most precise field first.

    Parameters
    ----------
    metadata
        Core metadata as JSON: `license_expression`, `license` and `classifier` are read.

    Returns
    -------
    str
        `LicenseRef-unknown` where nothing is said, or where a text names a heavy licence that a classifier may deny:
        a person must read it.
    """
    stated = str(metadata.get("license_expression") or "")
    if stated:
        return _spdx(stated) or UNKNOWN
    # Some put the whole text here: its first lines name it, and what follows may name those of parts and kin.
    text = str(metadata.get("license") or "").strip()
    if _HEAVY.search(" ".join(text.split("\n")[:3])):
        return UNKNOWN
    if len(text) <= 80 and (found := _spdx(text)):
        return found
    classifiers = metadata.get("classifier") or []
    assert isinstance(classifiers, list)
    names = [str(name).rpartition(" :: ")[2] for name in classifiers if str(name).startswith("License :: ")]
    found_all = [_spdx(name) or UNKNOWN for name in names if name != "OSI Approved"]
    return " AND ".join(dict.fromkeys(found_all)) or UNKNOWN


def _spdx(text: str) -> str | None:
    alias = _ALIASES.get(text.lower())
    if alias:
        return alias
    if text.startswith("LicenseRef-"):
        return text if re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", text) else None
    try:
        return str(_SPDX.parse(text, validate=True, strict=True)) if text else None
    except ExpressionError:
        return None


def _report(pins: Iterable[Pin], index: str | None) -> list[dict[str, Any]]:
    """What pip would install into an image, with the metadata of each."""
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(40, 4, -1)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]
    target = ["--python-version", "3.13", "--only-binary=:all:"]
    target += [argument for platform in platforms for argument in ("--platform", platform)]
    target += ["--extra-index-url", index] if index else []
    wheels = {pin.name: pin for pin in pins}
    from_source: list[dict[str, Any]] = []
    while wheels:
        found, error = _asked(wheels.values(), target)
        if not error:
            return found + from_source
        absent = re.search(r"No matching distribution found for ([\w.-]+)==", error)
        pin = wheels.pop(canonicalize_name(absent[1]), None) if absent else None
        found, error = _asked([pin], ["--no-binary", pin.name]) if pin else ([], error)
        if error:
            raise ValueError(f"the package index must know every locked package, but says: {error}")
        from_source += found
    return from_source


def _asked(pins: Iterable[Pin], options: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Pip's report, or the error it ended with."""
    with tempfile.TemporaryDirectory(prefix="metadata-") as folder:
        wanted, report = Path(folder, "wanted.txt"), Path(folder, "report.json")
        wanted.write_text("".join(f"{pin.text}\n" for pin in pins), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        command += ["--require-hashes", "--disable-pip-version-check", "--target", f"{folder}/none"]
        command += [*options, "--report", str(report), "--requirement", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return [], " ".join(
                [line for line in done.stderr.splitlines() if line.startswith("ERROR")][-1:]
            ) or "nothing"
        install: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
        return install, ""
