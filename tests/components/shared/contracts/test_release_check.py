"""A folder among releases is called what it holds."""

import pytest

from components.shared.contracts.bundle import bundle_version, BundleConfig, write_bundle
from components.shared.contracts.release_check import check_release_name
from components.shared.runtime.errors import ContractError

CONFIG = BundleConfig(
    task="image_classification", class_names=("a", "b"), backbone={"name": "small_cnn"}, preprocessing={}
)


@pytest.fixture
def version(tmp_path):
    """One release below `models/pets`; its version."""
    write_bundle(tmp_path / "new", CONFIG, {})
    version = bundle_version(tmp_path / "new")
    (tmp_path / "models" / "pets").mkdir(parents=True)
    (tmp_path / "new").rename(tmp_path / "models" / "pets" / version)
    return version


def test_a_release_that_is_called_its_version_is_accepted(tmp_path, version):
    for uri in (tmp_path / "models" / "pets" / version, f"file://{tmp_path}/models/pets/{version}/"):
        check_release_name(uri, version)


def test_a_release_that_holds_something_else_is_refused(tmp_path, version):
    with pytest.raises(ContractError, match=r"the release .* must be called 0123456789abcdef, which its contents give"):
        check_release_name(tmp_path / "models" / "pets" / version, "0123456789abcdef")


@pytest.mark.parametrize("name", ["latest", "0123456789abcdef"])
def test_a_release_that_was_renamed_is_refused(tmp_path, version, name):
    write_bundle(tmp_path / "models" / "pets" / name, CONFIG, {})
    for uri in (tmp_path / "models" / "pets" / name, f"file://{tmp_path}/models/pets/{name}"):
        with pytest.raises(ContractError, match=f"must be called {version}"):
            check_release_name(uri, version)


def test_a_link_among_releases_is_judged_by_what_it_points_to(tmp_path, version):
    link = tmp_path / "models" / "pets" / "current"
    link.symlink_to(version)
    check_release_name(link, version)


@pytest.mark.parametrize("name", ["mnt/models", "model", "models/pets-copy"])
def test_a_bundle_elsewhere_may_have_any_name(tmp_path, version, name):
    write_bundle(tmp_path / name, CONFIG, {})
    check_release_name(tmp_path / name, version)
    check_release_name(tmp_path / "absent" / "model", version)
