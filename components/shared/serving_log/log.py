"""The serving log: what a model was asked and what it answered, as monitoring reads it.

A folder of Parquet parts, local or at an fsspec URI: `date=2026-05-01/part-....parquet` as `ServingLogWriter` writes
them, with hours below (`date=2026-05-01/hour=06/...`), or flat. One row an instance of a request. Columns:

- every log has `request_id`, `event_time` (microseconds, UTC), `model_name`, `model_revision`, and `predicted` (a
  class name, or a number for regression; null where the answer was not seen);
- a log may have `probabilities` (in the order of the model's classes) and the payload, `image` (encoded bytes) or
  `text`, as far as the privacy setting allows;
- all others are inputs and features as the model's example table has them, under its names and after the repairs that
  the model's bundle carries: derived columns first of all. What clients sent before the repairs has no role here.

Columns of personal data hold keyed hashes, the same as in the example table. Identifiers and groups that tell who
somebody is are hashed too, and other texts masked, except the payload and features.

Contract, version, modality, task and the role of every column are in the metadata of every part. A part never changes
once it is there; a deployment may bring new columns.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, UTC
import uuid

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo
from components.shared.runtime.cores import available_cores
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.column_union import as_schema, differences, plain, united_info, united_schema
from components.shared.serving_log.parts import (
    contract_types,
    folder_times,
    LogPart,
    open_part,
    part_names,
    REQUIRED_COLUMNS,
    TIME,
    write_part,
)
from components.shared.serving_log.time_window import TimeWindow
from components.shared.tables.personal_columns import hashed_texts, masked_texts
from components.shared.tables.personal_key import keyed_hashes
from components.shared.tables.sources import readable_store_errors

_ROLES: dict[str, ColumnRole] = {
    "request_id": "id",
    "event_time": "time",
    "model_name": "metadata",
    "model_revision": "metadata",
    "predicted": "prediction",
    "probabilities": "metadata",
    "image": "payload",
    "text": "payload",
}
_DAY_US = 24 * 3600 * 1_000_000
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
        """Append rows, as one new part for each day they fall on; return the parts' paths, in the order of days.

        Columns that the contract names are cast to its types. Each part appears complete or not at all.

        Raises
        ------
        ContractError
            If a column is missing, cannot be cast, has no role, or is empty where it must not be; then nothing is
            written.
        """
        table = self._checked(batch)
        roles = {name: _ROLES.get(name) or self._info.roles_of(name) for name in table.schema.names}
        info = ExampleTableInfo(modality=self._info.modality, class_names=(), column_roles=roles, task=self._info.task)
        days = np.asarray(table.column("event_time").cast(pa.int64())) // _DAY_US
        written = []
        for day in np.unique(days):
            name = f"{self._root}/date={(_EPOCH + timedelta(days=int(day))).date()}/part-{uuid.uuid4().hex}.parquet"
            write_part(self._filesystem, name, table.filter(pa.array(days == day)), info)
            written.append(name)
        return written

    def _checked(self, batch: pa.RecordBatch) -> pa.Table:
        table = pa.Table.from_batches([batch])
        for name in [*REQUIRED_COLUMNS, *table.schema.names]:
            if name not in table.schema.names:
                raise ContractError(f"a batch for {self._root} must have the column {name!r}; it lacks it")
            if name not in _ROLES and name not in self._info.column_roles:
                raise ContractError(f"column {name!r} must have a role, got roles for {list(self._info.column_roles)}")
        columns = [_contract_column(name, table.column(name), self._info) for name in table.schema.names]
        shown = [self._redacted(name, column) for name, column in zip(table.schema.names, columns, strict=True)]
        return pa.Table.from_arrays(shown, table.schema.names)

    def _redacted(self, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
        roles = (_ROLES[name],) if name in _ROLES else self._info.roles_of(name)
        if "pii" in roles:
            return keyed_hashes(values.combine_chunks())
        if name in self._kept or {"payload", "feature", "prediction"} & set(roles):
            return values
        whole = values.combine_chunks()
        return hashed_texts(whole) if {"id", "group"} & set(roles) else masked_texts(whole)


class ServingLog:
    """Reads a serving log, or a window of it, as a stream.

    Parameters
    ----------
    path
        The log's folder: a local path or an fsspec URI.
    window
        What is read of it; None reads all. Parts in the folders of other days and hours are not opened.

    Attributes
    ----------
    schema
        The columns of all parts in the window, in the order they first appear; those of the newest part where the
        window is empty.
    info
        Modality, task and the role of every column; the newest part's where parts disagree. It names no classes.
    remarks
        What differs between parts, one sentence each.

    Raises
    ------
    FileNotFoundError
        If there is no log at `path`.
    ValueError
        If the store cannot be read.
    ContractError
        If a part is damaged, of another contract or of a newer version, lacks a required column, or has a column in a
        type that does not go with another part's; the message names part and column.
    """

    def __init__(self, path: str, *, window: TimeWindow | None = None) -> None:
        self.path = str(path)
        self._window = window or TimeWindow()
        with readable_store_errors(f"the serving log {self.path} must be a folder that can be read"):
            filesystem, root = fsspec.core.url_to_fs(self.path)
            names = part_names(filesystem, root)
        if not names:
            raise FileNotFoundError(f"a serving log must be a folder with Parquet parts, but {self.path} holds none")
        inside = [name for name in names if (span := folder_times(name)) is None or self._window.overlaps(*span)]
        with ThreadPoolExecutor(available_cores()) as pool:
            opened = list(pool.map(lambda name: open_part(filesystem, name), inside or names[-1:]))
        self._parts = sorted(
            (part for part in opened if part.times and self._window.overlaps(*part.times)),
            key=lambda part: (part.times, part.name),
        )
        described = self._parts or opened[-1:]
        self.schema = united_schema(described)
        self.info = united_info(described)
        self.remarks = differences(described, self.schema)

    @property
    def times(self) -> tuple[datetime, datetime] | None:
        """First and last event time of the parts that overlap the window, in UTC; None where none does."""
        spans = [part.times for part in self._parts if part.times is not None]
        return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None

    def iter_batches(
        self, columns: Sequence[str] | None = None, *, revision: str | None = None, batch_rows: int = 65536
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows of the window, in the types of `schema`; parts come in the order of their first event.

        Parameters
        ----------
        columns
            Columns to read, null where a part lacks one; None reads all. The others are not touched on disk.
        revision
            Keep what this revision of the model answered; None keeps all.
        batch_rows
            Rows a batch at most.

        Raises
        ------
        ContractError
            If a named column is in no part, or a part is damaged.
        """
        wanted = list(self.schema.names if columns is None else columns)
        absent = [name for name in wanted if name not in self.schema.names]
        if absent:
            raise ContractError(
                f"{self.path} must have the column {absent[0]!r}; it has {', '.join(self.schema.names)}"
            )
        for part in self._parts:
            read = dict.fromkeys([*wanted, "event_time", "model_revision"])
            for batch in part.iter_batches([name for name in read if name in part.schema.names], batch_rows=batch_rows):
                kept = self._kept(batch, part, revision)
                if kept.num_rows:
                    yield as_schema(kept, pa.schema([self.schema.field(name) for name in wanted]))

    def revisions(self) -> dict[str, int]:
        """Rows in the window by the model's revision, the most frequent first."""
        counts: Counter[str] = Counter()
        for batch in self.iter_batches(["model_revision"]):
            for item in pc.value_counts(batch.column(0)).to_pylist():
                counts[item["values"]] += item["counts"]
        return dict(counts.most_common())

    def _kept(self, batch: pa.RecordBatch, part: LogPart, revision: str | None) -> pa.RecordBatch:
        masks = []
        if part.times is not None and not self._window.covers(*part.times):
            times = batch.column(batch.schema.get_field_index("event_time"))
            if self._window.start is not None:
                masks.append(pc.greater_equal(times, pa.scalar(self._window.start, TIME)))
            if self._window.end is not None:
                masks.append(pc.less(times, pa.scalar(self._window.end, TIME)))
        if revision is not None:
            revisions = plain(batch.column(batch.schema.get_field_index("model_revision")))
            masks.append(pc.equal(revisions, pa.scalar(revision)))
        for mask in masks[1:]:
            masks[0] = pc.and_(masks[0], mask)
        return batch.filter(masks[0]) if masks else batch


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
