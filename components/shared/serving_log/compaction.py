"""From segments to parts of the log: a segment's rows become Parquet, and only then the segment goes.

A process that is killed in between leaves both; the next one writes the same parts once more, under the same names.
"""

from collections.abc import Iterable, Mapping, Sequence
import json
import logging
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa

from components.shared.contracts.example_table import ExampleTableInfo, read_roles, Task
from components.shared.contracts.problem import Modality
from components.shared.serving_log.column_union import as_schema, united_type
from components.shared.serving_log.log_writer import write_hours
from components.shared.serving_log.removal import Deletion, deletions_of
from components.shared.serving_log.segments import read_frames

logger = logging.getLogger(__name__)

_INFO, _NOTES = b"info", b"notes"


def frame_of(rows: pa.RecordBatch, info: ExampleTableInfo, notes: Mapping[str, Any]) -> memoryview:
    """A frame of a segment: rows with their roles, and JSON values that its writer wants to find again."""
    described = {
        "modality": info.modality,
        "task": info.task,
        "column_roles": {name: list(info.roles_of(name)) for name in info.column_roles},
    }
    metadata = {_INFO: json.dumps(described).encode(), _NOTES: json.dumps(notes).encode()}
    sink = pa.BufferOutputStream()
    schema = rows.schema.with_metadata(metadata)
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_batch(pa.RecordBatch.from_arrays(rows.columns, schema=schema))
    return memoryview(sink.getvalue())


def opened_frame(frame: bytes) -> tuple[pa.RecordBatch, ExampleTableInfo, dict[str, Any]]:
    """Rows, their modality, task and roles, and notes of a frame."""
    with pa.ipc.open_stream(frame) as stream:
        metadata = stream.schema.metadata
        batch = stream.read_next_batch()
    described = json.loads(metadata[_INFO])
    info = ExampleTableInfo(
        modality=described["modality"],
        class_names=(),
        column_roles=read_roles(described["column_roles"]),
        task=described["task"],
    )
    return batch.replace_schema_metadata(), info, dict(json.loads(metadata[_NOTES]))


def recovered_counts(segments: Sequence[Path]) -> dict[str, int]:
    """What the notes of the last frame of some segments say; empty without a frame."""
    for segment in reversed(segments):
        frames = list(read_frames(segment))
        if frames:
            return opened_frame(frames[-1])[2]
    return {}


class Compactor:
    """Writes the rows of segments into a log.

    Parameters
    ----------
    log
        The log's folder: a local path or an fsspec URI.
    """

    def __init__(self, log: str) -> None:
        self._filesystem, self._root = fsspec.core.url_to_fs(log)

    def compact(self, segment: Path) -> list[str]:
        """Write a segment's rows into the log, and remove it; returns the paths of the parts.

        Raises
        ------
        OSError
            If the log cannot be written; the segment stays.
        """
        opened = [opened_frame(frame) for frame in read_frames(segment)]
        written = self.write([(rows, info) for rows, info, _ in opened], stem=segment.stem)
        segment.unlink()
        return written

    def write(self, batches: Iterable[tuple[pa.RecordBatch, ExampleTableInfo]], *, stem: str) -> list[str]:
        """Write batches of rows as parts of the log, called by `stem`; returns their paths."""
        groups = [(info, _joined(together)) for info, together in _groups(batches)]
        asked: dict[str, Deletion] | None = None
        written: list[str] = []
        # Who asks while the parts are written has not seen them: they are written once more.
        while (now := deletions_of(self._filesystem, self._root)) != asked:
            asked = now
            for name in written:
                self._filesystem.rm_file(name)
            written = []
            for number, (info, rows) in enumerate(groups):
                for deletion in asked.values():
                    rows = deletion.kept(rows)
                name = f"{stem}-{number}" if number else stem
                written += write_hours(self._filesystem, self._root, rows, info, stem=name)
        return written


def _groups(
    batches: Iterable[tuple[pa.RecordBatch, ExampleTableInfo]],
) -> list[tuple[ExampleTableInfo, list[pa.RecordBatch]]]:
    """Batches that go into one part: of one modality and task, with the roles of all their columns."""
    merged: dict[tuple[Modality, Task], tuple[dict[str, Any], list[pa.RecordBatch]]] = {}
    for rows, info in batches:
        roles, together = merged.setdefault((info.modality, info.task), ({}, []))
        roles.update(info.column_roles)
        together.append(rows)
    return [
        (ExampleTableInfo(modality=modality, class_names=(), column_roles=roles, task=task), together)
        for (modality, task), (roles, together) in merged.items()
    ]


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """Batches as one table, with all their columns, each in a type that holds it everywhere."""
    types: dict[str, pa.DataType] = {}
    for batch in batches:
        for field in batch.schema:
            known = types.get(field.name, field.type)
            types[field.name] = united_type(known, field.type) or pa.string()
    schema = pa.schema(list(types.items()))
    return pa.Table.from_batches([as_schema(batch, schema) for batch in batches])
