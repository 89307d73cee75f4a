"""What a step in a container may reach, and the sentences where no engine or image is there."""

import os
from pathlib import Path

import pytest

from pipelines.local.containers import built_image, Confinement, container_engine


@pytest.fixture
def no_engine(tmp_path, monkeypatch):
    """A machine whose docker answers nowhere, and that has no podman."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_step_is_confined_as_a_pod_is():
    limits = Confinement(run="digits").runner().container_run_args
    assert limits["network_mode"] == "none"
    assert limits["read_only"] is True
    assert limits["cap_drop"] == ["ALL"]
    assert limits["security_opt"] == ["no-new-privileges"]
    assert limits["mem_limit"]
    assert not limits["user"].startswith("0")


def test_the_network_is_open_only_where_the_run_asks_for_it():
    assert Confinement(run="digits", network=True).runner().container_run_args["network_mode"] == "bridge"


def test_a_root_runner_runs_steps_as_the_user_of_the_images(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert Confinement(run="digits").user == "10001:10001"


def test_a_person_runs_steps_as_themselves(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    assert Confinement(run="digits").user == "1234:100"


def test_data_is_mounted_to_be_read_and_the_run_to_be_written():
    confinement = Confinement(run="digits", writable=(Path("/runs/digits"),), readable=(Path("/data"),))
    assert confinement.volumes() == {
        "/runs/digits": {"bind": "/runs/digits", "mode": "rw"},
        "/data": {"bind": "/data", "mode": "ro"},
    }


def test_writable_folders_are_made_before_an_engine_would_make_them_as_root(tmp_path):
    folder = tmp_path / "run" / "artifacts"
    Confinement(run="digits", writable=(folder,)).hand_over()
    assert folder.is_dir()


def test_a_machine_without_an_engine_is_told_what_to_install(no_engine):
    with (
        pytest.raises(FileNotFoundError, match="no engine answers: start docker, install podman, or on Debian"),
        container_engine(),
    ):
        pass


def test_a_step_of_a_foreign_image_is_refused():
    with pytest.raises(ValueError, match=r"must be one of the project's, got 'python:3\.13'"):
        built_image(None, "python:3.13")
