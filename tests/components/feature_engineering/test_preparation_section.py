"""What the problem file says of preparation reaches the store, and nothing else changes."""

import json
import sys

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from components.feature_engineering.__main__ import app
from components.feature_engineering.jobs import build_feature_store
from components.modeling.features import features_from
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.shared.runtime.errors import ContractError

CODE = """
import pyarrow.compute as pc

def derive(columns, options):
    return {"ratio": pc.divide(columns["a"], columns["b"])}
"""


def built(table, folder, preparation, *, backbone="auto", feature_dir=""):
    build_feature_store(
        examples_path=table,
        backbone=backbone,
        preparation=json.dumps(preparation),
        features_path=folder / "features",
        report_path=folder / "report.html",
        feature_dir=feature_dir,
    )
    return FeatureStore(folder / "features")


def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def test_without_a_section_the_defaults_stand(stripes_table, tmp_path):
    store = built(stripes_table, tmp_path, {})
    assert store.preparation["preprocessing"]["normalization"] == "standard"
    assert store.preparation["augmentation"]["name"] == "standard"
    assert "Policy standard" in page(tmp_path)


@pytest.mark.parametrize("shared", [False, True])
def test_channel_statistics_are_those_of_the_stored_training_images(stripes_table, tmp_path, shared):
    feature_dir = str(tmp_path / "volume") if shared else ""
    store = built(stripes_table, tmp_path, {"normalization": "channel"}, feature_dir=feature_dir)
    rows = np.flatnonzero(store.splits == "train")
    pixels = store.gather(rows)["image"].reshape(-1, 3).astype(np.float64)
    preprocessing = store.preparation["preprocessing"]
    np.testing.assert_allclose(preprocessing["channel_mean"], pixels.mean(axis=0))
    np.testing.assert_allclose(preprocessing["channel_std"], pixels.std(axis=0))
    again = built(stripes_table, tmp_path, {"normalization": "channel"}, feature_dir=feature_dir)
    assert again.preparation == store.preparation


def test_settings_that_change_no_pixel_take_the_pixels_over(stripes_table, tmp_path):
    built(stripes_table, tmp_path, {})
    again = build_feature_store(
        examples_path=stripes_table,
        backbone="auto",
        preparation=json.dumps({"normalization": "channel", "augmentation": "none", "fourier": {"spectrum_bins": 4}}),
        features_path=tmp_path / "features",
        report_path=tmp_path / "report.html",
    )
    assert (again.num_prepared, again.num_reused) == (0, again.num_examples)
    other = build_feature_store(
        examples_path=stripes_table,
        backbone="auto",
        preparation=json.dumps({"image_size": 40}),
        features_path=tmp_path / "features",
        report_path=tmp_path / "report.html",
    )
    assert (other.num_prepared, other.num_reused) == (other.num_examples, 0)


def test_a_policy_of_ones_own_is_kept_with_name_and_version_and_shown(stripes_table, tmp_path):
    own = {"name": "turned", "transforms": [{"Rotate": {"limit": [-5, 5], "p": 0.7}}]}
    policy = built(stripes_table, tmp_path, {"augmentation": own}).preparation["augmentation"]
    assert policy["name"] == "turned"
    assert len(policy["version"]) == 32
    assert "Rotate" in page(tmp_path)
    assert built(stripes_table, tmp_path, {"augmentation": "none"}).preparation["augmentation"] is None
    assert "No policy" in page(tmp_path)


def test_the_gallery_of_frequencies_shows_what_restoration_wins(stripes_table, tmp_path):
    built(stripes_table, tmp_path, {})
    for words in ("low-pass", "high-pass", "restored", "PSNR"):
        assert words in page(tmp_path)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"normalisation": "channel"}, "unknown key 'preparation.normalisation'; known keys are image_size, resize"),
        ({"normalization": "zscore"}, "preparation.normalization must be one of min_max, standard, channel"),
        ({"image_size": "big"}, "preparation.image_size must be a number of pixels, got 'big'"),
        ({"resize": "pad"}, "preparation.resize must be one of squash, crop, got 'pad'"),
        ({"fourier": "low_pass"}, "preparation.fourier must be a mapping of keys to values, got 'low_pass'"),
        ({"fourier": {"filter": "notch"}}, "fourier.filter must be"),
        ({"features": "derive"}, "preparation.features must be <package.module>:<function>, got 'derive'"),
        ({"features": "os:system"}, "set PLUSZERO_OWN_CODE=os:system"),
        ({"features": "absent_team:derive"}, "absent_team:derive must be a function that can be imported"),
        ({"augmentation": "strong"}, "augmentation must be one of none, light, standard, heavy"),
        ({"augmentation": [{"HorizontalFlipp": {}}]}, "HorizontalFlipp.*HorizontalFlip"),
        ({"augmentation": [{"Rotate": {"limits": 5}}]}, "Rotate.*limits"),
        ({"augmentation": [{"Rotate": {"p": 3}}]}, "parameter p of the transform Rotate must be a number from 0"),
        ({"augmentation": [{"Resize": {"height": 8, "width": 8}}]}, "Resize.*(height|width)"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_prepared(stripes_table, tmp_path, monkeypatch, section, message):
    monkeypatch.setenv(ALLOWED_VARIABLE, "absent_team:derive")
    with pytest.raises(ValueError, match=message):
        built(stripes_table, tmp_path, section)
    assert not (tmp_path / "features").exists()


def table_of_ratios(path, num_rows=400):
    rng = np.random.default_rng(0)
    numerators, denominators = rng.uniform(1, 2, (2, num_rows))
    labels = np.where(numerators > denominators, "more", "less")
    roles = {"a": "feature", "b": "feature"}
    info = ExampleTableInfo(modality="tabular", class_names=("less", "more"), column_roles=roles)
    splits = np.array(["train", "validation"])[(np.arange(num_rows) % 4 == 0).astype(int)]
    columns = {
        "example_id": pa.array([f"r{number}" for number in range(num_rows)]),
        "split": pa.array(splits.tolist()),
        "label": pa.array(labels.tolist()),
        "a": pa.array(numerators),
        "b": pa.array(denominators),
    }
    with ExampleTableWriter(path, info, extra_columns=dict.fromkeys(roles, pa.float64())) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


def test_a_feature_function_of_ones_own_prepares_the_store_and_whoever_reads_its_settings(tmp_path, monkeypatch):
    (tmp_path / "team_ratio.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "team_ratio", raising=False)
    monkeypatch.setenv(ALLOWED_VARIABLE, "team_ratio:derive")
    table_of_ratios(tmp_path / "examples")
    store = built(tmp_path / "examples", tmp_path, {"features": "team_ratio:derive"})
    assert store.input_specs["numbers"].shape == (1,)
    features = features_from("tabular", store.preparation["preprocessing"], store.path)
    assert features.columns == ("a", "b")
    [batch] = ExampleTable(tmp_path / "examples").iter_batches(["a", "b"], batch_rows=1000)
    prepared = features.prepare({"a": batch.column(0), "b": batch.column(1)})
    np.testing.assert_array_equal(prepared["numbers"], store.gather(np.arange(len(store)))["numbers"])


def test_what_is_said_of_images_is_refused_for_a_table(tmp_path):
    table_of_ratios(tmp_path / "examples")
    with pytest.raises(ContractError, match=r"preparation.augmentation must be left out where examples are tabular"):
        built(tmp_path / "examples", tmp_path, {"augmentation": "heavy"})


def test_by_hand_the_section_comes_from_the_problem_file(stripes_table, tmp_path):
    problem = tmp_path / "problem.yaml"
    problem.write_text("preparation: {normalization: min_max, augmentation: light}\n", encoding="utf-8")
    arguments = ["build", "--examples", str(stripes_table), "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*arguments, "--problem", str(problem)])
    assert result.exit_code == 0, result.output
    assert "taken over from an earlier build" in result.output
    preparation = FeatureStore(tmp_path / "out" / "features").preparation
    assert preparation["preprocessing"]["normalization"] == "min_max"
    assert preparation["augmentation"]["name"] == "light"


def test_a_store_of_a_table_carries_how_values_are_cleaned(tmp_path):
    table_of_ratios(tmp_path / "examples")
    plain = built(tmp_path / "examples", tmp_path / "plain", {}).preparation["preprocessing"]
    assert (plain["keep_spaces"], plain["missing"]) == (False, [])
    problem = tmp_path / "problem.yaml"
    problem.write_text('table: {keep_spaces: true, missing: ["?"]}\n', encoding="utf-8")
    arguments = ["build", "--examples", str(tmp_path / "examples"), "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*arguments, "--problem", str(problem)])
    assert result.exit_code == 0, result.output
    said = FeatureStore(tmp_path / "out" / "features").preparation["preprocessing"]
    assert (said["keep_spaces"], said["missing"]) == (True, ["?"])
    with pytest.raises(ContractError, match=r"preparation\.table_values: missing must be a list of texts"):
        built(tmp_path / "examples", tmp_path / "bad", {"table_values": {"missing": "?"}})
