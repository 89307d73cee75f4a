"""Holds what the images are made of against what may go into them: `make licences`. It needs no network.

The policy is `docker/licences.toml`. A licence must be allowed by name, so that a new one is looked at by a person
before it is shipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import sys
import tomllib
from typing import Any

from license_expression import get_spdx_licensing, LicenseExpression
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tools.locked import all_extras, declared, DOCKER, extra_of, image_pins, images, Pin, read_lock, REPOSITORY
from tools.sbom import read_sbom, Record, UNKNOWN

_SPDX = get_spdx_licensing()
_ENVIRONMENTS = ("constraints", "constraints-validation")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What may go into an image.

    Attributes
    ----------
    allowed
        SPDX identifiers, exceptions included.
    refused
        Package, versions and reason.
    accepted
        Licence, starts of package names, and reason.
    stated
        Licence and where it stands, by package.
    """

    allowed: frozenset[str]
    refused: tuple[dict[str, str], ...]
    accepted: tuple[dict[str, Any], ...]
    stated: dict[str, dict[str, str]]

    def refusal(self, name: str, version: str) -> str | None:
        """Why a package may not be used in this version, or None."""
        for rule in self.refused:
            if rule["package"] == name and SpecifierSet(rule.get("versions", "")).contains(version, prereleases=True):
                return rule["reason"]
        return None

    def licence(self, name: str, record: Record) -> str:
        """The licence of a package: as it says itself, else as the policy states."""
        if record.licence == UNKNOWN and name in self.stated:
            return self.stated[name]["licence"]
        return record.licence

    def allows(self, name: str, licence: str) -> bool:
        """Whether a licence, an SPDX expression, is allowed for a package; of alternatives one is enough."""
        return self._holds(name, _SPDX.parse(licence))

    def _holds(self, name: str, part: LicenseExpression) -> bool:
        if part.isliteral:
            return str(part) in self.allowed or any(
                rule["licence"] == str(part) and name.startswith(tuple(rule["packages"])) for rule in self.accepted
            )
        return (any if part.operator.strip() == "OR" else all)(self._holds(name, each) for each in part.args)


def read_policy(path: Path = DOCKER / "licences.toml") -> Policy:
    """The policy as it is written."""
    parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    return Policy(
        allowed=frozenset(parsed["allowed"]),
        refused=tuple(parsed["refused"]),
        accepted=tuple(parsed["accepted"]),
        stated=parsed["stated"],
    )


def findings(folder: Path = DOCKER, setup: Path = REPOSITORY / "setup.cfg") -> list[str]:
    """Everything that is wrong, a sentence each.

    Parameters
    ----------
    folder
        Holds the locks, the policy and the bills of materials.
    setup
        The declared requirements.
    """
    policy = read_policy(folder / "licences.toml")
    found = list(_wrong_declarations(policy, setup))
    for name in _ENVIRONMENTS:
        found += _wrong_packages(name, read_lock(name, folder), policy)
    for image in images(folder):
        pins = image_pins(image, folder)
        found += _wrong_packages(image, pins, policy)
        found += _wrong_licences(image, pins, read_sbom(image, folder), policy)
        found += _unlocked(image, declared((extra_of(image),), setup), pins)
        found += [
            f"{image}: {pin.name} must be locked by a hash, but has none" for pin in pins.values() if not pin.hashes
        ]
    return list(dict.fromkeys(found))


def _wrong_declarations(policy: Policy, setup: Path) -> Iterator[str]:
    for requirement in declared(all_extras(setup), setup):
        name = canonicalize_name(requirement.name)
        if not any(specifier.operator in ("<", "<=", "==", "~=") for specifier in requirement.specifier):
            yield f"setup.cfg: {name} must have an upper bound, got {requirement}"
        for rule in policy.refused:
            if rule["package"] == name and _reaches(requirement, rule.get("versions", "")):
                versions = f" {rule['versions']}" if "versions" in rule else ""
                yield f"setup.cfg: {requirement} must not reach {name}{versions} ({rule['reason']})"


def _reaches(requirement: Requirement, versions: str) -> bool:
    """Whether a requirement lets a refused version in, judged at the edges of both ranges and just above them."""
    refused = SpecifierSet(versions)
    edges = {specifier.version.removesuffix(".*") for specifier in (*refused, *requirement.specifier)} | {"0"}
    return any(
        refused.contains(version, prereleases=True) and requirement.specifier.contains(version, prereleases=True)
        for edge in edges
        for version in (edge, f"{edge}.0.0.1")
    )


def _wrong_packages(where: str, pins: dict[str, Pin], policy: Policy) -> Iterator[str]:
    for pin in pins.values():
        if reason := policy.refusal(pin.name, pin.version):
            yield f"{where}: {pin.name} {pin.version} must not be used ({reason}): choose another package or version"


def _wrong_licences(
    image: str, pins: dict[str, Pin], bill: dict[tuple[str, str], Record], policy: Policy
) -> Iterator[str]:
    locked = {(pin.name, pin.version) for pin in pins.values()}
    for name, version in sorted(locked ^ bill.keys()):
        where = "locked but not in the bill of materials" if (name, version) in locked else "only in the bill"
        yield f"{image}: {name} {version} is {where}: run make lock"
    for name, version in sorted(locked & bill.keys()):
        record = bill[name, version]
        licence = policy.licence(name, record)
        if licence == UNKNOWN:
            yield (
                f"{image}: {name} {version} must say its licence, but its metadata does not: find it, "
                "and state it in docker/licences.toml with where it stands"
            )
        elif not policy.allows(name, licence):
            yield f"{image}: {name} {version} must have an allowed licence, got {licence}: choose another package"
        if record.sha256 not in pins[name].hashes:
            yield f"{image}: {name} {version} must be the file that the lock names, but the bill has another hash"


def _unlocked(image: str, requirements: list[Requirement], pins: dict[str, Pin]) -> Iterator[str]:
    for requirement in requirements:
        pin = pins.get(canonicalize_name(requirement.name))
        if pin is None or not requirement.specifier.contains(pin.version, prereleases=True):
            got = "nothing" if pin is None else pin.version
            yield f"{image}: the lock must hold {requirement}, got {got}: run make lock"


def main() -> int:
    """Print every finding; 0 when there is none."""
    found = findings()
    for sentence in found:
        sys.stderr.write(f"error: {sentence}\n")
    if not found:
        print(f"Licences: {len(images())} images hold nothing that is not allowed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
