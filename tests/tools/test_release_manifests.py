"""Manifests of a release name its own images, and nothing of this machine."""

import os
import shutil

import pytest
import yaml

from components.shared.contracts.inference_service import RUNTIME
from tools.manifest_policies import violations
from tools.release_manifests import release_manifests

REFERENCE = "registry.example/team/pluszero-mlops-serving:v0.1.0@sha256:" + "0123456789abcdef" * 4


def test_every_overlay_is_written_with_the_serving_image_of_the_release(repository, tmp_path, monkeypatch):
    if shutil.which("kubectl") is None and not os.environ.get("CI"):
        pytest.skip("manifests are rendered by kubectl, which is not installed")
    (tmp_path / "images.txt").write_text(REFERENCE, encoding="utf-8")
    monkeypatch.setenv("PLUSZERO_IMAGE_LIST", str(tmp_path / "images.txt"))
    written = release_manifests(tmp_path / "build")
    overlays = [folder.name for folder in (repository / "manifests" / "overlays").iterdir()]
    names = {f"manifests-{overlay}.yaml" for overlay in (*overlays, "prod-gpu-workspace")}
    assert {file.name for file in written} == names
    (claim,) = yaml.safe_load_all((tmp_path / "build" / "manifests-prod-gpu-workspace.yaml").read_text("utf-8"))
    assert claim["kind"] == "PersistentVolumeClaim"
    for file in (file for file in written if "workspace" not in file.name):
        objects = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        (runtime,) = [found for found in objects if found["metadata"]["name"] == RUNTIME]
        assert [container["image"] for container in runtime["spec"]["containers"]] == [REFERENCE]
        assert violations(objects) == []
        assert "localhost" not in file.read_text(encoding="utf-8")
