"""A release is whole, the same bytes twice, of one commit and its own images; what is missing is one sentence."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from components.shared.runtime.container_images import ALL_IMAGE_NAMES, image
from pipelines.local.image_engine import BuildError
from tools.release import checksums
from tools.release_conditions import check_version, release_notes, released_commit, take_images_by_digest

DIGESTS = {name: "sha256:" + hashlib.sha256(name.encode()).hexdigest() for name in ALL_IMAGE_NAMES}
CHANGELOG = """# Changelog

## Unreleased

- Not yet.

## 1.2.3 - 2026-08-01

- Digits are read.

## 1.2.30

## [v0.9.0]

- Older.
"""


def listing(commit, names=ALL_IMAGE_NAMES):
    lines = [f"registry.example/team/pluszero-mlops-{name}:v1.2.3@{DIGESTS[name]}" for name in names]
    return "\n".join([f"# commit {commit}", *lines, ""])


def git(folder, *words):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(tmp_path):
    """A repository of one commit."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


@pytest.mark.parametrize("version", ["0.0.1", "1.2.3", "10.20.30", "1.2.3-rc.1", "1.0.0-alpha-a.b"])
def test_a_semantic_version_is_taken(version):
    check_version(version)


@pytest.mark.parametrize(
    "version", ["", "1.2", "v1.2.3", "1.2.3+build", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3\n", "../1"]
)
def test_any_other_version_is_refused(version):
    with pytest.raises(BuildError, match=r"VERSION must be semantic, 1\.2\.3 or 1\.2\.3-rc\.1, .*, got "):
        check_version(version)


def test_notes_are_the_versions_part_of_the_changelog():
    assert release_notes(CHANGELOG, "1.2.3") == "- Digits are read."
    assert release_notes(CHANGELOG, "0.9.0") == "- Older."


@pytest.mark.parametrize(("version", "sentence"), [("1.2.4", "has no such line"), ("1.2.30", "says nothing below it")])
def test_a_version_that_the_changelog_does_not_tell_of_is_refused(version, sentence):
    with pytest.raises(BuildError, match=f"below a line '## {version}', but {sentence}: rename '## Unreleased'"):
        release_notes(CHANGELOG, version)


def test_a_release_is_of_a_commit(clone, tmp_path):
    commit = git(clone, "rev-parse", "HEAD")
    assert released_commit(clone, "1.2.3") == commit[:12]
    git(clone, "tag", "v1.2.3")
    assert released_commit(clone, "1.2.3") == commit[:12]
    (clone / "new.py").touch()
    with pytest.raises(BuildError, match=r"of a commit, but 1 files differ from it, new\.py for one: commit or remove"):
        released_commit(clone, "1.2.3")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "two")
    with pytest.raises(BuildError, match=rf"the tag v1\.2\.3 must be this commit's, .*, but is that of {commit[:12]}"):
        released_commit(clone, "1.2.3")
    with pytest.raises(BuildError, match="in a clone with a commit, but git knows none"):
        released_commit(tmp_path, "1.2.3")


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_LIST", "")
    return tmp_path / "images.txt"


def test_images_are_named_as_the_list_of_the_commit_has_them(images):
    images.write_text(listing("0123456789ab"), encoding="utf-8")
    assert take_images_by_digest(images, "0123456789ab") == listing("0123456789ab").splitlines()[1:]
    assert image("training").endswith(DIGESTS["training"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "by digest, but .*images.txt is not there"),
        (listing("ba9876543210"), "of this commit, 0123456789ab, but lists those of ba9876543210"),
        (
            listing("x").partition("\n")[2],
            "of this commit, 0123456789ab, but lists those of a commit that it does not name",
        ),
        (listing("0123456789ab").replace(f"@{DIGESTS['serving']}", ""), "but registry.*-serving:v1.2.3 has none"),
    ],
)
def test_images_of_no_list_or_another_commit_are_refused_with_the_remedy(images, text, sentence):
    if text is not None:
        images.write_text(text, encoding="utf-8")
    with pytest.raises(BuildError, match=sentence + ".*: run make images push-images with PLUSZERO_IMAGE_REGISTRY set"):
        take_images_by_digest(images, "0123456789ab")


def test_a_list_without_one_of_the_images_is_refused(images):
    images.write_text(listing("0123456789ab", ALL_IMAGE_NAMES[:-1]), encoding="utf-8")
    with pytest.raises(ValueError, match="must name the image pluszero-mlops-serving-cpu once"):
        take_images_by_digest(images, "0123456789ab")


def test_checksums_are_what_sha256sum_checks(tmp_path):
    for name in ("b.yaml", "a.yaml"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / "SHA256SUMS").write_text(checksums(tmp_path), encoding="utf-8")
    assert checksums(tmp_path) == (tmp_path / "SHA256SUMS").read_text(encoding="utf-8")
    done = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "a.yaml: OK\nb.yaml: OK\n"


@pytest.fixture(scope="module")
def project(repository, tmp_path_factory):
    """The whole project as a clone whose changelog holds 1.2.3, with the list of its pushed images."""
    folder = tmp_path_factory.mktemp("project")
    listed = subprocess.run(
        ["git", "-C", repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (repository / name).is_file() and not name.startswith((".venv", "tests/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / name, folder / name)
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(changelog.read_text(encoding="utf-8").replace("## Unreleased", "## Unreleased\n\n## 1.2.3", 1))
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "one")
    (folder / "build").mkdir()
    (folder / "build" / "images.txt").write_text(listing(git(folder, "rev-parse", "--short=12", "HEAD")))
    return folder


def released(project, *words):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLUSZERO_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tools.release", *words],
        cwd=project,
        env={**environment, "PYTHONPATH": str(project)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_is_wrong_is_one_sentence(project):
    for words, sentence in (
        (["1.2"], "VERSION must be semantic"),
        (["1.2.3", "--cuda", "cu99"], "training-cu99.cdx.json"),
    ):
        process = released(project, *words)
        said, error = process.communicate(timeout=60)
        assert (process.returncode, said, error.count("\n")) == (2, "", 1)
        assert error.startswith("error: ")
        assert sentence in error
    assert not (project / "dist").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("kubectl") is None and not os.environ.get("CI"), reason="kubectl renders manifests")
def test_a_release_twice_is_the_same_bytes_and_a_killed_one_leaves_none(project):
    target = project / "dist" / "pluszero-mlops-1.2.3"
    killed = released(project, "1.2.3")
    while killed.poll() is None and not list(project.glob("dist/.*.part/*.yaml")):
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()

    written = []
    for _ in range(2):
        process = released(project, "1.2.3")
        said, error = process.communicate(timeout=600)
        assert (process.returncode, error, said) == (0, "", f"  {target}\n")
        written.append({file.name: file.read_bytes() for file in target.iterdir()})
    assert written[0] == written[1]
    checked = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=target, check=False)
    assert checked.returncode == 0
    held_to_be_complete(written[0])


def held_to_be_complete(files: dict[str, bytes]) -> None:
    bills = {f"sbom-{name}.cdx.json" for name in ("validation", "serving-cpu", "training-cu13", "serving-cu13")}
    assert bills | {"NOTES.md", "SHA256SUMS", "images.txt", "manifests-standalone.yaml"} <= set(files)
    assert {"training-gpu.yaml", "training-gpu.kubernetes.yaml", "monitoring.yaml"} <= set(files)
    assert all(digest in files["images.txt"].decode() for digest in DIGESTS.values())
    for name, content in files.items():
        assert b"localhost" not in content or name == "NOTES.md", name
        for line in content.decode().splitlines():
            if name.endswith(".yaml") and "pluszero-mlops-" in line and "image:" in line:
                assert "@sha256:" in line, f"{name}: {line}"
    (pipeline, *_) = yaml.safe_load_all(files["training-gpu.yaml"])
    named = {step["container"]["image"] for step in pipeline["deploymentSpec"]["executors"].values()}
    assert named <= {f"registry.example/team/pluszero-mlops-{name}:v1.2.3@{DIGESTS[name]}" for name in ALL_IMAGE_NAMES}
    assert len(named) == 3
