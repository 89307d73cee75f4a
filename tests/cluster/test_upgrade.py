"""Our overlays over what earlier commits and releases have left on a cluster."""

import json
from pathlib import Path
import shutil

import pytest
import yaml

pytestmark = pytest.mark.cluster

FIXTURES = Path(__file__).parent / "fixtures"
EARLIER = sorted(FIXTURES.glob("manifests-*/*.yaml"))
APPLY = ("apply", "--server-side", "--validate=strict", "-k")


@pytest.fixture
def placed(tmp_path):
    """The folder of earlier manifests, put into another namespace than their own."""

    def placed(file, namespace):
        shutil.copy(file, tmp_path / "earlier.yaml")
        kustomization = {"namespace": namespace, "resources": ["earlier.yaml"]}
        (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")
        return str(tmp_path)

    return placed


def kinds_and_names(cluster, folder):
    return {
        (each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all(cluster.kubectl("kustomize", folder))
    }


@pytest.mark.parametrize("file", EARLIER, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_our_overlay_goes_over_an_earlier_one_whole_and_leaves_the_claim(cluster, overlay, placed, file):
    namespace = f"{file.parent.name.removeprefix('manifests-')}-{file.stem}"
    earlier, ours = placed(file, namespace), overlay(file.stem, namespace)
    cluster.kubectl(*APPLY, earlier)
    claim = ("get", "-n", namespace, "pvc/pluszero-workspace", "-o", "jsonpath={.metadata.uid} {.spec}")
    before = cluster.kubectl(*claim)
    applied = cluster.kubectl(*APPLY, ours).splitlines()
    assert len(applied) == len(kinds_and_names(cluster, ours))
    assert all(line.endswith("serverside-applied") for line in applied), applied
    assert cluster.kubectl(*claim) == before
    # What ours no longer has stays until a person deletes it: nothing may, beside the claim that lies apart now.
    left = kinds_and_names(cluster, earlier) - kinds_and_names(cluster, ours)
    assert left <= {("PersistentVolumeClaim", "pluszero-workspace")}


def test_there_are_earlier_manifests():
    assert EARLIER
