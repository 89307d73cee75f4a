"""Labels of served rows, beside the log: `_labels/date=.../part-....parquet`, by the day that the row was served on.

A label names its row by `request_id`, `row` and `event_time`, and carries its version and source. Labels are only ever
added: the same ones again change nothing, and one that contradicts an earlier one of its version is not added.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, UTC
import io

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.contracts.parquet_folder import contract_metadata, shard_metadata
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_bytes
from components.shared.serving_log.contract_columns import TIME
from components.shared.serving_log.parts import folder_times, put_file
from components.shared.serving_log.time_window import TimeWindow
from components.shared.tables.parquet_file import parquet_file

CONTRACT, FORMAT_VERSION = "serving_labels", 1
LABELS_FOLDER = "_labels"
_DAY_US = 24 * 3600 * 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class AddedLabels:
    """Which labels were added: the new ones, those that were there, and those that contradict one that was there.

    Attributes
    ----------
    is_new, is_contradiction
        Shape (M,), bool, of the labels that were given.
    """

    is_new: np.ndarray
    is_contradiction: np.ndarray


def label_schema(kind: pa.DataType) -> pa.Schema:
    """Columns of labels of a type: string, or float64 for numbers."""
    return pa.schema(
        {
            "request_id": pa.string(),
            "row": pa.int32(),
            "event_time": TIME,
            "label": kind,
            "label_version": pa.int32(),
            "label_source": pa.string(),
        }
    )


def add_labels(log: str, labels: pa.Table) -> AddedLabels:
    """Add labels to a log.

    Parameters
    ----------
    log
        The log's folder: a local path or an fsspec URI.
    labels
        M labels, in the columns of `label_schema`, at most one a row and version.

    Raises
    ------
    ContractError
        If the labels that are there are of another type or damaged.
    """
    found = AddedLabels(is_new=np.ones(len(labels), bool), is_contradiction=np.zeros(len(labels), bool))
    if not len(labels):
        return found
    span = pc.min_max(labels.column("event_time")).as_py()
    window = TimeWindow(start=span["min"], end=span["max"] + timedelta(microseconds=1))
    known = {_key(row): row["label"] for row in read_labels(log, window).to_pylist()}
    for place, row in enumerate(labels.to_pylist()):
        if _key(row) in known:
            found.is_new[place] = False
            found.is_contradiction[place] = known[_key(row)] != row["label"]
    _write(log, labels.filter(pa.array(found.is_new)))
    return found


def read_labels(log: str, window: TimeWindow) -> pa.Table:
    """All labels of rows that were served in a window; without rows where there are none.

    Raises
    ------
    ContractError
        If a part is damaged or of another contract, or parts are of several types.
    """
    filesystem, root = fsspec.core.url_to_fs(log)
    folder = f"{root}/{LABELS_FOLDER}"
    names = filesystem.find(folder) if filesystem.isdir(folder) else []
    tables = []
    for name in sorted(names):
        span = folder_times(name)
        if not name.endswith(".parquet") or (span is not None and not window.overlaps(*span)):
            continue
        with filesystem.open(name, "rb") as file:
            try:
                parquet = parquet_file(file)
                contract_metadata(parquet.schema_arrow, contract=CONTRACT, newest_version=FORMAT_VERSION, where=name)
                tables.append(parquet.read().replace_schema_metadata())
            except (pa.ArrowException, OSError) as error:
                raise ContractError(f"{name} must be a Parquet file of labels, but is damaged: remove it") from error
    if not tables:
        return label_schema(pa.string()).empty_table()
    if len({table.schema.field("label").type for table in tables}) > 1:
        raise ContractError(f"the labels of {log} must all be classes or all be numbers, but are both")
    return _inside(pa.concat_tables(tables), window)


def _inside(labels: pa.Table, window: TimeWindow) -> pa.Table:
    times = labels.column("event_time")
    mask = pc.is_valid(times)
    if window.start is not None:
        mask = pc.and_(mask, pc.greater_equal(times, pa.scalar(window.start, TIME)))
    if window.end is not None:
        mask = pc.and_(mask, pc.less(times, pa.scalar(window.end, TIME)))
    return labels.filter(mask)


def _write(log: str, labels: pa.Table) -> None:
    filesystem, root = fsspec.core.url_to_fs(log)
    days = np.asarray(labels.column("event_time").cast(pa.int64())) // _DAY_US
    metadata = shard_metadata(CONTRACT, FORMAT_VERSION, {})
    for day in np.unique(days).tolist():
        buffer = io.BytesIO()
        part = labels.filter(pa.array(days == day)).replace_schema_metadata(metadata)
        pq.write_table(part, buffer, compression="zstd")
        date = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
        stem = fingerprint_bytes(buffer.getvalue())
        put_file(filesystem, f"{root}/{LABELS_FOLDER}/date={date}/part-{stem}.parquet", buffer.getvalue())


def _key(row: dict[str, object]) -> tuple[object, ...]:
    return (row["request_id"], row["row"], row["event_time"], row["label_version"])
