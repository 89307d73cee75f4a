"""From the serving log to data, as a job: a window of the log and an example table in, a pool and a new version out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
import tempfile
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.data_ingestion.pool import write_pool
from components.data_ingestion.served.served_examples import (
    check_payloads,
    pool_columns,
    SERVED_COLUMNS,
    ServedExamples,
)
from components.shared.contracts.example_table import ColumnRole, ExampleTable
from components.shared.contracts.label_versions.folder import version_folder
from components.shared.contracts.label_versions.merging import merge_updates
from components.shared.contracts.label_versions.updates import LabelUpdate
from components.shared.contracts.label_versions.writing import copy_table
from components.shared.runtime.atomic_files import atomic_folder, write_json
from components.shared.serving_log.log import ServingLog
from components.shared.serving_log.served_labels import read_labels
from components.shared.serving_log.time_window import parse_window, TimeWindow
from components.shared.tables.personal_columns import kept_columns

_PROVENANCE: tuple[ColumnRole, ...] = ("provenance",)


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectionOutputs:
    """Where a collection writes.

    Attributes
    ----------
    examples
        Folder of the new version of the example table; a copy where nothing is labelled.
    pool
        Folder of the examples without a label.
    metrics
        JSON file for the result's numbers; None writes none.
    """

    examples: str | Path
    pool: str | Path
    metrics: str | Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectionResult:
    """What a collection found.

    Attributes
    ----------
    num_served
        Rows of the window.
    num_without_payload
        Rows whose payload was not kept, or cannot be read.
    num_known, num_repeated
        Rows whose content the table has already; rows whose content an earlier row of the window has.
    num_pool, num_labelled
        Examples without a label, in the pool; labelled ones, in the new version of the table.
    num_unusable_labels
        Labels of the window that changed nothing: of rows that are no examples, of another version, by others than
        people, refused by the table, or at odds with another label of the same content.
    """

    num_served: int
    num_without_payload: int
    num_known: int
    num_repeated: int
    num_pool: int
    num_labelled: int
    num_unusable_labels: int

    @property
    def numbers(self) -> dict[str, int]:
        """The counts, for metrics."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def collect_examples(
    *, serving_log: str, examples: str | Path, outputs: CollectionOutputs, window_start: str = "", window_end: str = ""
) -> CollectionResult:
    """Turn a window of a serving log into a pool, and into a new version of the example table where it has labels.

    Parameters
    ----------
    serving_log
        The log's folder: a local path or an fsspec URI; its labels lie beside it.
    examples
        The example table whose model was served: its columns, classes and splits hold.
    outputs
        Where the pool and the new version go.
    window_start, window_end
        The window; see `parse_window`.

    Raises
    ------
    FileNotFoundError
        If there is no log or no table.
    ContractError
        If the log keeps no payloads, or does not fit the table, or either is damaged.
    ValueError
        If a time is none.
    """
    window = parse_window(window_start, window_end)
    log, table = ServingLog(serving_log, window=window), ExampleTable(examples)
    check_payloads(log, table)
    found = ServedExamples(log=log, table=table)
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), table, found.batches())
        served = ExampleTable(folder)
        updates, num_unusable = _updates(read_labels(serving_log, window), found)
        with version_folder(outputs.examples, table) as part:
            joined = _merge(updates, found, served, part, window)
        with atomic_folder(outputs.pool) as part:
            num_pool = _write(part, table, _without(served, joined))
    result = CollectionResult(
        num_served=found.num_served,
        num_without_payload=found.num_without_payload,
        num_known=found.num_known,
        num_repeated=found.num_repeated,
        num_pool=num_pool,
        num_labelled=len(joined),
        num_unusable_labels=num_unusable + len(updates) - len(joined),
    )
    if outputs.metrics is not None:
        write_json(outputs.metrics, result.numbers)
    return result


def _write(path: Path, table: ExampleTable, batches: Iterable[pa.RecordBatch]) -> int:
    """Write a pool of the table's columns."""
    roles = {**table.info.column_roles, **dict.fromkeys(SERVED_COLUMNS, _PROVENANCE)}
    info = replace(table.info, column_roles=roles, lineage=())
    return write_pool(path, info, batches, extra_columns=pool_columns(table), kept=kept_columns(table.schema))


def _updates(labels: pa.Table, found: ServedExamples) -> tuple[list[LabelUpdate], int]:
    """What people say of examples, one label each, and how many labels say nothing that can be used."""
    told: dict[str, list[Any]] = {}
    num_used = 0
    for row in labels.to_pylist():
        name = found.ids.get((row["request_id"], row["row"], row["event_time"]))
        if name is None or row["label_version"] != found.table.info.label_version or row["label_source"] != "person":
            continue
        told.setdefault(name, []).append(row["label"])
    updates = []
    for name, given in told.items():
        if len(set(given)) == 1:
            updates.append(LabelUpdate(example_id=name, label=given[0], is_random=name not in found.not_random))
            num_used += len(given)
    return updates, len(labels) - num_used


def _merge(
    updates: Sequence[LabelUpdate], found: ServedExamples, served: ExampleTable, path: Path, window: TimeWindow
) -> frozenset[str]:
    """Write the new version; returns the examples that joined it."""
    if not updates:
        copy_table(found.table, path)
        return frozenset()
    lineage = {"window": str(window), "released": dict(found.revisions), "served_weight": found.weight}
    merged = merge_updates(found.table, updates, path, pool=served, served=lineage)
    refused = {refusal.update.example_id for refusal in merged.refused}
    return frozenset(update.example_id for update in updates) - refused


def _without(served: ExampleTable, ids: frozenset[str]) -> Iterator[pa.RecordBatch]:
    joined = pa.array(sorted(ids), pa.string())
    for batch in served.iter_batches():
        yield batch.filter(pc.invert(pc.is_in(batch.column("example_id"), value_set=joined)))
