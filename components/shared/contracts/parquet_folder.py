"""A folder of Parquet shards with a contract in its metadata: one streaming writer, one checked reader."""

from collections.abc import Collection, Iterator, Mapping, Sequence
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.errors import ContractError
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.personal_columns import KEPT

METADATA_KEY = b"pluszero"
_SHARD_PATTERN = "shard-*.parquet"
_FIRST_SHARD = "shard-00000.parquet"
_PART_PATTERN = ".shard-*.part"


class ShardWriter:
    """Writes record batches to `shard-00000.parquet`, `shard-00001.parquet` ... in one folder.

    Shards get their names when the whole table is complete, the first one last: a block that raises leaves none, and a
    killed writer leaves nothing that a reader takes for a table. Shards of an earlier, killed writer are removed.
    Memory stays at one row group of `row_group_rows` rows, which is also what a reader holds; a new shard begins after
    `shard_bytes` of Arrow data. `contract`, `format_version` and `info` (JSON values) go into the metadata of every
    shard.
    """

    def __init__(
        self,
        path: str | Path,
        schema: pa.Schema,
        *,
        contract: str,
        format_version: int,
        info: dict[str, Any],
        shard_bytes: int = 128 << 20,
        row_group_rows: int = 1024,
    ) -> None:
        self._folder = Path(path)
        self._schema = schema.with_metadata(shard_metadata(contract, format_version, info))
        self._shard_bytes = shard_bytes
        self._row_group_rows = row_group_rows
        self._num_shards = 0
        self._bytes_in_shard = 0
        self._writer: pq.ParquetWriter | None = None
        self.num_rows = 0
        self._folder.mkdir(parents=True, exist_ok=True)
        for leftover in [*self._folder.glob(_SHARD_PATTERN), *self._folder.glob(_PART_PATTERN)]:
            leftover.unlink()

    def keep_personal(self, columns: Collection[str]) -> None:
        """Say of `columns`, before the first row, that their personal data stay as they are (`kept_columns`)."""
        fields = [field.with_metadata(KEPT) if field.name in columns else field for field in self._schema]
        self._schema = pa.schema(fields, self._schema.metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch of exactly the writer's columns, in any order."""
        different = set(self._schema.names) ^ set(batch.schema.names)
        if different:
            raise ContractError(
                f"a batch for {self._folder} must have the columns {self._schema.names}; {sorted(different)} differ"
            )
        table = pa.Table.from_batches([batch]).select(self._schema.names).cast(self._schema)
        if self._writer is None:
            self._writer = self._opened()
        self._writer.write_table(table, row_group_size=self._row_group_rows)
        self.num_rows += batch.num_rows
        self._bytes_in_shard += batch.nbytes
        if self._bytes_in_shard >= self._shard_bytes:
            self._finish_shard()

    def close(self) -> None:
        """Finish the last shard; a table without rows still leaves one, so that it can be read."""
        if self._writer is None and self._num_shards == 0:
            self._writer = self._opened()
        self._finish_shard()
        for part in sorted(self._folder.glob(_PART_PATTERN), reverse=True):
            part.rename(part.with_name(f"{part.stem.removeprefix('.')}.parquet"))

    def _discard(self) -> None:
        if self._writer is not None:
            self._writer.close()
        for part in self._folder.glob(_PART_PATTERN):
            part.unlink()

    def _opened(self) -> pq.ParquetWriter:
        """Encoded images are compressed already: neither zstd nor a dictionary pays for columns of bytes."""
        files = {field.name for field in self._schema if pa.types.is_binary(field.type)}
        paths = _leaf_paths(self._schema)
        others = [path for path in paths if path not in files]
        return pq.ParquetWriter(
            self._part,
            self._schema,
            compression={path: "none" if path in files else "zstd" for path in paths},
            use_dictionary=others,
            write_statistics=others,
        )

    @property
    def _part(self) -> Path:
        return self._folder / f".shard-{self._num_shards:05d}.part"

    def _finish_shard(self) -> None:
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        self._bytes_in_shard = 0
        self._num_shards += 1


class ShardReader:
    """Reads a folder that `ShardWriter` wrote, batch by batch; `keys` must be in its metadata.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no shard in it.
    ContractError
        If a shard is damaged, of another contract or version, or has other columns than the first.
    """

    def __init__(self, path: str | Path, *, contract: str, newest_version: int, keys: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self.shards = sorted(self.path.glob(_SHARD_PATTERN))
        if not self.shards:
            raise FileNotFoundError(
                f"{contract} must be a folder with shard-*.parquet files, but {self.path} holds none"
            )
        if [shard.name for shard in self.shards] != [
            f"shard-{number:05d}.parquet" for number in range(len(self.shards))
        ]:
            raise ContractError(f"{self.path} must hold every shard from {_FIRST_SHARD} on, but one is missing")
        self.schema = self._checked_schema(self.shards[0], contract, newest_version)
        self.metadata = _metadata(self.schema)
        lacking = [key for key in keys if key not in self.metadata]
        if lacking:
            raise ContractError(f"{self.path} must hold {', '.join(keys)} in its metadata, but {lacking[0]} is missing")
        self.num_rows = 0
        for shard in self.shards:
            schema = self._checked_schema(shard, contract, newest_version)
            if not schema.equals(self.schema, check_metadata=True):
                raise ContractError(
                    f"{shard} must have the columns and metadata of {self.shards[0].name}, but they differ"
                )
            self.num_rows += pq.read_metadata(shard).num_rows

    @staticmethod
    def _checked_schema(shard: Path, contract: str, newest_version: int) -> pa.Schema:
        try:
            schema = pq.read_schema(shard)
        except (pa.ArrowInvalid, OSError) as error:
            raise ContractError(f"{shard} must be a Parquet file, but cannot be read: {error}") from error
        contract_metadata(schema, contract=contract, newest_version=newest_version, where=shard)
        return schema

    def iter_batches(
        self, columns: Sequence[str] | None = None, *, splits: Sequence[str] | None = None, batch_rows: int = 1024
    ) -> Iterator[pa.RecordBatch]:
        """Stream record batches in the order they were written.

        Parameters
        ----------
        columns
            Columns to read, None for all; ContractError if one is not there. The others are not touched on disk.
        splits
            Keep rows of these splits only; None keeps all.
        batch_rows
            Rows a batch at most.
        """
        wanted = list(self.schema.names if columns is None else columns)
        absent = [name for name in wanted if name not in self.schema.names]
        if absent:
            raise ContractError(
                f"{self.path} must have the column {absent[0]!r}; it has {', '.join(self.schema.names)}"
            )
        read = wanted if splits is None or "split" in wanted else [*wanted, "split"]
        for shard in self.shards:
            for batch in _readable_batches(shard, batch_rows, read):
                kept = batch if splits is None else _rows_of_splits(batch, splits)
                if kept.num_rows:
                    yield pa.RecordBatch.from_arrays(
                        [kept.column(kept.schema.get_field_index(name)) for name in wanted], wanted
                    )

    def read(self, columns: Sequence[str] | None = None, *, splits: Sequence[str] | None = None) -> pa.Table:
        """Read columns whole: for narrow columns, never for payloads of unknown size."""
        wanted = list(self.schema.names if columns is None else columns)
        batches = list(self.iter_batches(wanted, splits=splits, batch_rows=65536))
        if not batches:
            return pa.schema([self.schema.field(name) for name in wanted]).empty_table()
        return pa.Table.from_batches(batches)


def shard_metadata(contract: str, format_version: int, info: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Parquet metadata that state a contract, its version, and JSON values that describe the table."""
    content = {"contract": contract, "format_version": format_version, **info}
    return {METADATA_KEY: json.dumps(content, ensure_ascii=False).encode()}


def contract_metadata(schema: pa.Schema, *, contract: str, newest_version: int, where: object) -> dict[str, Any]:
    """A Parquet file's contract metadata, `contract` and `format_version` included.

    Raises
    ------
    ContractError
        If the file is of another contract, of none, or of a newer version.
    """
    content = _metadata(schema)
    if content.get("contract") != contract:
        raise ContractError(
            f"{where} must be a shard of {contract}, got {content.get('contract', 'another Parquet file')!r}"
        )
    check_format_version(content.get("format_version"), newest=newest_version, contract=contract, where=where)
    return content


def _leaf_paths(schema: pa.Schema) -> list[str]:
    """Parquet's names of the columns: `probabilities.list.element` for a column of lists."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    leaves = pq.read_metadata(pa.BufferReader(sink.getvalue())).schema
    return [leaves.column(place).path for place in range(len(leaves.names))]


def _metadata(schema: pa.Schema) -> dict[str, Any]:
    """The contract in a file's metadata; empty where there is none of this project."""
    try:
        content = json.loads((schema.metadata or {}).get(METADATA_KEY, b"{}"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _readable_batches(shard: Path, batch_rows: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
    batches = parquet_file(shard).iter_batches(batch_size=batch_rows, columns=columns)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowInvalid, OSError) as error:
            raise ContractError(f"{shard} is damaged: {' '.join(str(error).split())}") from error
        if batch is None:
            return
        yield batch


def _rows_of_splits(batch: pa.RecordBatch, splits: Sequence[str]) -> pa.RecordBatch:
    mask = pc.is_in(batch.column(batch.schema.get_field_index("split")), value_set=pa.array(list(splits), pa.string()))
    return batch.filter(mask)
