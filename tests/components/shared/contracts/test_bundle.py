from collections.abc import Callable
import json
from pathlib import Path
import shutil
from typing import Any

import numpy as np
import pytest

from components.shared.contracts.bundle import (
    add_files,
    bundle_version,
    BundleConfig,
    file_listing,
    read_config,
    read_weights,
    write_bundle,
)
from components.shared.runtime.errors import ContractError
from components.shared.tables.repair_spec import Repair

GOLDEN = Path(__file__).parent / "golden" / "bundle_v1"
CONFIG = BundleConfig(
    task="image_classification",
    class_names=("고양이", "개"),
    backbone={"name": "small_cnn"},
    preprocessing={"size_px": 28},
)
WEIGHTS = {"layer.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "layer.bias": np.zeros(2, np.float32)}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle"
    write_bundle(path, CONFIG, WEIGHTS, files={"evaluation.json": b"{}", "cards/model.md": b"# card"})
    return path


def change_config(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((bundle / "config.json").read_text("utf-8"))
    change(content)
    (bundle / "config.json").write_text(json.dumps(content), "utf-8")


def refused(bundle: Path, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        read_config(bundle)


def test_config_weights_and_files_come_back(bundle):
    assert read_config(bundle) == CONFIG
    weights = read_weights(bundle)
    assert weights.keys() == WEIGHTS.keys()
    np.testing.assert_array_equal(weights["layer.weight"], WEIGHTS["layer.weight"])
    assert set(file_listing(bundle)) == {"cards/model.md", "evaluation.json", "weights.safetensors"}


def test_another_user_can_read_every_file(bundle):
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in bundle.rglob("*"))


def test_a_transposed_array_is_stored_in_its_own_order(tmp_path):
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_bundle(tmp_path / "bundle", CONFIG, {"w": turned})
    np.testing.assert_array_equal(read_weights(tmp_path / "bundle")["w"], turned)


def test_files_are_added_in_a_copy_and_the_version_changes(bundle, tmp_path):
    add_files(bundle, tmp_path / "more", {"evaluation.json": b'{"accuracy": 1}', "new.txt": b"new"})
    assert (tmp_path / "more" / "evaluation.json").read_bytes() == b'{"accuracy": 1}'
    assert (tmp_path / "more" / "cards" / "model.md").read_bytes() == b"# card"
    assert set(file_listing(tmp_path / "more")) == {*file_listing(bundle), "new.txt"}
    assert (bundle / "evaluation.json").read_bytes() == b"{}"
    assert bundle_version(tmp_path / "more") != bundle_version(bundle)


def test_equal_bundles_have_equal_versions(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "copy")
    assert bundle_version(tmp_path / "copy") == bundle_version(bundle)
    assert len(bundle_version(bundle)) == 16


def test_truncated_weights_are_refused(bundle):
    weights = bundle / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    refused(bundle, r"weights\.safetensors must have the size and SHA-256 .* truncated or changed")
    with pytest.raises(ContractError, match="truncated or changed"):
        read_weights(bundle)


def test_truncated_weights_with_a_matching_list_are_refused(bundle):
    import hashlib

    weights = bundle / "weights.safetensors"
    content = weights.read_bytes()[:-4]
    weights.write_bytes(content)
    record = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    change_config(bundle, lambda config: config["files"].update({"weights.safetensors": record}))
    with pytest.raises(ContractError, match=r"weights\.safetensors must be a safetensors file"):
        read_weights(bundle)


def test_one_changed_byte_is_refused(bundle):
    weights = bundle / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    refused(bundle, "truncated or changed")


def test_missing_weights_are_refused(bundle):
    (bundle / "weights.safetensors").unlink()
    refused(bundle, r"must hold weights\.safetensors, but there is no such file")


def test_a_list_without_the_weights_is_refused(bundle):
    change_config(bundle, lambda config: config["files"].pop("weights.safetensors"))
    refused(bundle, r"must list weights\.safetensors")


@pytest.mark.parametrize(
    "name", ["../secret.txt", "cards/../../secret.txt", "/etc/passwd", "..\\secret.txt", "a\0b", ""]
)
def test_a_name_outside_the_bundle_is_refused(bundle, name):
    (bundle.parent / "secret.txt").write_bytes(b"secret")
    change_config(bundle, lambda config: config["files"].update({name: {"bytes": 6, "sha256": "0" * 64}}))
    refused(bundle, "must lie inside it")
    with pytest.raises(ContractError, match="must lie inside it"):
        write_bundle(bundle.parent / "new", CONFIG, WEIGHTS, files={name: b"x"})
    assert not (bundle.parent / "new").exists()


def test_a_link_that_leaves_the_bundle_is_refused(bundle):
    outside = bundle.parent / "outside.json"
    outside.write_bytes(b"{}")
    (bundle / "evaluation.json").unlink()
    (bundle / "evaluation.json").symlink_to(outside)
    refused(bundle, r"evaluation\.json is a link that leaves it")


def test_a_further_file_may_not_take_the_place_of_the_config_or_the_weights(tmp_path):
    for name in ("config.json", "weights.safetensors"):
        with pytest.raises(ContractError, match=f"must not be called {name}"):
            write_bundle(tmp_path / "bundle", CONFIG, WEIGHTS, files={name: b"x"})


@pytest.mark.parametrize("version", [4, 0, None, "1", True, 1.0])
def test_an_unknown_format_version_is_refused(bundle, version):
    change_config(bundle, lambda config: config.update(format_version=version))
    refused(bundle, "must have a format_version from 1 to 3, got")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(loader="os.system"), "unknown key 'loader'; known keys are task, class_names"),
        (lambda config: config.pop("backbone"), "backbone must be given"),
        (lambda config: config.update(class_names=["one"]), "2 or more different names"),
        (lambda config: config.update(class_names=["a", "a"]), "2 or more different names"),
        (lambda config: config.update(class_names="cat"), "class_names must be a list of texts, got 'cat'"),
        (lambda config: config.update(class_names=[["a"], ["b"]]), "class_names must be a list of texts"),
        (lambda config: config.update(class_names=[0, 1]), r"class_names must be a list of texts, got \[0, 1\]"),
        (lambda config: config.update(label_version="2"), "label_version must be a whole number, got '2'"),
        (lambda config: config.update(label_version=True), "label_version must be a whole number, got True"),
        (lambda config: config.update(training=None), "training must be a mapping of keys to values, got None"),
        (lambda config: config.update(backbon={}), "unknown key 'backbon'; .*; did you mean 'backbone'"),
        (lambda config: config.update(task="translation"), "task must be one of image_classification"),
        (lambda config: config.update(files=["weights.safetensors"]), "with a list of files"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(bundle, change, message):
    change_config(bundle, change)
    refused(bundle, message)


def test_what_is_no_bundle_is_refused(bundle, tmp_path):
    with pytest.raises(FileNotFoundError, match="a model bundle must be a folder, but there is none at"):
        read_config(tmp_path / "none")
    (bundle / "config.json").write_text("{half")
    with pytest.raises(ValueError, match=r"the bundle's config at .* must be JSON"):
        read_config(bundle)
    (bundle / "config.json").write_text("[]")
    refused(bundle, "must be a JSON object")
    (bundle / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match="the bundle's config must be a JSON file"):
        read_config(bundle)


def test_a_key_given_twice_is_refused(bundle):
    text = (bundle / "config.json").read_text()
    (bundle / "config.json").write_text(text.replace('"task":', '"task": "text_classification", "task":', 1))
    with pytest.raises(
        ValueError, match=r"the bundle's config at .* must have every key once, but 'task' is there twice"
    ):
        read_config(bundle)


def test_a_write_that_fails_keeps_the_old_bundle(bundle):
    before = bundle_version(bundle)
    with pytest.raises(ContractError, match="must lie inside it"):
        write_bundle(bundle, CONFIG, WEIGHTS, files={"../x": b""})
    assert bundle_version(bundle) == before
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_version_1_still_loads():
    config = read_config(GOLDEN)
    assert (config.class_names, config.label_version) == (("cat", "dog"), 2)
    assert config.backbone == {"name": "small_cnn"}
    np.testing.assert_array_equal(read_weights(GOLDEN)["layer.weight"], [[0, 1, 2], [3, 4, 5]])
    assert "cards/model.md" in file_listing(GOLDEN)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(class_names=content["class_names"][::-1]),
        lambda content: content["preprocessing"].update(size_px=2000),
        lambda content: content.pop("fingerprint"),
    ],
    ids=["classes swapped", "another size", "no fingerprint"],
)
def test_a_plausible_change_of_the_config_is_noticed(bundle, change):
    change_config(bundle, change)
    with pytest.raises(ContractError, match=r"config\.json must be as it was written"):
        read_weights(bundle)


def test_deeply_nested_json_is_refused(bundle):
    (bundle / "config.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match="must be JSON in UTF-8"):
        read_config(bundle)


def test_version_2_still_loads():
    config = read_config(GOLDEN.parent / "bundle_v2")
    assert (config.task, config.is_regression, config.modality, config.class_names) == (
        "tabular_regression", True, "tabular", (),
    )  # fmt: skip
    assert config.label == {"expression": "a + b"}
    assert config.column_roles == {"a": ["ignored"], "age": ["feature", "slice"]}
    assert config.label_version == 3
    np.testing.assert_array_equal(read_weights(GOLDEN.parent / "bundle_v2")["weight"], [0.0, 1.0, 2.0])


def test_a_bundle_of_format_version_3_brings_its_repairs():
    config = read_config(GOLDEN.parent / "bundle_v3")
    assert config.repairs == (
        Repair(column="groesse", rename="height"),
        Repair(column="height", scale=0.01),
        Repair(column="sex", map={"M": "male"}),
        Repair(column="day", date="%d/%m/%Y"),
    )
    assert read_config(GOLDEN.parent / "bundle_v2").repairs == ()


def test_a_repair_that_this_release_does_not_know_is_refused(bundle):
    change_config(bundle, lambda config: config.update(repairs=[{"column": "a", "round": 2}]))
    refused(bundle, "unknown key .*round")
