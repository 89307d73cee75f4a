"""Writing a serving log: batches of rows become Parquet parts, one for each hour they fall on."""

from collections.abc import Collection
from datetime import datetime, timedelta, UTC
import uuid

import fsspec
from fsspec.spec import AbstractFileSystem
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.contract_columns import CONTRACT_ROLES, contract_types, REQUIRED_COLUMNS, TIME
from components.shared.serving_log.parts import write_part
from components.shared.serving_log.redacted_columns import redacted_column

_HOUR_US = 3600 * 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ServingLogWriter:
    """Appends to a serving log. Several writers may append to one log at once.

    Parameters
    ----------
    path
        The log's folder: a local path or an fsspec URI; made where it is missing.
    info
        Modality, task, and the role of every column beyond those that the contract names.
    kept
        Columns whose personal data stay as they are.
    """

    def __init__(self, path: str, info: ExampleTableInfo, *, kept: Collection[str] = ()) -> None:
        self._kept = frozenset(kept)
        self._filesystem, self._root = fsspec.core.url_to_fs(str(path))
        self._info = info

    def append(self, batch: pa.RecordBatch) -> list[str]:
        """Append rows, as one new part for each hour they fall on; return the parts' paths, by time.

        Columns that the contract names are cast to its types. Each part appears complete or not at all.

        Raises
        ------
        ContractError
            If a column is missing, cannot be cast, has no role, or is empty where it must not be; then nothing is
            written.
        """
        table = self._checked(batch)
        roles = {name: self._roles(name) for name in table.schema.names}
        info = ExampleTableInfo(modality=self._info.modality, class_names=(), column_roles=roles, task=self._info.task)
        return write_hours(self._filesystem, self._root, table, info, stem=uuid.uuid4().hex)

    def _checked(self, batch: pa.RecordBatch) -> pa.Table:
        table = pa.Table.from_batches([batch])
        for name in [*REQUIRED_COLUMNS, *table.schema.names]:
            if name not in table.schema.names:
                raise ContractError(f"a batch for {self._root} must have the column {name!r}; it lacks it")
            if name not in CONTRACT_ROLES and name not in self._info.column_roles:
                raise ContractError(f"column {name!r} must have a role, got roles for {list(self._info.column_roles)}")
        columns = [_contract_column(name, table.column(name), self._info) for name in table.schema.names]
        shown = [
            redacted_column(name, column.combine_chunks(), self._roles(name), kept=self._kept)
            for name, column in zip(table.schema.names, columns, strict=True)
        ]
        return pa.Table.from_arrays(shown, table.schema.names)

    def _roles(self, name: str) -> tuple[ColumnRole, ...]:
        return (CONTRACT_ROLES[name],) if name in CONTRACT_ROLES else self._info.roles_of(name)


def _contract_column(name: str, values: pa.ChunkedArray, info: ExampleTableInfo) -> pa.ChunkedArray:
    expected = contract_types(info).get(name)
    if expected is None:
        return values
    if expected == TIME and getattr(values.type, "tz", None) is None:
        raise ContractError(f"column {name!r} must be a time with a time zone, got {values.type}")
    try:
        cast = values.cast(expected, safe=expected != TIME)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ContractError(f"column {name!r} must be {expected}, got {values.type}") from error
    if name in REQUIRED_COLUMNS and name != "predicted" and cast.null_count:
        row = int(np.flatnonzero(np.asarray(pc.is_null(cast)))[0])
        raise ContractError(f"column {name!r} must not be empty, but row {row} of the batch is")
    return cast


def write_hours(
    filesystem: AbstractFileSystem, root: str, table: pa.Table, info: ExampleTableInfo, *, stem: str
) -> list[str]:
    """Write rows as `date=.../hour=.../part-STEM.parquet`, one part an hour in UTC; returns their paths, by time.

    A part of that name is replaced: the same rows written again change nothing.
    """
    hours = np.asarray(table.column("event_time").cast(pa.int64())) // _HOUR_US
    written = []
    for hour in np.unique(hours):
        moment = _EPOCH + timedelta(hours=int(hour))
        name = f"{root}/date={moment.date()}/hour={moment.hour:02}/part-{stem}.parquet"
        write_part(filesystem, name, table.filter(pa.array(hours == hour)), info)
        written.append(name)
    return written
