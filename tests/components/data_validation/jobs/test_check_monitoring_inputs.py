import json
import shutil

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.comparison.dataset_profile import BASELINE_FILE, profiled_dataset, write_baseline
from components.data_validation.jobs.check_monitoring_inputs import check_monitoring_inputs
from components.data_validation.monitoring.model_baseline import fetch_baseline
from components.data_validation.schemas.schema_inference import schema_text, training_schema
from components.data_validation.tables.column_roles import roles_of_examples
from components.data_validation.tables.prepared_table import PreparedTable
from components.data_validation.tables.source_opening import open_table
from components.shared.contracts.bundle import bundle_version, BundleConfig, write_bundle
from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.runtime import workspace
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.log_writer import ServingLogWriter
from tests.s3_server import BUCKET, s3_server

CONFIG = BundleConfig(task="image_classification", class_names=("cat", "dog"), backbone={}, preprocessing={})
WEIGHTS = {"weight": np.zeros(3, np.float32)}


@pytest.fixture
def model(write_table, tmp_path):
    """A bundle that carries the baseline of forty rows."""
    columns = {"brightness": [float(row) for row in range(40)]}
    source = open_table(str(write_table(["train"] * 40, ["cat", "dog"] * 20, columns)))
    roles = roles_of_examples(source.info, source.schema)
    side = profiled_dataset(PreparedTable(source, roles), roles, num_processes=1)
    write_baseline(tmp_path / BASELINE_FILE, side)
    files = {
        "schema.pbtxt": schema_text(training_schema(side.statistics)).encode(),
        "statistics/train.pb": side.statistics.SerializeToString(),
        f"statistics/{BASELINE_FILE}": (tmp_path / BASELINE_FILE).read_bytes(),
    }
    write_bundle(tmp_path / "model", CONFIG, WEIGHTS, files=files)
    return tmp_path / "model"


def write_log(path, column="brightness"):
    info = ExampleTableInfo(modality="image", class_names=(), column_roles={column: "derived"})
    columns = {
        "request_id": pa.array(["r0", "r1"]),
        "event_time": pa.array([0, 3_600_000_000], pa.timestamp("us", tz="UTC")),
        "model_name": pa.array(["pets"] * 2),
        "model_revision": pa.array(["a1"] * 2),
        "predicted": pa.array(["cat", "dog"]),
        column: pa.array([1.0, 2.0]),
    }
    ServingLogWriter(path, info).append(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return path


@pytest.fixture
def log(tmp_path):
    return write_log(tmp_path / "log")


def check(model, log, **other):
    given = {"window_start": "", "window_end": "", "settings": "", **other}
    return check_monitoring_inputs(model_uri=str(model), serving_log_uri=str(log), **given)


def test_a_baseline_is_what_the_bundle_was_given(model):
    baseline = fetch_baseline(str(model))
    assert baseline.version == bundle_version(model)
    assert [feature.name for feature in baseline.schema.feature] == ["label", "brightness"]
    assert baseline.side.num_rows == baseline.side.sample.num_rows == 40
    assert baseline.side.statistics.datasets[0].num_examples == 40


def test_good_inputs_give_all_settings_in_one_spelling(model, log):
    checked = check(model, log, settings="material_effect: 0.2")
    assert checked.num_requests == 2
    assert checked.settings == check(model, log, settings='{"material_effect": 0.20}').settings
    assert json.loads(checked.settings)["material_effect"] == 0.2


def test_model_and_log_may_lie_on_the_workspace(model, log, tmp_path, monkeypatch):
    monkeypatch.setattr(workspace, "WORKSPACE_PATH", str(tmp_path))
    checked = check("pvc://mine/model", "pvc://mine/log", workspace_claim="mine")
    assert (checked.model_uri, checked.serving_log_uri) == (str(model), str(log))
    with pytest.raises(ValueError, match="serving_log_uri must lie on the run's workspace_claim, pvc://mine/"):
        check("pvc://mine/model", "pvc://other/log", workspace_claim="mine")


def test_model_and_log_may_lie_in_an_object_store(model, log, monkeypatch):
    variables = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with s3_server() as server:
        for name, value in {**variables, "AWS_ENDPOINT_URL": server.address}.items():
            monkeypatch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        store = fsspec.filesystem("s3")
        for folder in (model, log):
            for file in (path for path in folder.rglob("*") if path.is_file()):
                store.pipe_file(f"{BUCKET}/{folder.name}/{file.relative_to(folder).as_posix()}", file.read_bytes())
        checked = check(f"s3://{BUCKET}/model", f"s3://{BUCKET}/log")
    assert checked.num_requests == 2
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    assert checked.serving_log_uri == f"s3://{BUCKET}/log"


def test_requests_are_counted_in_the_window_alone(model, log):
    assert check(model, log, window_end="1970-01-01T00:30Z").num_requests == 1


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"window_start": "soon"}, "window_start must be a time in ISO 8601"),
        ({"window_start": "2026-05-01"}, "must hold requests, but holds none; the log covers 1970-01-01 00:00:00 UTC"),
        ({"settings": "alarms: none"}, "the drift settings: unknown key 'alarms'; known keys are false_alarm_rate"),
    ],
)
def test_a_wrong_parameter_is_named(model, log, other, sentence):
    with pytest.raises(ValueError, match=sentence):
        check(model, log, **other)


def test_a_log_without_any_column_of_the_baseline_is_another_models(model, tmp_path):
    other = write_log(tmp_path / "other", column="loudness")
    with pytest.raises(ValueError, match=r"must hold columns of the data .* \(brightness\), but holds only request_id"):
        check(model, other)


def test_a_bundle_from_before_baselines_says_what_to_do(log, tmp_path):
    write_bundle(tmp_path / "old", CONFIG, WEIGHTS, files={"schema.pbtxt": b"", "statistics/train.pb": b""})
    with pytest.raises(FileNotFoundError, match=r"lacks statistics/sample\.parquet: train the model again"):
        check(tmp_path / "old", log)


def test_a_baseline_that_was_changed_is_refused(model, log):
    (model / "statistics" / "train.pb").write_bytes(b"changed")
    with pytest.raises(ContractError, match=r"statistics/train\.pb must have the size and SHA-256"):
        check(model, log)


def test_a_release_that_was_renamed_is_refused_and_one_that_was_not_is_read(model, log):
    version = bundle_version(model)
    for name in (version, "latest"):
        shutil.copytree(model, model.parent / "models" / "pets" / name)
    assert check(model.parent / "models" / "pets" / version, log).num_requests == 2
    with pytest.raises(ContractError, match=f"the release .*latest must be called {version}"):
        check(model.parent / "models" / "pets" / "latest", log)


@pytest.mark.parametrize(
    ("missing", "sentence"), [("model", "a model bundle must be"), ("log", "a serving log must be")]
)
def test_what_is_not_there_is_named(model, log, tmp_path, missing, sentence):
    given = {"model": model, "log": log, missing: tmp_path / "nowhere"}
    with pytest.raises(FileNotFoundError, match=sentence):
        check(**given)
