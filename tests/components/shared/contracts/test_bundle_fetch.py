import uuid

import fsspec
import numpy as np
import pytest

from components.shared.contracts.bundle import bundle_version, BundleConfig, write_bundle
from components.shared.contracts.bundle_fetch import fetch_files
from components.shared.runtime.errors import ContractError

CONFIG = BundleConfig(task="image_classification", class_names=("cat", "dog"), backbone={}, preprocessing={})
FILES = {"schema.pbtxt": b"schema", "statistics/train.pb": b"statistics"}


@pytest.fixture
def bundle(tmp_path):
    write_bundle(tmp_path / "bundle", CONFIG, {"weight": np.zeros(3, np.float32)}, files=FILES)
    return tmp_path / "bundle"


def test_the_files_asked_for_and_the_config_are_copied_and_no_others(bundle, tmp_path):
    fetch_files(str(bundle), tmp_path / "copy", ["statistics/train.pb"])
    copied = {path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*.*")}
    assert copied == {"config.json", "statistics/train.pb"}
    assert (tmp_path / "copy" / "statistics" / "train.pb").read_bytes() == b"statistics"
    assert bundle_version(tmp_path / "copy") == bundle_version(bundle)


def test_a_bundle_behind_a_uri_is_fetched(bundle, tmp_path):
    uri = f"memory://bundle-{uuid.uuid4().hex}"
    fsspec.filesystem("memory").put(f"{bundle}/", uri, recursive=True)
    fetch_files(uri, tmp_path / "copy", list(FILES))
    assert (tmp_path / "copy" / "schema.pbtxt").read_bytes() == b"schema"


def test_a_file_that_was_changed_afterwards_is_named(bundle, tmp_path):
    (bundle / "schema.pbtxt").write_bytes(b"SCHEMA")
    with pytest.raises(ContractError, match=f"{bundle}/schema.pbtxt must have the size and SHA-256"):
        fetch_files(str(bundle), tmp_path / "copy", ["schema.pbtxt"])


def test_a_file_that_the_bundle_lacks_is_named_with_those_it_has(bundle, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must hold sample\.parquet; it holds schema\.pbtxt, statistics"):
        fetch_files(str(bundle), tmp_path / "copy", ["sample.parquet"])


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["nothing", "an empty folder"])
def test_what_is_no_bundle_is_one_sentence(tmp_path, make):
    make(tmp_path / "bundle")
    with pytest.raises(FileNotFoundError, match=r"a model bundle must be a folder with config\.json"):
        fetch_files(str(tmp_path / "bundle"), tmp_path / "copy", [])


def test_a_store_without_a_driver_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="the model bundle nosuch://bucket/model must be a folder that can be read"):
        fetch_files("nosuch://bucket/model", tmp_path / "copy", [])
