"""Late labels as people bring them: a CSV or Parquet file with a key, a label, and what else they know.

Columns: `label`; a key, which is `request_id`, with `row` where a request has several, or the identifier that the
problem file declares; `time` (ISO 8601) for an identifier that is served again and again; `label_version` and
`label_source` where they differ from row to row.
"""

from dataclasses import dataclass
from datetime import datetime, UTC

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from components.shared.contracts.example_table import LABEL_SOURCES
from components.shared.runtime.errors import ContractError
from components.shared.serving_log.label_join import LateLabels, NO_TIME
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.sources import readable_store_errors

REQUEST_ID, ROW, LABEL, TIME = "request_id", "row", "label", "time"
_VERSION, _SOURCE = "label_version", "label_source"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelFile:
    """Labels with their key's column, and the source of each, shape (L,)."""

    key_column: str
    labels: LateLabels
    sources: pa.Array


def read_label_file(
    source: str, id_columns: tuple[str, ...], *, is_number: bool, version: int = 1, label_source: str = "person"
) -> LabelFile:
    """Read late labels.

    Parameters
    ----------
    source
        CSV (UTF-8, with a header) or Parquet, at a path or an fsspec URI.
    id_columns
        Identifiers that the log has beside the request's.
    is_number
        Whether labels are numbers.
    version, label_source
        Of labels whose row does not say them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ContractError
        If it lacks a column, or a value cannot be read; the message names the row.
    """
    table = _table(source)
    keys = [name for name in (REQUEST_ID, *id_columns) if name in table.schema.names]
    if not keys or LABEL not in table.schema.names:
        wanted = " or ".join((REQUEST_ID, *id_columns))
        raise ContractError(
            f"{source} must have the columns {LABEL} and {wanted}, it has {', '.join(table.schema.names)}"
        )
    key = keys[0]
    columns = {name: table.column(name).combine_chunks() for name in table.schema.names}
    labels = columns[LABEL].cast(pa.string()) if not is_number else _numbers(columns[LABEL], LABEL, source)
    sources = (
        columns[_SOURCE].cast(pa.string()) if _SOURCE in columns else pa.repeat(pa.scalar(label_source), len(table))
    )
    for found in pc.fill_null(sources, label_source).unique().to_pylist():
        if found not in LABEL_SOURCES:
            raise ContractError(f"{_SOURCE} of {source} must be one of {', '.join(LABEL_SOURCES)}, got {found!r}")
    late = LateLabels(
        keys=columns[key].cast(pa.string()),
        rows=_whole(columns, ROW, source, otherwise=-1, num_rows=len(table)) if key == REQUEST_ID else None,
        times_us=None if key == REQUEST_ID else _times_us(columns.get(TIME), source, num_rows=len(table)),
        labels=labels if is_number else _without_empty(labels),
        versions=_whole(columns, _VERSION, source, otherwise=version, num_rows=len(table)),
    )
    return LabelFile(key_column=key, labels=late, sources=pc.fill_null(sources, label_source))


def _table(source: str) -> pa.Table:
    with readable_store_errors(f"the labels {source} must be a file that can be read"):
        filesystem, place = fsspec.core.url_to_fs(source)
        if not filesystem.isfile(place):
            raise FileNotFoundError(f"labels must be a CSV or Parquet file, but there is none at {source}")
        file = filesystem.open(place, "rb")
    with file:
        try:
            if place.endswith(".parquet"):
                return parquet_file(file).read()
            header = file.readline().decode("utf-8-sig").strip()
            names = [name.strip().strip('"') for name in header.split(",")]
            file.seek(0)
            types = pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            )
            return pa_csv.read_csv(file, convert_options=types)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            words = " ".join(str(error).split())
            raise ContractError(f"the labels {source} must be a CSV in UTF-8 or a Parquet file: {words}") from error


def _without_empty(labels: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(labels)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _numbers(values: pa.Array, name: str, source: str) -> pa.Array:
    try:
        return values.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ContractError(f"{name} of {source} must be numbers: {' '.join(str(error).split())}") from error


def _whole(columns: dict[str, pa.Array], name: str, source: str, *, otherwise: int, num_rows: int) -> np.ndarray:
    if name not in columns:
        return np.full(num_rows, otherwise, dtype=np.int64)
    found = pc.fill_null(_numbers(columns[name], name, source), otherwise).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero((found != np.floor(found)) | (found < min(otherwise, 0)))
    if len(wrong):
        raise ContractError(f"{name} of {source} must be whole numbers, row {wrong[0] + 1} has {found[wrong[0]]:g}")
    return found.astype(np.int64)


def _times_us(values: pa.Array | None, source: str, *, num_rows: int) -> np.ndarray:
    if values is None:
        return np.full(num_rows, NO_TIME, dtype=np.int64)
    if pa.types.is_timestamp(values.type):
        moments = values.cast(pa.timestamp("us", values.type.tz)).cast(pa.int64())
        return pc.fill_null(moments, NO_TIME).to_numpy(zero_copy_only=False)
    return np.array(
        [_time_us(text, row, source) for row, text in enumerate(values.to_pylist(), start=1)], dtype=np.int64
    )


def _time_us(text: str | None, row: int, source: str) -> int:
    if text is None or not str(text).strip():
        return int(NO_TIME)
    try:
        moment = datetime.fromisoformat(str(text).strip())
    except ValueError as error:
        raise ContractError(f"{TIME} of {source} must be in ISO 8601, row {row} has {str(text)[:40]!r}") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return delta.days * 86_400_000_000 + delta.seconds * 1_000_000 + delta.microseconds
