import uuid

import fsspec
import numpy as np
import pytest

from components.shared.contracts.bundle import bundle_version, BundleConfig, write_bundle
from components.shared.contracts.releases import check_release, open_releases, release_versions

CONFIG = BundleConfig(task="image_classification", class_names=("cat", "dog"), backbone={}, preprocessing={})


@pytest.fixture
def release(tmp_path):
    write_bundle(tmp_path / "bundle", CONFIG, {"weight": np.zeros(3, np.float32)})
    version = bundle_version(tmp_path / "bundle")
    (tmp_path / "models" / "pets").mkdir(parents=True)
    (tmp_path / "bundle").rename(tmp_path / "models" / "pets" / version)
    return version


def test_releases_of_a_folder_and_of_a_uri_lie_at_name_and_version(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    local = open_releases("models", "pets")
    assert local.is_local
    assert local.uri_of("v1") == str(tmp_path.resolve() / "models" / "pets" / "v1")
    assert open_releases(f"file://{tmp_path}/models/", "pets").uri == local.uri
    store = open_releases("memory://models/", "pets")
    assert (store.is_local, store.uri_of("v1")) == (False, "memory://models/pets/v1")


def test_versions_are_the_folders_with_a_bundle(tmp_path, release):
    folder = tmp_path / "models" / "pets"
    (folder / ".staging-x" / "bundle").mkdir(parents=True)
    (folder / ".staging-x" / "config.json").touch()
    (folder / "half-uploaded").mkdir()
    (folder / "champion").touch()
    assert release_versions(open_releases(str(tmp_path / "models"), "pets")) == (release,)

    root = f"memory://models-{uuid.uuid4().hex}"
    fsspec.filesystem("memory").put(f"{folder}/{release}/", f"{root}/pets/{release}/", recursive=True)
    assert release_versions(open_releases(root, "pets")) == (release,)
    check_release(open_releases(root, "pets"), release)


def test_an_unknown_model_is_refused_with_those_there_are(tmp_path, release):
    with pytest.raises(FileNotFoundError, match=r"must hold releases of dogs, but there are none; it holds pets$"):
        release_versions(open_releases(str(tmp_path / "models"), "dogs"))
    with pytest.raises(FileNotFoundError, match=r"must hold releases of pets, but there are none; it holds none$"):
        release_versions(open_releases(str(tmp_path / "nowhere"), "pets"))


@pytest.mark.parametrize(
    ("root", "name", "sentence"),
    [
        (" ", "pets", "model_root must be a folder or a URI"),
        ("nosuch://claim/models", "pets", "model_root nosuch://claim/models must have a protocol that can be written"),
        ("models", "../x", "model_name must be"),
    ],
)
def test_unusable_names_and_roots_are_refused(root, name, sentence):
    with pytest.raises(ValueError, match=sentence):
        open_releases(root, name)
