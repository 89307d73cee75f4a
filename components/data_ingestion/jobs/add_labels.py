"""Late labels as a job: a file of labels and a serving log in, labels beside the log and a list of problems out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_ingestion.served.label_file import LabelFile, read_label_file, REQUEST_ID
from components.shared.runtime.atomic_files import write_text
from components.shared.runtime.redaction import masked_personal
from components.shared.serving_log.label_join import (
    join_labels,
    LabelJoin,
    NOT_JOINED,
    SENTENCES,
    ServedKeys,
    wanted_mask,
)
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.served_labels import add_labels, label_schema
from components.shared.serving_log.time_window import parse_window
from components.shared.tables.spreadsheet_cells import guarded_csv

_CONTRADICTS = "a label of the same version, added before, says something else of this row"


@dataclass(frozen=True, kw_only=True, slots=True)
class AddedLabelCounts:
    """What became of a file's labels.

    Attributes
    ----------
    num_labels, num_joined, num_new, num_repeated
        Labels of the file; those that found their row; those that were not there yet; those that another row of the
        file says too.
    problems
        How many have no row, by kind.
    """

    num_labels: int
    num_joined: int
    num_new: int
    num_repeated: int
    problems: Mapping[str, int]


def add_late_labels(
    labels: str,
    serving_log: str,
    problems_path: str | Path,
    *,
    window_start: str = "",
    window_end: str = "",
    label_version: int = 1,
    label_source: str = "person",
) -> AddedLabelCounts:
    """Join late labels to the rows that were served, and keep them beside the log.

    Parameters
    ----------
    labels
        A CSV or Parquet file; see `read_label_file`.
    serving_log
        The log's folder: a local path or an fsspec URI.
    problems_path
        CSV for the labels that found no row, each with its reason.
    window_start, window_end
        Where served rows are looked for; see `parse_window`.
    label_version, label_source
        Of labels whose row of the file does not say them.

    Raises
    ------
    FileNotFoundError
        If there is no log or no file of labels.
    ContractError
        If either cannot be used.
    ValueError
        If a time of the window is none.
    """
    log = ServingLog(serving_log, window=parse_window(window_start, window_end))
    ids = tuple(name for name in log.info.columns_of("id") if name != REQUEST_ID and name in log.schema.names)
    is_number = log.info.task == "regression"
    file = read_label_file(labels, ids, is_number=is_number, version=label_version, label_source=label_source)
    rows = _served_rows(log, file)
    join = join_labels(file.labels, _keys(rows, file.key_column))
    places = np.flatnonzero(join.served != NOT_JOINED)
    joined = _joined(rows, file, join, places, pa.float64() if is_number else pa.string())
    added = add_labels(serving_log, joined)
    reasons = {place: (kind, SENTENCES[kind]) for place, kind in join.problems.items()}
    reasons |= {int(place): ("conflict", _CONTRADICTS) for place in places[added.is_contradiction]}
    _write_problems(problems_path, file, reasons)
    return AddedLabelCounts(
        num_labels=len(file.labels.keys),
        num_joined=len(places) - int(added.is_contradiction.sum()),
        num_new=int(added.is_new.sum()),
        num_repeated=join.num_repeated,
        problems=dict(Counter(kind for kind, _ in reasons.values())),
    )


def _served_rows(log: ServingLog, file: LabelFile) -> pa.Table:
    """Served rows whose key a label has."""
    columns = [
        name for name in dict.fromkeys((REQUEST_ID, "row", "event_time", file.key_column)) if name in log.schema.names
    ]
    wanted = file.labels.keys.unique().drop_null()
    found = []
    for batch in log.iter_batches(columns):
        mask = wanted_mask(batch.column(columns.index(file.key_column)), wanted)
        found.append(batch.filter(pc.fill_null(mask, False)))
    table = pa.Table.from_batches(found, pa.schema([log.schema.field(name) for name in columns]))
    return table if "row" in columns else table.append_column("row", pa.nulls(len(table), pa.int32()))


def _keys(rows: pa.Table, key: str) -> ServedKeys:
    return ServedKeys(
        keys=rows.column(key).combine_chunks(),
        rows=pc.fill_null(rows.column("row"), -2).to_numpy().astype(np.int64),
        times_us=rows.column("event_time").cast(pa.int64()).to_numpy(),
    )


def _joined(rows: pa.Table, file: LabelFile, join: LabelJoin, places: np.ndarray, kind: pa.DataType) -> pa.Table:
    served = rows.take(pa.array(join.served[places]))
    at = pa.array(places)
    columns = [
        *(served.column(name) for name in (REQUEST_ID, "row", "event_time")),
        file.labels.labels.take(at),
        pa.array(file.labels.versions[places].astype(np.int32)),
        file.sources.take(at),
    ]
    return pa.table(columns, schema=label_schema(kind))


def _write_problems(path: str | Path, file: LabelFile, reasons: Mapping[int, tuple[str, str]]) -> None:
    rows = [
        (place + 1, masked_personal(file.labels.keys[place].as_py() or ""), *reasons[place])
        for place in sorted(reasons)
    ]
    write_text(path, guarded_csv(("file_row", file.key_column, "problem", "reason"), rows))
