"""Set-up says in one sentence what a person must change, and does nothing where nothing changed."""

from dataclasses import replace
import importlib.util
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest


@pytest.fixture
def setup(repository, monkeypatch):
    spec = importlib.util.spec_from_file_location("setup_environments", repository / "tools" / "setup_environments.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "setup_environments", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0), (2, 7, 18)])
def test_a_python_without_wheels_is_refused(setup, monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(
        setup.SetupError, match=rf"Python must be 3\.11, 3\.12 or 3\.13, got {version[0]}\.{version[1]}"
    ):
        setup.check_python()


def test_this_python_is_accepted(setup):
    setup.check_python()


def test_a_full_disk_is_said_before_anything_is_downloaded(setup, monkeypatch, tmp_path):
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=int(2e9)))
    environment = setup.Environment(folder=".venv", python="python3", extras=(), constraints=None, size_gb=9)
    with pytest.raises(setup.SetupError, match=r"\.venv must have 9 GB of free disk, but .* has 2\.0 GB"):
        setup._check_disk(environment)


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("NewConnectionError: Failed to establish a new connection: [Errno -2]", "the package index cannot be reached"),
        ("error: dns error: failed to lookup address", "the package index cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("something else\nERROR: a conflict\n\n", "failed: ERROR: a conflict"),
    ],
)
def test_a_failed_step_is_explained_in_one_sentence(setup, output, sentence):
    explanation = setup._explanation("12 packages", output)
    assert sentence in explanation
    assert "\n" not in explanation


def test_every_extra_is_read_without_its_comments(setup):
    found = setup.requirements(("training", "serving", "pipelines", "dev"))
    assert "torch>=2.10,<2.15" in found
    assert "kfp==2.17.0" in found
    assert not [line for line in found if line.startswith("#")]


def test_every_requirement_has_an_upper_bound(setup):
    everything = setup.requirements(("validation", "training", "serving", "pipelines", "dev", "dev-validation"))
    assert not [line for line in everything if "<" not in line and "==" not in line]


@pytest.mark.parametrize("constraints", ["docker/constraints.txt", "docker/constraints-validation.txt"])
def test_no_package_that_we_must_not_use_is_pinned(repository, constraints):
    pinned = (repository / constraints).read_text().lower()
    for name in ("albumentationsx", "deepchecks", "alibi-detect", "lightning==2.6.2", "lightning==2.6.3"):
        assert name not in pinned


def test_the_environments_change_with_their_requirements_and_with_nothing_else(setup, monkeypatch, tmp_path):
    environment = setup.environments()[0]
    assert setup.fingerprint(environment) == setup.fingerprint(environment)
    assert setup.fingerprint(replace(environment, extras=("training",))) != setup.fingerprint(environment)
    assert setup.fingerprint(replace(environment, constraints=None)) != setup.fingerprint(environment)


def test_an_environment_that_is_up_to_date_is_left_alone(setup, monkeypatch, tmp_path, capsys):
    environment = replace(setup.environments()[0], constraints=None)
    monkeypatch.setattr(setup, "requirements", lambda extras: ["nothing-of-that-name==1"])
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".setup-complete").write_text(setup.fingerprint(environment))
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    setup.set_up(environment)
    assert capsys.readouterr().out == ""


def test_torch_is_installed_first_in_the_version_of_the_constraints(setup):
    (environment,) = [each for each in setup.environments() if each.first]
    pins = [setup._pinned(name, environment) for name in environment.first]
    assert [pin.split("==")[0] for pin in pins] == ["torch", "torchvision"]
    lines = (setup.ROOT / environment.constraints).read_text(encoding="utf-8").splitlines()
    assert set(pins) <= set(lines)


def test_the_command_pluszero_starts_the_clone_it_lies_in_from_anywhere_and_through_links(setup, tmp_path):
    clone, elsewhere = tmp_path / "my clone", tmp_path / "elsewhere"
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (clone / "pipelines").mkdir()
    (clone / "pipelines" / "pluszero.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(3)\n")
    (elsewhere / "pipelines").mkdir(parents=True)
    (elsewhere / "pluszero").symlink_to(clone / ".venv" / "bin" / "pluszero")
    setup.write_console_script(clone / ".venv")

    for command in (clone / ".venv" / "bin" / "pluszero", "./pluszero"):
        done = subprocess.run([command, "a b", "--c"], cwd=elsewhere, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (3, "['a b', '--c']\n", "")


def test_a_command_pluszero_that_is_as_it_should_be_is_left_alone(setup, tmp_path):
    script = tmp_path / "bin" / "pluszero"
    script.parent.mkdir()
    setup.write_console_script(tmp_path)
    before = script.stat().st_ino
    setup.write_console_script(tmp_path)
    assert script.stat().st_ino == before
    script.write_text("#!/bin/sh\n")
    setup.write_console_script(tmp_path)
    assert "pipelines.pluszero" in script.read_text()
