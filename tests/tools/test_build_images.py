"""The command that builds an image is complete on every engine, and what goes wrong is said in one sentence."""

import itertools
import stat
import subprocess
import sys

import pytest

from pipelines.local.image_source import image_source
from tools import build_images
from tools.build_images import (
    base_image,
    build,
    build_command,
    BuildError,
    check_release_base,
    engine,
    main,
    PREPARED_BASE,
    run_build,
)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A folder that is the whole PATH, and a way to put a program there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name, script):
        program = folder / name
        program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return put


def arguments_of(command, flag):
    return [value for name, value in itertools.pairwise(command) if name == flag]


def test_docker_is_taken_where_its_daemon_answers(tools):
    tools("docker", "")
    tools("podman", "")
    assert engine() == "docker"


def test_a_docker_client_without_a_daemon_is_no_engine(tools):
    tools("docker", "sys.exit('Cannot connect to the Docker daemon')")
    tools("podman", "")
    assert engine() == "podman"


def test_buildah_alone_is_enough(tools):
    tools("buildah", "")
    assert engine() == "buildah"


def test_no_engine_is_said_with_its_remedy(tools):
    with pytest.raises(BuildError, match="docker, podman or buildah, but none is there: install one"):
        engine()


@pytest.mark.parametrize("tool", ["docker", "podman", "buildah"])
def test_a_build_carries_the_source_and_the_variant(tool, monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_TAG", "abc123")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    command = build_command(tool, "training", cuda="cu13", base="example/base:1")
    settings = arguments_of(command, "--build-arg")
    assert {"CUDA=cu13", "BASE=example/base:1", "VERSION=abc123", f"SOURCE={image_source('training')}"} <= set(settings)
    assert arguments_of(command, "--tag") == ["localhost/pluszero-mlops-training:abc123"]
    assert ("--isolation" in command) == (tool != "docker")


def test_the_validation_image_has_no_cuda_variant():
    settings = arguments_of(build_command("podman", "validation", cuda="cu13", base=None), "--build-arg")
    assert not [setting for setting in settings if setting.startswith(("CUDA", "BASE"))]


def test_a_certificate_of_the_machine_goes_in_as_a_secret_and_not_as_a_setting(tmp_path, monkeypatch):
    certificate = tmp_path / "ca.pem"
    certificate.write_text("certificate", encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    command = build_command("docker", "serving", cuda="cu13", base=None)
    assert arguments_of(command, "--secret") == [f"id=ca,src={certificate}"]
    assert not [setting for setting in arguments_of(command, "--build-arg") if str(certificate) in setting]


def test_the_base_is_the_named_one_then_the_prepared_one_then_the_public_one(tools, monkeypatch):
    monkeypatch.delenv("PLUSZERO_BASE_IMAGE", raising=False)
    tools("podman", "sys.exit(1)")
    assert base_image("podman") is None
    tools("podman", "")
    assert base_image("podman") == PREPARED_BASE
    assert base_image("docker") is None
    monkeypatch.setenv("PLUSZERO_BASE_IMAGE", "example/base:1")
    assert base_image("docker") == base_image("podman") == "example/base:1"


@pytest.mark.parametrize("base", [None, "localhost/python:3.13-slim-trixie"])
def test_a_release_without_a_base_by_digest_fails(base):
    with pytest.raises(BuildError, match=f"base image by digest, PLUSZERO_BASE_IMAGE=NAME@.*, got {base or 'nothing'}"):
        check_release_base(base)


def test_a_release_insists_on_its_base_before_it_builds(tools, monkeypatch, capsys):
    monkeypatch.setenv("PLUSZERO_BASE_IMAGE", "python:3.13-slim-trixie")
    tools("podman", "sys.exit('must not be called')")
    monkeypatch.setattr(sys, "argv", ["build_images", "--release"])
    assert main() == 2
    assert "a release must name its base image by digest" in capsys.readouterr().err
    check_release_base(f"python:3.13-slim-trixie@sha256:{'0' * 64}")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("writing blob: no space left on device", "for its disk is full"),
        ("Hash mismatch for `kfp==2.17.0`", "for a package is not the one that its lock names"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "for a package is not the one"),
        ("dns error: failed to lookup address information", "for the package index cannot be reached"),
        ("something else", "could not be built with podman: see"),
    ],
)
def test_a_failed_build_is_explained_and_keeps_its_log(tools, tmp_path, monkeypatch, capsys, output, reason):
    monkeypatch.setattr(build_images, "commit_of_tree", lambda: "abc123")
    tools("podman", f"sys.exit({output!r})")
    monkeypatch.setattr(build_images, "REPOSITORY", tmp_path)
    with pytest.raises(BuildError, match=reason):
        build("podman", "serving", cuda="cu13", base=None)
    assert output in (tmp_path / "build" / "image-serving.log").read_text(encoding="utf-8")
    assert output in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stumbles", "message", "status", "runs"),
    [
        (1, "close_fd sealing memfd copy: Device or resource busy", 0, 2),
        (99, "close_fd sealing memfd copy: Device or resource busy", 1, 3),
        (1, "Hash mismatch for `kfp==2.17.0`", 1, 1),
    ],
)
def test_a_build_whose_runtime_stumbled_goes_on_and_any_other_failure_stands(
    tools, tmp_path, stumbles, message, status, runs
):
    count = tmp_path / "count"
    count.touch()
    tools(
        "podman",
        f"""path = {str(count)!r}
open(path, "a").write("x")
if len(open(path).read()) <= {stumbles}:
    sys.exit({message!r})""",
    )
    assert run_build(["podman", "build"], folder=tmp_path, log=tmp_path / "build.log") == status
    assert len(count.read_text()) == runs


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trainning"], "images must be of validation, training, serving, serving-cpu, got trainning"),
        (["--cuda", "cu99"], "there is no torch-cu99.txt"),
    ],
)
def test_a_wrong_word_on_the_command_line_is_one_sentence(monkeypatch, capsys, arguments, sentence):
    monkeypatch.setattr(sys, "argv", ["build_images", *arguments])
    assert main() == 2
    assert sentence in capsys.readouterr().err


def test_the_preparation_leaves_a_machine_with_docker_alone(repository, tools, tmp_path):
    tools("docker", "")
    script = repository / "tools" / "prepare_container_machine"
    done = subprocess.run(["/bin/bash", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "nothing to prepare" in done.stdout
