"""One Parquet part of a serving log: its place, its columns, and how it is opened and written.

`log.py` describes the log as a whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, UTC
import io
import re
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.contracts.example_table import ExampleTableInfo, read_roles
from components.shared.contracts.parquet_folder import contract_metadata, shard_metadata
from components.shared.runtime.durable_files import write_durably
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.contract_columns import CONTRACT, contract_types, FORMAT_VERSION, REQUIRED_COLUMNS
from components.shared.serving_log.time_window import TimeWindow
from components.shared.tables.parquet_file import parquet_file

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


def part_names(filesystem: AbstractFileSystem, root: str, window: TimeWindow) -> list[str]:
    """Paths of the Parquet files below a folder, sorted; folders of days and hours outside the window are not listed.

    Hidden files and folders (`.` or `_` first) are passed over: they are not finished, or no parts.
    """
    found: list[str] = []
    for entry in filesystem.ls(root, detail=True):
        name = str(entry["name"]).rstrip("/")
        if name.rpartition("/")[2][:1] in ("", ".", "_") or name == root.rstrip("/"):
            continue
        if entry["type"] == "directory":
            span = folder_times(f"{name}/")
            if span is None or window.overlaps(*span):
                found += part_names(filesystem, name, window)
        elif name.endswith(".parquet"):
            found.append(name)
    return sorted(found)


def newest_part(filesystem: AbstractFileSystem, root: str) -> str | None:
    """The last part by the names of folders and files; None where there is none. Older folders are not listed."""
    entries = sorted(filesystem.ls(root, detail=True), key=lambda entry: str(entry["name"]), reverse=True)
    for entry in entries:
        name = str(entry["name"]).rstrip("/")
        if name.rpartition("/")[2][:1] in ("", ".", "_") or name == root.rstrip("/"):
            continue
        newest = newest_part(filesystem, name) if entry["type"] == "directory" else name
        if newest is not None and newest.endswith(".parquet"):
            return newest
    return None


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
        _check_columns(schema, name, contract_types(info, content["format_version"]))
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

    A local file is renamed when it is complete and the disk has it; an object store shows an object only then.
    """
    described = {
        "modality": info.modality,
        "task": info.task,
        "column_roles": {name: list(info.roles_of(name)) for name in info.column_roles},
    }
    metadata = shard_metadata(CONTRACT, FORMAT_VERSION, described)
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer, compression="zstd")
    put_file(filesystem, name, buffer.getvalue())


def put_file(filesystem: AbstractFileSystem, name: str, content: bytes) -> None:
    """Write a file, complete or not at all: a local one is renamed when the disk has it."""
    if isinstance(filesystem, LocalFileSystem):
        write_durably(name, content)
    else:
        filesystem.pipe_file(name, content)


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


def _check_columns(schema: pa.Schema, name: str, types: Mapping[str, pa.DataType]) -> None:
    for column, expected in types.items():
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
