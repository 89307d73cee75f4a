"""The window of a serving log that is compared with a model's baseline, read as any other table is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from components.data_validation.tables.examined_types import as_examined, examined_type
from components.data_validation.tables.table_source import TablePart, TableSource
from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.time_window import parse_window, shown_time


class MonitoringWindow(TableSource):
    """Rows of a serving log, opened for a window; see `TableSource`.

    `revision` keeps what this revision of the model answered, None what all did. `revisions` are the window's rows by
    revision, the one that answered most first.
    """

    info: ExampleTableInfo

    def __init__(self, log: ServingLog, *, revision: str | None = None) -> None:
        roles = {name: role for name, role in log.info.column_roles.items() if name in log.schema.names}
        super().__init__(log.path, info=replace(log.info, column_roles=roles))
        self._log = log
        self._revision = revision
        counts = log.revisions()
        self.revisions: Mapping[str, int] = (
            counts if revision is None else {name: count for name, count in counts.items() if name == revision}
        )

    @property
    def schema(self) -> pa.Schema:
        """Columns of the log in the types in which they are examined; payloads and lists keep their own."""
        return pa.schema([(field.name, examined_type(field.type) or field.type) for field in self._log.schema])

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return sum(self.revisions.values())

    @property
    def remarks(self) -> tuple[str, ...]:
        """What differs between the log's parts, and which revisions answered where several did."""
        several = len(self.revisions) > 1
        revisions = (f"several revisions answered in the window: {counted(self.revisions)}",) if several else ()
        return (*self._log.remarks, *revisions)

    def parts(self, num_parts: int) -> list[TablePart]:
        """One part: a log has many small files, and they are read in the order of their first event."""
        return [TablePart(num_rows=self.num_rows)]

    def _batches(self, columns: Sequence[str], part: TablePart | None, batch_rows: int) -> Iterator[pa.RecordBatch]:
        schema = pa.schema([self.schema.field(name) for name in columns])
        for batch in self._log.iter_batches(columns, revision=self._revision, batch_rows=batch_rows):
            arrays = [
                values if examined_type(field.type) is None else as_examined(values, field.type)
                for values, field in zip(batch.columns, schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def open_window(serving_log_uri: str, start: str, end: str, revision: str | None = None) -> MonitoringWindow:
    """Open the rows of a serving log, a local folder or an fsspec URI, in a window as `parse_window` reads it.

    At least one row is found. FileNotFoundError: no log. ContractError: damaged, or another contract or version.
    ValueError: a time is none, or the window holds no requests, and the message says what the log covers.
    """
    window = parse_window(start, end)
    log = ServingLog(serving_log_uri, window=window)
    opened = MonitoringWindow(log, revision=revision)
    if not opened.num_rows:
        where = f"the window {window} of {log.path}"
        others = log.revisions()
        if others:
            raise ValueError(f"{where} must hold requests to the revision {revision!r}, but holds {counted(others)}")
        raise ValueError(f"{where} must hold requests, but holds none; {_covered(ServingLog(log.path))}")
    return opened


def counted(revisions: Mapping[str, int]) -> str:
    """Revisions with their rows, in words."""
    return ", ".join(f"{count:,} of {name!r}" for name, count in revisions.items())


def _covered(log: ServingLog) -> str:
    times = log.times
    return "the log has no rows" if times is None else f"the log covers {' to '.join(map(shown_time, times))}"
