"""The serving log: what a model was asked and what it answered, as monitoring reads it.

A folder of Parquet parts, local or at an fsspec URI: `date=2026-05-01/hour=06/part-....parquet`, as servers, the
collector and `ServingLogWriter` write them, days alone (`date=2026-05-01/...`), or flat. One row an instance of a
request. Columns:

- every log has `request_id`, `event_time` (microseconds, UTC), `model_name`, `model_revision`, and `predicted` (a
  class name, or a number for regression; null where the answer was not seen);
- since version 3 a log has `row`, the row's number within its request from 0, and may have `sampling_weight` (how many
  served rows it stands for), `payload_weight` (the same of a kept payload; null where it was not kept) and
  `payload_draw` (why it was kept: `all`, `random`, `uncertain`, `drifted`), `embedding`, and `event_id` (of the
  CloudEvent that brought it);
- a log may have `probabilities` (in the order of the model's classes) and the payload, `image` (encoded bytes) or
  `text`, as far as the privacy setting allows;
- all others are inputs and features as the model's example table has them, under its names and after the repairs that
  the model's bundle carries, derived columns first of all, and the context that clients sent beside them. What clients
  sent before the repairs has no role here. A column of the data that is called as one of these is `data.NAME`.

Columns of personal data hold keyed hashes, the same as in the example table. Identifiers and groups that tell who
somebody is are hashed too, and other texts masked, except the payload and features.

Contract, version, modality, task and the role of every column are in the metadata of every part. A part never changes
once it is there; a deployment may bring new columns.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import fsspec
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.runtime.cores import available_cores
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.column_union import as_schema, differences, plain, united_info, united_schema
from components.shared.serving_log.contract_columns import TIME
from components.shared.serving_log.parts import LogPart, newest_part, open_part, part_names
from components.shared.serving_log.time_window import TimeWindow
from components.shared.tables.sources import readable_store_errors


class ServingLog:
    """Reads a serving log, or a window of it, as a stream.

    Parameters
    ----------
    path
        The log's folder: a local path or an fsspec URI.
    window
        What is read of it; None reads all. Folders of other days and hours are not even listed.

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
            is_there = filesystem.isdir(root)
            inside = part_names(filesystem, root, self._window) if is_there else []
            newest = newest_part(filesystem, root) if is_there and not inside else None
        if not inside and newest is None:
            raise FileNotFoundError(
                f"a serving log must be a folder with Parquet parts, but {self.path} holds none: a server brings in "
                "what it answered within a minute, or when it ends"
            )
        with ThreadPoolExecutor(available_cores()) as pool:
            opened = list(pool.map(lambda name: open_part(filesystem, name), inside or [newest]))
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
