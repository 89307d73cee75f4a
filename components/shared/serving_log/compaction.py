"""From segments to parts of the log: a segment's rows become Parquet, and only then the segment goes.

A process that is killed in between leaves both; the next one writes the same parts once more, under the same names.
"""

from collections.abc import Sequence
import json
import logging
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa

from components.shared.contracts.example_table import ExampleTableInfo, read_roles
from components.shared.serving_log.column_union import as_schema, united_type
from components.shared.serving_log.log_writer import write_hours
from components.shared.serving_log.segments import read_frames

logger = logging.getLogger(__name__)

_INFO, _COUNTS = b"info", b"counts"


def frame_of(rows: pa.RecordBatch, info: ExampleTableInfo, counts: dict[str, int]) -> memoryview:
    """A frame of a segment: rows with their roles, and what the counters are once it is stored."""
    described = {
        "modality": info.modality,
        "task": info.task,
        "column_roles": {name: list(info.roles_of(name)) for name in info.column_roles},
    }
    metadata = {_INFO: json.dumps(described).encode(), _COUNTS: json.dumps(counts).encode()}
    sink = pa.BufferOutputStream()
    schema = rows.schema.with_metadata(metadata)
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_batch(pa.RecordBatch.from_arrays(rows.columns, schema=schema))
    return memoryview(sink.getvalue())


def recovered_counts(segments: Sequence[Path]) -> dict[str, int]:
    """What the counters were when the last frame of some segments was stored; empty without a frame."""
    for segment in reversed(segments):
        frames = list(read_frames(segment))
        if frames:
            return dict(json.loads(_opened(frames[-1]).schema.metadata[_COUNTS]))
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
        found: dict[str, list[pa.RecordBatch]] = {}
        for frame in read_frames(segment):
            with _opened(frame) as stream:
                found.setdefault(stream.schema.metadata[_INFO].decode(), []).extend(stream)
        written = []
        for number, (info, batches) in enumerate(_groups(found)):
            stem = f"{segment.stem}-{number}" if number else segment.stem
            written += write_hours(self._filesystem, self._root, _joined(batches), info, stem=stem)
        segment.unlink()
        return written


def _groups(found: dict[str, list[pa.RecordBatch]]) -> list[tuple[ExampleTableInfo, list[pa.RecordBatch]]]:
    """Batches that go into one part: of one modality and task, with the roles of all their columns."""
    merged: dict[tuple[str, str], tuple[dict[str, Any], list[pa.RecordBatch]]] = {}
    for text, batches in found.items():
        described = json.loads(text)
        kind = (described["modality"], described["task"])
        roles, together = merged.setdefault(kind, ({}, []))
        roles.update(described["column_roles"])
        together += batches
    return [
        (
            ExampleTableInfo(modality=modality, class_names=(), column_roles=read_roles(roles), task=task),  # type: ignore[arg-type]
            batches,
        )
        for (modality, task), (roles, batches) in merged.items()
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


def _opened(frame: bytes) -> pa.RecordBatchStreamReader:
    return pa.ipc.open_stream(frame)
