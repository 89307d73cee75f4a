"""The split record: content id and split of every example that a model was trained or judged on, as a small file.

Ingestion writes it, the bundle carries it, and a later ingestion reads it (`split: {like: ...}`), from a bundle or from
the example table itself: what was known keeps its split, so that two models are judged on rows that neither has seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
import tempfile
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.contracts import example_table
from components.shared.contracts.bundle import CONFIG_FILE
from components.shared.contracts.bundle_fetch import fetch_files
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, read_roles
from components.shared.contracts.parquet_folder import contract_metadata, shard_metadata
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.runtime.atomic_files import atomic_file
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_bytes
from components.shared.tables.column_types import as_type
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.sources import readable_store_errors

FORMAT_VERSION = 1
CONTRACT = "split_record"
SPLITS_FILE = "splits.parquet"
NOT_KNOWN = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSplits:
    """Splits of known contents, and of known groups.

    Attributes
    ----------
    content_ids, splits
        Shape (N,), uint64 ascending, and int8: an index into `SPLIT_NAMES` for each content.
    group_keys, group_splits
        Shape (G,), the same for groups by `group_key`; empty where none are recorded, as in bundles.
    """

    content_ids: np.ndarray
    splits: np.ndarray
    group_keys: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    group_splits: np.ndarray = field(default_factory=lambda: np.empty(0, np.int8))

    def of_contents(self, content_ids: np.ndarray) -> np.ndarray:
        """Split of each content id, shape (M,), int8; `NOT_KNOWN` for a new one."""
        return _looked_up(self.content_ids, self.splits, content_ids)

    def of_groups(self, group_keys: np.ndarray) -> np.ndarray:
        """Split of each group key, shape (M,), int8; `NOT_KNOWN` for a new one."""
        return _looked_up(self.group_keys, self.group_splits, group_keys)


def content_key(fingerprint: str) -> int:
    """The content id that a fingerprint gives: its first 64 bits."""
    return int(fingerprint[:16], 16)


def group_fingerprint(value: str) -> str:
    """Fingerprint of a group's value; `content_key` of it is the group's key."""
    return fingerprint_bytes(b"group " + value.encode())


def write_split_record(path: str | Path, table: ExampleTable) -> None:
    """Write content id and split of a table's examples, each content once; those without a content id are left out."""
    rows = table.read(["content_id", "split"])
    rows = rows.filter(pc.and_(rows.column(0).is_valid(), rows.column(1).is_valid()))
    content_ids, splits = _distinct(rows.column(0).to_numpy(), _split_codes(rows.column(1)))
    schema = pa.schema(
        [("content_id", pa.uint64()), ("split", pa.int8())], metadata=shard_metadata(CONTRACT, FORMAT_VERSION, {})
    )
    with atomic_file(path) as part:
        pq.write_table(pa.table([content_ids, splits], schema=schema), part, compression="zstd")


def known_splits(uri: str) -> KnownSplits:
    """Splits that an example table or a model bundle at a local path or an fsspec URI knows.

    Raises
    ------
    FileNotFoundError
        If there is neither at `uri`.
    ContractError
        If it was written by a version that recorded no content ids, or is damaged.
    ValueError
        If the store cannot be read.
    """
    with readable_store_errors(f"split.like {uri} must be something that can be read"):
        filesystem, root = fsspec.core.url_to_fs(uri)
        is_bundle = filesystem.isfile(f"{root}/{CONFIG_FILE}")
        shards = [] if is_bundle else sorted(str(name) for name in filesystem.glob(f"{root}/shard-*.parquet"))
    if is_bundle:
        return _of_bundle(uri)
    if not shards:
        raise FileNotFoundError(
            f"split.like must name an example table or a model bundle, by a path that is absolute or relative to the "
            f"data, or by a URI, but there is neither at {uri}"
        )
    return _of_shards(filesystem, shards, uri)


def splits_of_table(table: ExampleTable) -> KnownSplits:
    """Splits of the contents and groups of a local table, of personal groups too, by what stands for them there.

    A table of version 1 knows none.
    """
    if "content_id" not in table.schema.names:
        return KnownSplits(content_ids=np.empty(0, np.uint64), splits=np.empty(0, np.int8))
    names = [name for name in table.info.columns_of("group") if name in table.schema.names][:1]
    rows = table.read(["content_id", "split", *names]).combine_chunks()
    groups = as_type(rows.column(2).combine_chunks(), pa.string()) if names else pa.nulls(rows.num_rows, pa.string())
    rows = pa.table([rows.column(0), rows.column(1), groups], ["content_id", "split", "group"])
    return _known(rows.filter(pc.and_(rows.column(0).is_valid(), rows.column(1).is_valid())))


def _of_bundle(uri: str) -> KnownSplits:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            fetch_files(uri, scratch, [SPLITS_FILE])
        except FileNotFoundError as error:
            raise ContractError(
                f"split.like must name a bundle that records its splits, but {uri} holds no {SPLITS_FILE}: "
                "name the example table that it was trained on"
            ) from error
        file = Path(scratch) / SPLITS_FILE
        try:
            table = parquet_file(file).read()
        except (pa.ArrowInvalid, OSError) as error:
            raise ContractError(f"{uri}/{SPLITS_FILE} must be a Parquet file, but cannot be read: {error}") from error
        contract_metadata(table.schema, contract=CONTRACT, newest_version=FORMAT_VERSION, where=f"{uri}/{SPLITS_FILE}")
        content_ids, splits = _distinct(table.column("content_id").to_numpy(), table.column("split").to_numpy())
        return KnownSplits(content_ids=content_ids, splits=splits)


def _of_shards(filesystem: Any, shards: list[str], uri: str) -> KnownSplits:
    """Only the columns that are needed are read, of a remote table too."""
    none = pa.schema([("content_id", pa.uint64()), ("split", pa.string()), ("group", pa.string())]).empty_table()
    rows = pa.concat_tables([none, *(_shard_rows(filesystem, shard, uri) for shard in shards)]).combine_chunks()
    if not rows.num_rows:
        raise ContractError(f"split.like must name a table that records content ids, but {uri} has none: ingest again")
    return _known(rows)


def _known(rows: pa.Table) -> KnownSplits:
    """Splits of `content_id`, `split` and `group` of rows; a group may be null."""
    codes = _split_codes(rows.column("split"))
    grouped = rows.column("group").is_valid().to_numpy()
    names = rows.column("group").drop_null().to_pylist()
    group_keys, group_splits = _distinct(
        np.array([content_key(group_fingerprint(name)) for name in names], dtype=np.uint64), codes[grouped]
    )
    content_ids, splits = _distinct(rows.column("content_id").to_numpy(), codes)
    return KnownSplits(content_ids=content_ids, splits=splits, group_keys=group_keys, group_splits=group_splits)


def _shard_rows(filesystem: Any, shard: str, uri: str) -> pa.Table:
    """`content_id`, `split` and `group` of the rows that have the first two; personal groups are null."""
    schema = _read(filesystem, shard, lambda parquet: parquet.schema_arrow)
    content = contract_metadata(
        schema, contract=example_table.CONTRACT, newest_version=example_table.FORMAT_VERSION, where=shard
    )
    if "content_id" not in schema.names:
        raise ContractError(
            f"split.like must name a table that records content ids, but {uri} is of an earlier version: ingest again"
        )
    wanted = ["content_id", "split", *_group_column(content)]
    table = _read(filesystem, shard, lambda parquet: parquet.read(columns=wanted)).combine_chunks()
    groups = pa.nulls(table.num_rows, pa.string())
    if len(wanted) > 2 and table.num_rows:
        groups = as_type(table.column(wanted[2]).chunk(0), pa.string())
    rows = pa.table([table.column("content_id"), table.column("split"), groups], ["content_id", "split", "group"])
    return rows.filter(pc.and_(rows.column(0).is_valid(), rows.column(1).is_valid()))


def _read(filesystem: Any, shard: str, read: Callable[[pq.ParquetFile], Any]) -> Any:
    with readable_store_errors(f"{shard} must be a Parquet file that can be read"), filesystem.open(shard) as file:
        return read(parquet_file(file))


def _group_column(content: dict[str, Any]) -> list[str]:
    info = ExampleTableInfo(
        modality=content["modality"], class_names=(), column_roles=read_roles(content["column_roles"])
    )
    return [name for name in info.columns_of("group") if "pii" not in info.roles_of(name)][:1]


def _split_codes(names: pa.ChunkedArray) -> np.ndarray:
    return pc.index_in(names, value_set=pa.array(SPLIT_NAMES)).to_numpy().astype(np.int8)


def _distinct(keys: np.ndarray, splits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, ascending; the split nearest to train where it has several."""
    order = np.lexsort((splits, keys))
    first = np.ones(len(keys), dtype=bool)
    first[1:] = keys[order][1:] != keys[order][:-1]
    return keys[order][first].astype(np.uint64), splits[order][first].astype(np.int8)


def _looked_up(keys: np.ndarray, splits: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    if not len(keys):
        return np.full(len(wanted), NOT_KNOWN, dtype=np.int8)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, splits[places], NOT_KNOWN).astype(np.int8)
