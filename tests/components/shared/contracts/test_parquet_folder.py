from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.contracts.parquet_folder import ShardReader, ShardWriter
from components.shared.runtime.errors import ContractError

SCHEMA = pa.schema([("id", pa.int64()), ("split", pa.string()), ("blob", pa.binary())])


def batch_of(rows: range, *, blob_bytes: int = 10) -> pa.RecordBatch:
    splits = ["train" if row % 2 else "test" for row in rows]
    blobs = pa.array([bytes([row % 256]) * blob_bytes for row in rows], pa.binary())
    return pa.RecordBatch.from_arrays([pa.array(rows), pa.array(splits, pa.string()), blobs], schema=SCHEMA)


def write(path: Path, *batches: pa.RecordBatch, version: int = 1, **options: int) -> Path:
    with ShardWriter(
        path, SCHEMA, contract="things", format_version=version, info={"colour": "파랑"}, **options
    ) as writer:
        for batch in batches:
            writer.write(batch)
    return path


def read(path: Path) -> ShardReader:
    return ShardReader(path, contract="things", newest_version=1)


def ids(reader: ShardReader, **options) -> list[int]:
    return [value for batch in reader.iter_batches(["id"], **options) for value in batch.column(0).to_pylist()]


def test_rows_come_back_in_their_order_over_several_shards(tmp_path):
    write(tmp_path, *(batch_of(range(start, start + 100)) for start in range(0, 500, 100)), shard_bytes=2000)
    reader = read(tmp_path)
    assert len(reader.shards) > 2
    assert reader.num_rows == 500
    assert reader.metadata["colour"] == "파랑"
    assert ids(reader) == list(range(500))


def test_no_batch_is_larger_than_asked_for(tmp_path):
    write(tmp_path, batch_of(range(1000)), row_group_rows=128)
    batches = list(read(tmp_path).iter_batches(batch_rows=100))
    assert max(batch.num_rows for batch in batches) <= 100
    assert sum(batch.num_rows for batch in batches) == 1000


def test_streaming_holds_a_small_part_of_the_table(tmp_path):
    batches = (batch_of(range(start, start + 32), blob_bytes=100_000) for start in range(0, 640, 32))
    reader = read(write(tmp_path, *batches, row_group_rows=32))
    assert len(reader.shards) == 1
    before = pa.total_allocated_bytes()
    peak = max(pa.total_allocated_bytes() - before for _ in reader.iter_batches(["blob"], batch_rows=32))
    assert peak < 64_000_000 / 4


def test_unread_columns_are_not_touched(tmp_path):
    write(tmp_path, batch_of(range(64), blob_bytes=100_000))
    before = pa.total_allocated_bytes()
    (batch,) = read(tmp_path).iter_batches(["id"])
    assert batch.schema.names == ["id"]
    assert pa.total_allocated_bytes() - before < 100_000


def test_one_split_is_read_without_its_column_being_asked_for(tmp_path):
    write(tmp_path, batch_of(range(10)))
    assert ids(read(tmp_path), splits=["test"]) == [0, 2, 4, 6, 8]
    assert ids(read(tmp_path), splits=["validation"]) == []
    assert read(tmp_path).read(["id", "blob"], splits=["validation"]).schema.names == ["id", "blob"]


def test_a_table_without_rows_can_be_written_and_read(tmp_path):
    write(tmp_path)
    assert read(tmp_path).num_rows == 0
    assert list(read(tmp_path).iter_batches()) == []
    assert read(tmp_path).read().num_rows == 0


def test_columns_of_a_batch_may_come_in_any_order_but_must_be_the_same(tmp_path):
    batch = batch_of(range(3))
    turned = pa.RecordBatch.from_arrays([batch.column(2), batch.column(0), batch.column(1)], ["blob", "id", "split"])
    write(tmp_path / "turned", turned)
    assert ids(read(tmp_path / "turned")) == [0, 1, 2]
    with pytest.raises(ContractError, match=r"must have the columns .*; \['blob'\] differ"):
        write(tmp_path / "less", pa.RecordBatch.from_arrays([batch.column(0), batch.column(1)], ["id", "split"]))


def test_a_writer_that_fails_leaves_no_shard(tmp_path):
    def write_half() -> None:
        with ShardWriter(tmp_path, SCHEMA, contract="things", format_version=1, info={}, shard_bytes=2000) as writer:
            writer.write(batch_of(range(100)))
            writer.write(batch_of(range(3)))
            assert len(list(tmp_path.iterdir())) == 2
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_nothing_that_is_taken_for_a_table(tmp_path):
    writer = ShardWriter(tmp_path, SCHEMA, contract="things", format_version=1, info={}, shard_bytes=2000)
    for _ in range(3):
        writer.write(batch_of(range(100)))
    with pytest.raises(FileNotFoundError, match="holds none"):
        ShardReader(tmp_path, contract="things", newest_version=1)
    writer.close()
    assert ShardReader(tmp_path, contract="things", newest_version=1).num_rows == 300


def test_a_missing_shard_is_noticed(tmp_path):
    write(tmp_path, *(batch_of(range(100)) for _ in range(3)), shard_bytes=2000)
    (tmp_path / "shard-00001.parquet").unlink()
    with pytest.raises(ContractError, match="but one is missing"):
        ShardReader(tmp_path, contract="things", newest_version=1)


def test_shards_of_an_earlier_writer_are_removed(tmp_path):
    write(tmp_path, *(batch_of(range(100)) for _ in range(5)), shard_bytes=2000)
    write(tmp_path, batch_of(range(3)))
    assert ids(read(tmp_path)) == [0, 1, 2]


def test_a_folder_without_shards_is_not_found(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(FileNotFoundError, match=r"things must be a folder with shard-\*\.parquet files"):
            read(folder)


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"", lambda data: b"not parquet at all"])
def test_a_damaged_shard_is_refused_by_name(tmp_path, damage):
    shard = write(tmp_path, batch_of(range(100))) / "shard-00000.parquet"
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(ContractError, match=r"shard-00000\.parquet must be a Parquet file, but cannot be read"):
        read(tmp_path)


def test_another_contract_or_a_foreign_parquet_file_is_refused(tmp_path):
    write(tmp_path / "things", batch_of(range(3)))
    with pytest.raises(ContractError, match="must be a shard of others, got 'things'"):
        ShardReader(tmp_path / "things", contract="others", newest_version=1)
    (tmp_path / "foreign").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "foreign" / "shard-00000.parquet")
    with pytest.raises(ContractError, match="must be a shard of things, got 'another Parquet file'"):
        read(tmp_path / "foreign")


def test_metadata_that_is_not_ours_is_refused(tmp_path):
    for number, raw in enumerate([b"{half", b"[1, 2]", b"\xff\xfe"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        table = pa.table({"a": [1]}).replace_schema_metadata({b"pluszero": raw})
        pq.write_table(table, folder / "shard-00000.parquet")
        with pytest.raises(ContractError, match="must be a shard of things"):
            read(folder)


@pytest.mark.parametrize("version", [2, 0, -1])
def test_an_unknown_version_is_refused(tmp_path, version):
    write(tmp_path, batch_of(range(3)), version=version)
    with pytest.raises(ContractError, match=f"must have a format_version from 1 to 1, got {version}"):
        read(tmp_path)


def test_shards_that_differ_are_refused(tmp_path):
    write(tmp_path, batch_of(range(3)))
    write(tmp_path / "other", batch_of(range(3)))
    other = pq.read_table(tmp_path / "other" / "shard-00000.parquet")
    pq.write_table(other.drop(["blob"]), tmp_path / "shard-00001.parquet")
    with pytest.raises(ContractError, match=r"shard-00001\.parquet must have the columns and metadata"):
        read(tmp_path)


def test_an_unknown_column_is_named_with_those_there_are(tmp_path):
    write(tmp_path, batch_of(range(3)))
    with pytest.raises(ContractError, match="must have the column 'colour'; it has id, split, blob"):
        list(read(tmp_path).iter_batches(["colour"]))


def test_damage_inside_a_shard_is_said_by_name_when_it_is_read(tmp_path):
    shard = write(tmp_path, batch_of(range(1000))) / "shard-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[4:200] = bytes(196)
    shard.write_bytes(bytes(content))
    reader = ShardReader(tmp_path, contract="things", newest_version=1)
    with pytest.raises(ContractError, match=r"shard-00000\.parquet is damaged"):
        list(reader.iter_batches())


def test_metadata_that_lacks_a_key_is_refused(tmp_path):
    write(tmp_path, batch_of(range(10)))
    with pytest.raises(ContractError, match="but modality is missing"):
        ShardReader(tmp_path, contract="things", newest_version=1, keys=("modality",))


def test_bytes_are_written_as_they_are_and_the_rest_is_compressed(tmp_path):
    vectors = pa.list_(pa.float32(), 3)
    schema = pa.schema([*SCHEMA, ("scores", pa.list_(pa.float32())), ("vector", vectors)])
    lists = [pa.array([[0.5, 0.5]] * 1000, pa.list_(pa.float32())), pa.array([[1.0, 2.0, 3.0]] * 1000, vectors)]
    batch = pa.RecordBatch.from_arrays([*batch_of(range(1000), blob_bytes=100).columns, *lists], schema=schema)
    with ShardWriter(tmp_path, schema, contract="things", format_version=1, info={}) as writer:
        writer.write(batch)
    [shard] = read(tmp_path).shards
    group = pq.read_metadata(shard).row_group(0)
    columns = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
    assert {name.split(".")[0] for name in columns} == set(schema.names)
    for name, column in columns.items():
        is_file = name == "blob"
        assert column.compression == ("UNCOMPRESSED" if is_file else "ZSTD"), name
        assert column.has_dictionary_page != is_file
        assert (column.statistics is None) == is_file
    assert [value for part in read(tmp_path).iter_batches() for value in part.to_pylist()] == batch.to_pylist()
