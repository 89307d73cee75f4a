"""Tables to the example table: check, index, split, store; in a stream, whatever their length."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.data_ingestion.class_names import class_warnings, counts_by_split, ordered_class_names
from components.data_ingestion.ingestion_facts import IngestionFacts, LABELLED, Quarantined, split_numbers
from components.data_ingestion.splits import assign_splits, expected_splits, NOT_PINNED, open_fractions
from components.data_ingestion.tables.column_plan import column_plan, ColumnPlan
from components.data_ingestion.tables.label_task import with_task
from components.data_ingestion.tables.row_index import num_repeated, numbered_rows, repeated_keys, RowIndex, UNLABELLED
from components.data_ingestion.tables.rows import prepared_rows, PreparedRows
from components.data_ingestion.tables.scan import ScannedTable
from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.problem import Problem, SPLIT_NAMES
from components.shared.runtime.fingerprints import fingerprint_bytes
from components.shared.runtime.progress import progress
from components.shared.tables.column_types import widest_types
from components.shared.tables.text_measures import TEXT_MEASURES, text_measures

_LISTED_ROWS = 1000


@dataclass(kw_only=True, slots=True)
class _Rows:
    """What the first pass over the rows gathers."""

    index: RowIndex = field(default_factory=RowIndex)
    quarantined: list[Quarantined] = field(default_factory=list)
    num_quarantined: int = 0
    num_left_out: int = 0


def ingest_tables(tables: Sequence[ScannedTable], *, problem: Problem, examples_path: Path) -> IngestionFacts:
    """Write the example table of one table file, or of one and its test file; the first decides the columns.

    Refuses columns that do not fit the problem file, repeated identifiers, and fewer than two classes with usable rows.
    """
    source = tables[0].file.uri
    plan = _plan(tables, problem)
    rows = _indexed(tables, plan, problem)
    _check_usable(rows, plan, source)
    index = rows.index
    class_names = _class_names(index, plan, problem, source)
    predefined = tuple(SPLIT_NAMES[table.pinned] for table in tables if table.pinned != NOT_PINNED)
    class_of_code = np.array([class_names.index(label) for label in index.labels] + [UNLABELLED])
    classes = index.column("label") if plan.is_regression else class_of_code[index.column("label")]
    splits = _splits(index, classes, problem, predefined)
    columns, roles = _output_columns(plan)
    info = ExampleTableInfo(
        modality=plan.modality,
        class_names=class_names,
        column_roles=roles,
        label_version=problem.label.version,
        task="regression" if plan.is_regression else "classification",
    )
    with ExampleTableWriter(examples_path, info, extra_columns=columns) as writer:
        for batch in _batches(tables, plan, problem, index, splits):
            writer.write(batch)
    return IngestionFacts(
        modality=plan.modality,
        class_names=class_names,
        counts=counts_by_split(classes, splits, (LABELLED,) if plan.is_regression else class_names),
        expected_splits=expected_splits(problem.split, predefined),
        num_seen=len(splits) + rows.num_quarantined,
        num_quarantined=rows.num_quarantined,
        quarantined=tuple(rows.quarantined),
        left_out={"a label that is not among the problem file's classes": rows.num_left_out},
        num_duplicate_rows=num_repeated(index.column("content")),
        inferred=tuple(sentence for table in tables for sentence in table.file.inferred) + plan.inferred,
        warnings=tuple(class_warnings(index.label_counts, problem.label.classes) + _warnings(index, splits, plan)),
        columns={column: (str(roles[column]), str(kind)) for column, kind in columns.items()},
        is_regression=plan.is_regression,
        numbers={} if plan.label in problem.pii else split_numbers(index.column("number"), splits),
    )


def _class_names(index: RowIndex, plan: ColumnPlan, problem: Problem, source: str) -> tuple[str, ...]:
    """The classes; none where the label is a number, of which there must be two different ones."""
    if not plan.is_regression:
        return ordered_class_names(index.label_counts, problem.label.classes, source=source)
    numbers = index.column("number")
    if (num_different := len(np.unique(numbers[~np.isnan(numbers)]))) < 2:
        raise ValueError(
            f"the labels of {source} must be numbers that differ, but {num_different} different ones occur"
        )
    return ()


def _plan(tables: Sequence[ScannedTable], problem: Problem) -> ColumnPlan:
    types = widest_types([table.types for table in tables])
    first = tables[0]
    plan = column_plan({name: types[name] for name in first.types}, problem, source=first.file.uri)
    for table in tables[1:]:
        missing = [name for name in plan.needed if name not in table.types]
        if missing:
            raise ValueError(
                f"{table.file.uri} must have the column {missing[0]!r} as {first.file.name} has, "
                f"but it has {', '.join(table.types)}"
            )
    return with_task(plan, tables, problem)


def _indexed(tables: Sequence[ScannedTable], plan: ColumnPlan, problem: Problem) -> _Rows:
    rows = _Rows()
    for table in tables:
        rows.quarantined += table.quarantined()[: _LISTED_ROWS - len(rows.quarantined)]
        rows.num_quarantined += table.num_ragged
        num_before = 0
        for batch in progress(table.file.iter_batches(), label=f"reading {table.file.name}", unit="block"):
            prepared = prepared_rows(batch, plan)
            for row, reason in enumerate(prepared.reasons):
                if reason is not None:
                    rows.num_quarantined += 1
                    if len(rows.quarantined) < _LISTED_ROWS:
                        rows.quarantined.append(Quarantined(name=table.row_name(num_before + row), reason=reason))
            usable = _usable(prepared, problem)
            rows.num_left_out += prepared.reasons.count(None) - len(usable)
            rows.index.add(prepared, usable, pinned=table.pinned)
            num_before += batch.num_rows
    return rows


def _usable(prepared: PreparedRows, problem: Problem) -> list[int]:
    """Rows that become examples: nothing is wrong with them, and their label is wanted."""
    usable = [row for row, reason in enumerate(prepared.reasons) if reason is None]
    if not problem.label.classes:
        return usable
    wanted = {None, *problem.label.classes}
    labels = prepared.labels.to_pylist()
    return [row for row in usable if labels[row] in wanted]


def _check_usable(rows: _Rows, plan: ColumnPlan, source: str) -> None:
    num_rows = len(rows.index.column("content"))
    if not num_rows and rows.quarantined:
        first = rows.quarantined[0]
        raise ValueError(
            f"{source} must hold rows that can be used, but none of {rows.num_quarantined} can: {first.name}: "
            f"{first.reason}"
        )
    if not num_rows:
        raise ValueError(f"{source} must hold rows below its header, but holds none that is wanted")
    if plan.id is not None and (num_same := num_repeated(rows.index.column("id"))):
        raise ValueError(
            f"the id column {plan.id!r} of {source} must be unique, but {num_same} of {num_rows} rows repeat an "
            "earlier one's"
        )


def _splits(index: RowIndex, classes: np.ndarray, problem: Problem, predefined: Sequence[str]) -> np.ndarray:
    return assign_splits(
        index.column("position"),
        classes=classes,
        clusters=index.clusters(grouped=problem.group is not None),
        pinned=index.column("pinned"),
        fractions=open_fractions(problem.split, predefined),
    )


def _output_columns(plan: ColumnPlan) -> tuple[dict[str, pa.DataType], dict[str, ColumnRole]]:
    columns = {column.name: column.kind for column in plan.outputs}
    roles = {column.name: column.role for column in plan.outputs}
    if plan.text is not None:
        columns.update(TEXT_MEASURES)
        roles.update(dict.fromkeys(TEXT_MEASURES, "derived"))
    return columns, roles


def _batches(
    tables: Sequence[ScannedTable], plan: ColumnPlan, problem: Problem, index: RowIndex, splits: np.ndarray
) -> Iterator[pa.RecordBatch]:
    repeated = repeated_keys(index.column("row"))
    seen: Counter[str] = Counter()
    start = 0
    for table in tables:
        for batch in progress(table.file.iter_batches(), label=f"storing {table.file.name}", unit="block"):
            prepared = prepared_rows(batch, plan)
            usable = _usable(prepared, problem)
            names = [SPLIT_NAMES[split] for split in splits[start : start + len(usable)].tolist()]
            start += len(usable)
            ids = _example_ids(prepared, usable, plan, problem) or list(
                numbered_rows([prepared.rows[row] for row in usable], repeated, seen)
            )
            if usable:
                yield _batch(prepared, usable, ids, names)


def _example_ids(prepared: PreparedRows, usable: Sequence[int], plan: ColumnPlan, problem: Problem) -> list[str]:
    """The table's own identifiers, as fingerprints where they are personal; empty where there are none."""
    if prepared.ids is None:
        return []
    ids = prepared.ids.take(pa.array(usable, pa.int64())).to_pylist()
    return [fingerprint_bytes(value.encode()) for value in ids] if plan.id in problem.pii else ids


def _batch(prepared: PreparedRows, usable: Sequence[int], ids: Sequence[str], splits: Sequence[str]) -> pa.RecordBatch:
    rows = pa.array(usable, pa.int64())
    arrays = {
        "example_id": pa.array(ids, pa.string()),
        "split": pa.array(splits, pa.string()),
        "label": prepared.labels.take(rows),
        **{name: column.take(rows) for name, column in prepared.columns.items()},
    }
    if prepared.text is not None:
        texts = prepared.text.take(rows)
        arrays = {**arrays, "text": texts, **text_measures(texts)}
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))


def _warnings(index: RowIndex, splits: np.ndarray, plan: ColumnPlan) -> list[str]:
    warnings = []
    if num_unlabelled := int((index.column("label") == UNLABELLED).sum()):
        warnings.append(f"{num_unlabelled} rows have no label")
    pinned = index.column("pinned")
    if num_moved := int(((pinned != NOT_PINNED) & (pinned != splits)).sum()):
        warnings.append(f"{num_moved} rows of the test file also occur among the others: they are not tested on")
    if plan.modality == "text" and (num_contradictory := index.num_contradictory()):
        warnings.append(f"{num_contradictory} texts occur under more than one label")
    return warnings
