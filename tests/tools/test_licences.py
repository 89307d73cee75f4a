"""What may not go into an image is refused by name, version or licence, and every lock is complete."""

import json
import re
import shutil

import pytest

from tools import licences
from tools.licences import findings, read_policy
from tools.locked import declared, image_pins, images, read_lock
from tools.sbom import licence_of, read_sbom, Record, sbom

TORCH_LINE = "    torch>=2.10,<2.15\n"


@pytest.fixture
def tree(repository, tmp_path):
    """A copy of what is checked."""
    shutil.copytree(repository / "docker", tmp_path / "docker")
    shutil.copy(repository / "setup.cfg", tmp_path)
    return tmp_path


def judged(tree):
    return findings(tree / "docker", tree / "setup.cfg")


def change_bill(tree, image, change):
    path = tree / "docker" / "sbom" / f"{image}.cdx.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["components"])
    path.write_text(json.dumps(document), encoding="utf-8")


def licence_of_first(text):
    return lambda components: components[0].update(licenses=[{"expression": text}])


def add_lock(tree, name, version):
    path = tree / "docker" / "training.txt"
    digest = "0" * 64
    text, times = re.subn(rf"^{name}==\S+", f"{name}=={version}", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    added = "" if times else f"{name}=={version} \\\n    --hash=sha256:{digest}\n"
    path.write_text(f"{text}{added}", "utf-8")
    return digest


def declare(tree, line):
    path = tree / "setup.cfg"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(TORCH_LINE, f"    {line}\n{TORCH_LINE}", 1), encoding="utf-8")


def test_the_project_holds_nothing_that_is_not_allowed():
    assert findings() == []


def test_a_planted_agpl_package_is_refused(tree):
    digest = add_lock(tree, "fine-name", "1.0")
    component = {
        "name": "fine-name",
        "version": "1.0",
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": "AGPL-3.0-only"}}],
    }
    for variant in ("cu12", "cu13"):
        change_bill(tree, f"training-{variant}", lambda components: components.append(component))
    assert judged(tree) == [
        f"training-{variant}: fine-name 1.0 must have an allowed licence, got AGPL-3.0-only: choose another package"
        for variant in ("cu13", "cu12")
    ]


@pytest.mark.parametrize(
    "licence",
    ["AGPL-3.0-or-later", "BUSL-1.1", "SSPL-1.0", "Elastic-2.0", "GPL-3.0-only", "MIT AND AGPL-3.0-only"],
)
def test_a_licence_that_is_not_allowed_is_refused(tree, licence):
    change_bill(tree, "validation", licence_of_first(licence))
    (sentence,) = judged(tree)
    assert f"must have an allowed licence, got {licence}" in sentence


def test_of_alternatives_one_allowed_licence_is_enough(tree):
    change_bill(tree, "validation", licence_of_first("AGPL-3.0-only OR MIT"))
    assert judged(tree) == []


def test_a_licence_that_is_accepted_for_some_packages_is_refused_for_others(tree):
    change_bill(tree, "validation", licence_of_first("LicenseRef-NVIDIA-Proprietary"))
    assert len(judged(tree)) == 1


def test_an_unknown_licence_must_be_stated(tree):
    change_bill(tree, "validation", licence_of_first("LicenseRef-unknown"))
    (sentence,) = judged(tree)
    assert "must say its licence, but its metadata does not: find it, and state it in docker/licences.toml" in sentence


@pytest.mark.parametrize(
    ("name", "version", "reason"),
    [
        ("albumentationsx", "2.0.11", "AGPL"),
        ("deepchecks", "0.19.1", "AGPL"),
        ("alibi-detect", "0.12.0", "Business Source License"),
        ("cleanlab", "2.7.1", "AGPL"),
        ("lightning", "2.6.2", "malware"),
        ("lightning", "2.6.3", "malware"),
    ],
)
def test_a_package_that_is_refused_by_name_stops_the_check(tree, name, version, reason):
    add_lock(tree, name, version)
    assert f"training-cu13: {name} {version} must not be used ({reason}): choose another package or version" in judged(
        tree
    )


def test_a_known_bad_version_is_refused_in_the_environments_too(tree):
    path = tree / "docker" / "constraints.txt"
    text, count = re.subn(r"pytorch-lightning==\S+", "pytorch-lightning==2.6.3", path.read_text(encoding="utf-8"))
    assert count == 1
    path.write_text(text, encoding="utf-8")
    assert any("constraints: pytorch-lightning 2.6.3 must not be used (malware)" in line for line in judged(tree))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("lightning>=2.6,<2.7", "must not reach lightning ==2.6.2 (malware)"),
        ("cleanlab>=2.6,<3", "must not reach cleanlab <2.8 (AGPL)"),
        ("cleanlab>2.7,<3", "must not reach cleanlab <2.8 (AGPL)"),
        ("deepchecks<1", "must not reach deepchecks (AGPL)"),
        ("attrs>=20", "attrs must have an upper bound, got attrs>=20"),
    ],
)
def test_a_range_that_reaches_what_is_refused_is_refused(tree, line, sentence):
    declare(tree, line)
    assert any(sentence in found for found in judged(tree))


def test_a_range_beyond_what_is_refused_is_fine(tree):
    declare(tree, "cleanlab>=2.9,<3")
    assert not [found for found in judged(tree) if "reach" in found]


def test_a_requirement_that_is_not_locked_is_found(tree):
    declare(tree, "left-pad>=1,<2")
    assert "training-cu12: the lock must hold left-pad<2,>=1, got nothing: run make lock" in judged(tree)


def test_a_lock_and_its_bill_of_materials_must_agree(tree):
    change_bill(tree, "validation", lambda components: components.pop())
    (sentence,) = judged(tree)
    assert "locked but not in the bill of materials: run make lock" in sentence


def test_an_entry_without_a_hash_is_found(tree):
    path = tree / "docker" / "validation.txt"
    text = re.sub(r" \\\n    --hash=sha256:[0-9a-f]{64}", "", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    assert any("must be locked by a hash, but has none" in sentence for sentence in judged(tree))


# The validation image has a newer TFDV, and so other pins, than an environment on an old C library.
@pytest.mark.parametrize("image", [image for image in images() if image != "validation"])
def test_the_images_hold_what_the_environments_are_tested_with(image):
    tested = read_lock("constraints")
    apart = {
        name
        for name, pin in image_pins(image).items()
        if name in tested
        and tested[name].version != pin.version
        and not name.startswith(("torch", "cuda-", "nvidia-", "triton"))
    }
    assert apart == set()


@pytest.mark.parametrize("image", images())
def test_a_bill_of_materials_is_the_same_bytes_when_made_again(repository, image):
    known = read_sbom(image)
    made = sbom(image, image_pins(image).values(), known)
    assert made == (repository / "docker" / "sbom" / f"{image}.cdx.json").read_text(encoding="utf-8")


def test_every_declared_requirement_is_pinned_for_the_desk():
    pins = read_lock("constraints")
    for requirement in declared(("training", "serving", "pipelines", "dev")):
        name = requirement.name.lower().replace("_", "-")
        assert requirement.specifier.contains(pins[name].version), requirement


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"license_expression": "MIT OR Apache-2.0", "license": "something"}, "MIT OR Apache-2.0"),
        ({"license": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"license": "see LICENSE", "classifier": ["License :: OSI Approved :: MIT License"]}, "MIT"),
        ({"license": "AGPL v3", "classifier": ["License :: OSI Approved :: MIT License"]}, "LicenseRef-unknown"),
        ({"license": "GNU Affero General Public License" + " text" * 500}, "LicenseRef-unknown"),
        (
            {
                "license": "MIT License\n\nCopyright (c) Alexander Buslaev\n\nThe successor is under the AGPL",
                "classifier": ["License :: OSI Approved :: MIT License"],
            },
            "MIT",
        ),
        ({"license": "Business Source License 1.1", "classifier": []}, "LicenseRef-unknown"),
        ({"classifier": ["License :: OSI Approved :: BSD License"]}, "LicenseRef-BSD"),
        (
            {"license": "Dual", "classifier": ["License :: OSI Approved :: MIT License", "License :: Free To Use"]},
            "MIT AND LicenseRef-unknown",
        ),
        ({"license": "x" * 500}, "LicenseRef-unknown"),
        ({}, "LicenseRef-unknown"),
    ],
)
def test_a_licence_is_read_from_the_most_precise_field(metadata, licence):
    assert licence_of(metadata) == licence


def test_the_command_ends_with_a_status(monkeypatch, capsys):
    assert licences.main() == 0
    monkeypatch.setattr(licences, "findings", lambda: ["x: y must not be used"])
    assert licences.main() == 1
    assert "error: x: y must not be used" in capsys.readouterr().err


def test_a_stated_licence_does_not_overrule_what_a_package_says_itself():
    policy = read_policy()
    assert policy.licence("namex", Record(licence="AGPL-3.0-only", sha256="")) == "AGPL-3.0-only"
