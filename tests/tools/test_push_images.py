"""Images are pushed by whichever engine is there, and listed by digest; what goes wrong is said in one sentence."""

import stat
import subprocess
import sys

import pytest

from tools import push_images as module
from tools.build_images import BuildError
from tools.push_images import main, push_images

DIGEST = "sha256:" + "0123456789abcdef" * 4
PODMAN = f"""
assert sys.argv[1:3] == ["push", "--digestfile"]
open(sys.argv[3], "w").write({DIGEST!r})
"""
DOCKER = f"""
if sys.argv[1] == "push":
    print("v0.1.0: digest: {DIGEST} size: 1234")
"""


@pytest.fixture(autouse=True)
def tool(tmp_path, monkeypatch):
    """A folder that is the whole PATH, and a way to put an engine there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PLUSZERO_IMAGE_REGISTRY", "registry.example/team/")
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "v0.1.0")
    monkeypatch.delenv("PLUSZERO_IMAGE_LIST", raising=False)

    def put(name, script):
        program = folder / name
        program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return put


@pytest.mark.parametrize(("name", "script"), [("docker", DOCKER), ("podman", PODMAN), ("buildah", PODMAN)])
def test_every_image_is_pushed_and_listed_by_its_digest(tool, tmp_path, name, script):
    tool(name, script)
    push_images(tmp_path / "build" / "images.txt")
    assert (tmp_path / "build" / "images.txt").read_text().splitlines() == [
        f"registry.example/team/pluszero-mlops-{image}:v0.1.0@{DIGEST}"
        for image in ("validation", "training", "serving", "serving-cpu")
    ]


def test_a_list_says_first_which_commit_its_images_are_of(tool, tmp_path, repository, monkeypatch):
    tool("docker", DOCKER)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/local/bin:/usr/bin:/bin")
    commit = subprocess.run([repository / "tools" / "image_tag"], capture_output=True, text=True, check=True).stdout
    push_images(tmp_path / "images.txt")
    first, *listed = (tmp_path / "images.txt").read_text(encoding="utf-8").splitlines()
    assert first == f"# commit {commit.strip()}"
    assert len(listed) == 4


@pytest.mark.parametrize("registry", ["", "localhost"])
def test_without_a_registry_nothing_is_pushed(tool, tmp_path, monkeypatch, registry):
    tool("docker", "sys.exit('must not be called')")
    monkeypatch.setenv("PLUSZERO_IMAGE_REGISTRY", registry)
    with pytest.raises(BuildError, match=f"to a registry: name it by PLUSZERO_IMAGE_REGISTRY, which is '{registry}'"):
        push_images(tmp_path / "images.txt")


def test_a_registry_that_refuses_is_said_with_its_remedy(tool, tmp_path, monkeypatch, capsys):
    tool("podman", "sys.exit('unauthorized: authentication required')")
    monkeypatch.setattr(module, "IMAGE_LIST", tmp_path / "images.txt")
    assert main() == 2
    said = capsys.readouterr().err
    assert "could not be pushed with podman: unauthorized: authentication required; build it with make images" in said
    assert not (tmp_path / "images.txt").exists()
