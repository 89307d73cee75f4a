"""One Parquet part of a serving log: its place, its columns, and how it is opened and written.

`log.py` describes the log as a whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, UTC
import io
from pathlib import Path
import re
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.contracts.example_table import ExampleTableInfo, LABEL_TYPES, read_roles
from components.shared.contracts.parquet_folder import contract_metadata, shard_metadata
from components.shared.runtime.atomic_files import atomic_file
from components.shared.runtime.errors import ContractError
from components.shared.tables.parquet_file import parquet_file

CONTRACT = "serving_log"
FORMAT_VERSION = 2
TIME = pa.timestamp("us", tz="UTC")
REQUIRED_COLUMNS: dict[str, pa.DataType] = {
    "request_id": pa.string(),
    "event_time": TIME,
    "model_name": pa.string(),
    "model_revision": pa.string(),
    "predicted": pa.string(),  # a class name; float64 where the model answers a number
}
OPTIONAL_COLUMNS: dict[str, pa.DataType] = {
    "probabilities": pa.list_(pa.float64()),
    "image": pa.binary(),
    "text": pa.string(),
}

_FOLDER_OF_TIME = re.compile(r"/date=(\d{4}-\d{2}-\d{2})/(?:hour=(\d{1,2})/)?")
_LAST_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogPart:
    """One part, opened and checked; its rows are still on disk.

    `schema` has plain types where the file has dictionaries; `times` are its first and last event time, None without
    rows.
    """

    filesystem: AbstractFileSystem
    name: str
    schema: pa.Schema
    info: ExampleTableInfo
    num_rows: int
    times: tuple[datetime, datetime] | None

    def iter_batches(self, columns: list[str], *, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream columns of the part as they are stored; `ContractError` if the part is damaged."""
        with self.filesystem.open(self.name, "rb") as file:
            batches = _readable(self.name, lambda: parquet_file(file)).iter_batches(batch_rows, columns=columns)
            while (batch := _readable(self.name, lambda: next(batches, None))) is not None:
                yield batch


def contract_types(info: ExampleTableInfo) -> dict[str, pa.DataType]:
    """Types of the columns that the contract names, required and optional, for the log's task."""
    return {**REQUIRED_COLUMNS, **OPTIONAL_COLUMNS, "predicted": LABEL_TYPES[info.task]}


def part_names(filesystem: AbstractFileSystem, root: str) -> list[str]:
    """Paths of all Parquet files below a folder, without hidden ones (`.` or `_` first), which are not finished."""
    names = [name for name in sorted(filesystem.find(root)) if name.endswith(".parquet")]
    return [name for name in names if not any(step[:1] in "._" for step in name.removeprefix(root).split("/") if step)]


def folder_times(name: str) -> tuple[datetime, datetime] | None:
    """First and last moment of the day or hour that a part's folders name; None where they name none."""
    found = _FOLDER_OF_TIME.search(name)
    if found is None:
        return None
    try:
        first = datetime.fromisoformat(found[1]).replace(hour=int(found[2] or 0), tzinfo=UTC)
    except ValueError:
        return None
    return first, first + (timedelta(days=1) if found[2] is None else timedelta(hours=1)) - _LAST_MOMENT


def open_part(filesystem: AbstractFileSystem, name: str) -> LogPart:
    """Open a part and check it; only the footer is read, where that has the times.

    `ContractError` if the part is damaged, of another contract or a newer version, lacks a column, has one in another
    type, or lies in the folder of another time.
    """
    with filesystem.open(name, "rb") as file:
        parquet = _readable(name, lambda: parquet_file(file))
        content = contract_metadata(parquet.schema_arrow, contract=CONTRACT, newest_version=FORMAT_VERSION, where=name)
        schema = _carried_schema(parquet.schema_arrow)
        info = _info(content, name)
        _check_columns(schema, name, info)
        times = _readable(name, lambda: _times(parquet))
    _check_folder(name, times)
    return LogPart(
        filesystem=filesystem,
        name=name,
        schema=schema,
        info=info,
        num_rows=parquet.metadata.num_rows,
        times=times,
    )


def write_part(filesystem: AbstractFileSystem, name: str, table: pa.Table, info: ExampleTableInfo) -> None:
    """Write a part, complete or not at all, by way of memory: `table` must fit twice.

    A local file is renamed when it is complete; an object store shows an object only then.
    """
    described = {
        "modality": info.modality,
        "task": info.task,
        "column_roles": {name: list(info.roles_of(name)) for name in info.column_roles},
    }
    metadata = shard_metadata(CONTRACT, FORMAT_VERSION, described)
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression="zstd")
    if isinstance(filesystem, LocalFileSystem):
        with atomic_file(name) as part:
            Path(part).write_bytes(buffer.getvalue())
    else:
        filesystem.pipe_file(name, buffer.getvalue())


def _readable(name: str, read: Any) -> Any:
    try:
        return read()
    except (pa.ArrowException, OSError) as error:
        raise ContractError(
            f"{name} must be a Parquet file, but is damaged: {' '.join(str(error).split())}; "
            "remove it, or bring it back from where the log is collected"
        ) from error


def _carried_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([(field.name, _carried_type(field.type)) for field in schema])


def _carried_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _carried_type(kind.value_type)
    if pa.types.is_large_string(kind):
        return pa.string()
    # Writers name a list's items differently.
    return pa.list_(kind.value_type) if pa.types.is_list(kind) else kind


def _check_columns(schema: pa.Schema, name: str, info: ExampleTableInfo) -> None:
    for column, expected in contract_types(info).items():
        if column not in schema.names:
            if column in REQUIRED_COLUMNS:
                raise ContractError(f"{name} must have the column {column!r}; it has {', '.join(schema.names)}")
        elif (found := schema.field(column).type) != expected:
            raise ContractError(f"{name} must have the column {column!r} as {expected}, got {found}")


def _check_folder(name: str, times: tuple[datetime, datetime] | None) -> None:
    folder = folder_times(name)
    if folder is None or times is None or (folder[0] <= times[0] and times[1] <= folder[1]):
        return
    raise ContractError(
        f"{name} must hold event times of its folder, {folder[0].isoformat()} to {folder[1].isoformat()}, "
        f"got {times[0].isoformat()} to {times[1].isoformat()}: folders are named by the time in UTC"
    )


def _info(content: Mapping[str, Any], name: str) -> ExampleTableInfo:
    if not isinstance(content.get("column_roles"), dict):
        raise ContractError(f"{name} must hold modality and column_roles in its metadata, got {sorted(content)}")
    try:
        return ExampleTableInfo(
            modality=content.get("modality"),  # type: ignore[arg-type]  # the constructor checks it
            class_names=(),
            column_roles=read_roles(content["column_roles"]),
            task=content.get("task", "classification"),
        )
    except ContractError as error:
        raise ContractError(f"{name}: {error}") from error


def _times(parquet: pq.ParquetFile) -> tuple[datetime, datetime] | None:
    metadata = parquet.metadata
    if metadata.num_rows == 0:
        return None
    # Columns of lists have several leaves: a leaf's number is not its column's.
    place = next(leaf for leaf in range(metadata.num_columns) if metadata.schema.column(leaf).path == "event_time")
    found = [metadata.row_group(group).column(place).statistics for group in range(metadata.num_row_groups)]
    if all(item is not None and item.has_min_max for item in found):
        return min(_utc(item.min) for item in found), max(_utc(item.max) for item in found)
    ends = pc.min_max(parquet.read(columns=["event_time"]).column(0)).as_py()
    return _utc(ends["min"]), _utc(ends["max"])


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
