from dataclasses import replace
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_validation.comparison.dataset_profile import (
    BASELINE_FILE,
    baseline_profile,
    profiled_dataset,
    write_baseline,
)
from components.data_validation.tables.column_roles import roles_of_examples
from components.data_validation.tables.prepared_table import PreparedTable
from components.data_validation.tables.source_opening import open_table
from components.shared.contracts.parquet_folder import METADATA_KEY
from components.shared.contracts.pinned_slices import PinnedSlice
from components.shared.runtime.errors import ContractError

YOUNG = PinnedSlice(name="young", where="age < 30")


@pytest.fixture
def profile(write_table):
    rng = np.random.default_rng(0)
    times = pa.array(np.arange(300)[::-1] * 1_000_000, pa.timestamp("us"))
    columns = {"age": rng.integers(18, 90, 300), "phone": ["010"] * 300, "seen": times}
    path = write_table(["train"] * 300, ["yes", "no"] * 150, columns, roles={"phone": "pii", "seen": "time"})
    source = open_table(str(path))
    roles = replace(roles_of_examples(source.info, source.schema), pinned_slices=(YOUNG,))
    return profiled_dataset(PreparedTable(source, roles), roles, splits=["train"], name="train")


def test_a_profile_is_in_the_order_of_time_and_knows_its_label(profile):
    assert (profile.num_rows, profile.ordered_in_time, profile.has_label, profile.label_version) == (300, True, True, 1)
    assert profile.sample["seen"].to_pylist() == sorted(profile.sample["seen"].to_pylist())
    assert len(profile.row_hashes) == 300


def test_a_baseline_comes_back_without_times_and_with_personal_data_masked(profile, tmp_path):
    (tmp_path / "train.pb").write_bytes(profile.statistics.SerializeToString())
    write_baseline(tmp_path / BASELINE_FILE, profile)
    found = baseline_profile(tmp_path, name="the model")
    assert (found.num_rows, found.columns, found.ordered_in_time) == (profile.num_rows, profile.columns, True)
    assert found.sample.column_names == ["label", "age", "phone"]
    assert set(found.sample["phone"].to_pylist()) == {"<masked>"}
    assert found.sample["age"].to_pylist() == profile.sample["age"].to_pylist()
    assert found.summaries["age"].mean == profile.summaries["age"].mean
    assert found.pinned_slices == (YOUNG,)


def test_a_baseline_of_an_earlier_release_pins_no_slice(profile, tmp_path):
    (tmp_path / "train.pb").write_bytes(profile.statistics.SerializeToString())
    write_baseline(tmp_path / BASELINE_FILE, profile)
    rows = pq.read_table(tmp_path / BASELINE_FILE)
    content = json.loads(rows.schema.metadata[METADATA_KEY])
    del content["pinned_slices"]
    pq.write_table(rows.replace_schema_metadata({METADATA_KEY: json.dumps(content)}), tmp_path / BASELINE_FILE)
    assert baseline_profile(tmp_path, name="the model").pinned_slices == ()


def test_a_baseline_that_is_missing_or_damaged_is_said(profile, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the model must carry its baseline, train\.pb too"):
        baseline_profile(tmp_path, name="the model")
    (tmp_path / "train.pb").write_bytes(profile.statistics.SerializeToString())
    pq.write_table(pa.table({"x": [1]}), tmp_path / BASELINE_FILE)
    with pytest.raises(ContractError, match="must be a baseline_sample, got None"):
        baseline_profile(tmp_path, name="the model")
    (tmp_path / BASELINE_FILE).write_bytes(b"no parquet")
    with pytest.raises(ContractError, match="the baseline of the model must be readable"):
        baseline_profile(tmp_path, name="the model")
