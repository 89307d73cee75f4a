"""What a machine lacks is said in one sentence a thing; programs are kept by what they are built from."""

import dataclasses
import os
import subprocess
import sys

import pytest

from tests.cluster import go_modules, prerequisites

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the one sentence is that it is not Linux")


@needs_linux
def test_everything_that_is_missing_is_named_at_once(repository, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster", "up"],
        cwd=repository,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    for program in ("Go 1.26", "runc", "iptables", "conntrack", "busybox"):
        assert len([line for line in lines if line.startswith("error: ") and program in line]) == 1


@needs_linux
def test_a_user_who_is_not_root_is_told_so(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert any("must be started as root" in sentence for sentence in prerequisites.missing_prerequisites())


def test_an_older_go_is_refused_with_the_version_that_is_needed(tmp_path, monkeypatch):
    (tmp_path / "go").write_text("#!/bin/sh\necho go1.19.8\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (sentence,) = list(prerequisites._missing_go())
    assert "Go 1.26.8 or newer, this is 1.19.8" in sentence


def test_a_digest_changes_with_the_compiler_the_modules_and_the_flags(tmp_path, monkeypatch):
    (module,) = [each for each in go_modules.GO_MODULES if each.name == "etcd"]
    digest = module.digest("go1.26.8 linux amd64")
    assert module.digest("go1.26.8 linux amd64") == digest
    assert module.digest("go1.27.0 linux amd64") != digest
    assert dataclasses.replace(module, packages={"other": "example.com/other"}).digest("go1.26.8 linux amd64") != digest
    folder = go_modules.ModuleFolder(module="go.etcd.io/etcd/server/v3", path="etcdmain")
    assert dataclasses.replace(module, manifests={"kept": folder}).digest("go1.26.8 linux amd64") != digest
    (tmp_path / "etcd").mkdir()
    for name in ("go.mod", "go.sum"):
        (tmp_path / "etcd" / name).write_text((module.sources / name).read_text() + "\n")
    monkeypatch.setattr(go_modules, "SOURCES", tmp_path)
    assert module.digest("go1.26.8 linux amd64") != digest
