import fsspec
import numpy as np
import pyarrow as pa
import pytest

from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.split_record import (
    content_key,
    group_fingerprint,
    known_splits,
    NOT_KNOWN,
    SPLITS_FILE,
    write_split_record,
)
from components.shared.runtime.errors import ContractError

GOLDEN_V1 = "tests/components/shared/contracts/golden/example_table_v1"


def example_table(path, ids, splits, groups=None, group_roles=("group",)) -> ExampleTable:
    info = ExampleTableInfo(modality="text", class_names=("a", "b"), column_roles={"shop": group_roles})
    kinds = {} if groups is None else {"shop": pa.string()}
    with ExampleTableWriter(path, info, extra_columns=kinds) as writer:
        for start in range(0, len(ids), 2):
            rows = slice(start, start + 2)
            columns = {
                "example_id": pa.array([f"e{row}" for row in range(start, start + len(ids[rows]))]),
                "split": pa.array(splits[rows], pa.string()),
                "label": pa.array(["a"] * len(ids[rows])),
                "content_id": pa.array(ids[rows], pa.uint64()),
                "text": pa.array(["x"] * len(ids[rows])),
                **({} if groups is None else {"shop": pa.array(groups[rows], pa.string())}),
            }
            writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return ExampleTable(path)


IDS = [7, 2**64 - 1, 3, 7, None]
SPLITS = ["test", "validation", "train", "test", "train"]


def bundle_with(tmp_path, files) -> str:
    config = BundleConfig(
        task="text_classification", class_names=("a", "b"), backbone={"name": "mlp"}, preprocessing={"modality": "text"}
    )
    write_bundle(tmp_path / "bundle", config, {"w": np.ones(2, np.float32)}, files=files)
    return str(tmp_path / "bundle")


def test_a_bundle_and_its_example_table_know_the_same(tmp_path):
    table = example_table(tmp_path / "examples", IDS, SPLITS)
    write_split_record(tmp_path / "record", table)
    bundle = bundle_with(tmp_path, {SPLITS_FILE: (tmp_path / "record").read_bytes()})
    for uri in (bundle, str(tmp_path / "examples"), f"{tmp_path}/examples/"):
        known = known_splits(uri)
        assert known.content_ids.tolist() == [3, 7, 2**64 - 1]
        assert known.of_contents(np.array([7, 8, 2**64 - 1, 3, 0], np.uint64)).tolist() == [
            2,
            NOT_KNOWN,
            1,
            0,
            NOT_KNOWN,
        ]


def test_a_record_takes_nine_bytes_an_example(tmp_path):
    ids = np.random.default_rng(0).integers(0, 2**64, 2000, dtype=np.uint64)
    table = example_table(tmp_path / "examples", ids.tolist(), ["train", "test"] * 1000)
    write_split_record(tmp_path / "record", table)
    assert (tmp_path / "record").stat().st_size < 2000 * 9 + 4000


def test_groups_are_known_from_a_table_unless_they_are_personal(tmp_path):
    groups = ["north", "south", None, "north", "south"]
    example_table(tmp_path / "open", IDS, SPLITS, groups)
    example_table(tmp_path / "personal", IDS, SPLITS, groups, group_roles=("group", "pii"))
    keys = np.array([content_key(group_fingerprint(name)) for name in ("north", "south", "east")], np.uint64)
    assert known_splits(str(tmp_path / "open")).of_groups(keys).tolist() == [2, 1, NOT_KNOWN]
    assert known_splits(str(tmp_path / "personal")).of_groups(keys).tolist() == [NOT_KNOWN] * 3


def test_a_table_at_a_uri_is_read(tmp_path):
    example_table(tmp_path / "examples", IDS, SPLITS)
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "examples"), "/kept", recursive=True)
    try:
        assert known_splits("memory://kept").content_ids.tolist() == [3, 7, 2**64 - 1]
    finally:
        memory.rm("/kept", recursive=True)


def test_what_knows_no_splits_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="must name an example table or a model bundle"):
        known_splits(str(tmp_path))
    with pytest.raises(ContractError, match=r"holds no splits\.parquet: name the example table that it was trained on"):
        known_splits(bundle_with(tmp_path, {}))
    with pytest.raises(ContractError, match="is of an earlier version: ingest again"):
        known_splits(GOLDEN_V1)
    example_table(tmp_path / "none", [None, None], ["train", "test"])
    with pytest.raises(ContractError, match="has none: ingest again"):
        known_splits(str(tmp_path / "none"))


def test_a_damaged_record_is_refused(tmp_path):
    with pytest.raises(ContractError, match="must be a Parquet file"):
        known_splits(bundle_with(tmp_path, {SPLITS_FILE: b"no parquet"}))
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "shard-00000.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match="must be a Parquet file that can be read"):
        known_splits(str(tmp_path / "examples"))
