"""Tables to the example table: check, index, split, store; in a stream, whatever their length."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.data_ingestion.class_names import (
    check_classes_are_shown,
    class_warnings,
    counts_by_split,
    ordered_class_names,
)
from components.data_ingestion.ingestion_facts import (
    IngestionFacts,
    LABELLED,
    LabelNumbers,
    Quarantined,
    split_numbers,
)
from components.data_ingestion.label_provenance import OLDER, RefusedRowError
from components.data_ingestion.splits.line import expected_splits, NOT_PINNED
from components.data_ingestion.splits.placement import ExamplesToSplit, known_places, place_examples, Placement
from components.data_ingestion.splits.time_order import LEFT_OUT
from components.data_ingestion.table_scan import ScannedTable
from components.data_ingestion.tables.column_plan import column_plan, ColumnPlan
from components.data_ingestion.tables.label_task import with_task
from components.data_ingestion.tables.row_index import num_repeated, numbered_rows, repeated_keys, RowIndex, UNLABELLED
from components.data_ingestion.tables.rows import prepared_rows, PreparedRows
from components.shared.contracts.example_table import ColumnRole, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.problem import Problem, SPLIT_NAMES
from components.shared.contracts.split_record import content_key, KnownSplits
from components.shared.runtime.progress import progress
from components.shared.tables.column_roles import resolve_roles
from components.shared.tables.column_types import widest_types
from components.shared.tables.missing_words import missing_words, missing_words_sentences
from components.shared.tables.personal_columns import hashed_texts
from components.shared.tables.personal_key import keyed_hashes
from components.shared.tables.repair_spec import check_payload
from components.shared.tables.repairs import FailedRepairs
from components.shared.tables.text_measures import TEXT_MEASURES, text_measures

_LISTED_ROWS = 1000
_OTHER_CLASS = "a label that is not among the problem file's classes"


@dataclass(kw_only=True, slots=True)
class _Rows:
    """What the first pass over the rows gathers."""

    index: RowIndex = field(default_factory=RowIndex)
    quarantined: list[Quarantined] = field(default_factory=list)
    num_quarantined: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    missing_words: dict[str, Counter[str]] = field(default_factory=dict)
    failed_repairs: list[str] = field(default_factory=list)


def ingest_tables(
    tables: Sequence[ScannedTable], *, problem: Problem, examples_path: Path, known: KnownSplits | None = None
) -> IngestionFacts:
    """Write the example table of one table file, or of one and its test file; the first decides the columns.

    What is `known` keeps its split. Refuses columns that do not fit the problem file, repeated identifiers, and fewer
    than two classes with usable rows.
    """
    source = tables[0].file.uri
    plan = _plan(tables, problem)
    rows = _indexed(tables, plan, problem)
    _check_usable(rows, plan, source)
    index = rows.index
    class_names = _class_names(index, plan, problem, source)
    if plan.label not in problem.pii_keep:
        check_classes_are_shown(class_names, source=source)
    predefined = tuple(SPLIT_NAMES[table.pinned] for table in tables if table.pinned != NOT_PINNED)
    class_of_code = np.array([class_names.index(label) for label in index.labels] + [UNLABELLED])
    classes = index.column("label") if plan.is_regression else class_of_code[index.column("label")]
    strata = (LABELLED,) if plan.is_regression else class_names
    placement = _placement(index, classes, strata, problem, predefined, known, source)
    splits, kept = placement.splits, placement.splits != LEFT_OUT
    columns, roles = _output_columns(plan)
    info = ExampleTableInfo(
        modality=plan.modality,
        class_names=class_names,
        column_roles=roles,
        label_version=problem.label.version,
        task="regression" if plan.is_regression else "classification",
        label=plan.resolved.label_definition,
        source_roles=plan.resolved.to_dict(),
        repairs=problem.repairs,
        pinned_slices=problem.slices.pinned,
    )
    with ExampleTableWriter(examples_path, info, extra_columns=columns) as writer:
        as_they_are = [column.name for column in plan.outputs if column.is_kept]
        writer.keep_personal([*as_they_are, "label"] if plan.label in plan.kept else as_they_are)
        for batch in _batches(tables, plan, problem, index, splits):
            writer.write(batch)
    return IngestionFacts(
        modality=plan.modality,
        class_names=class_names,
        counts=counts_by_split(classes[kept], splits[kept], strata),
        expected_splits=expected_splits(problem.split, predefined),
        split_notes=placement.notes,
        num_seen=len(splits) + rows.num_quarantined,
        num_quarantined=rows.num_quarantined,
        quarantined=tuple(rows.quarantined),
        left_out={**rows.left_out, **placement.left_out},
        num_duplicate_rows=num_repeated(index.column("content")),
        inferred=_inferred(tables, plan, problem),
        warnings=(
            *class_warnings(index.label_counts, problem.label.classes),
            *_warnings(index, placement, plan),
            *rows.failed_repairs,
            *missing_words_sentences(rows.missing_words, known=tables[0].file.cleaning.missing).values(),
        ),
        columns={column: (", ".join(roles[column]), str(kind)) for column, kind in columns.items()},
        is_regression=plan.is_regression,
        numbers=_numbers(index, plan, problem, splits),
    )


def _inferred(tables: Sequence[ScannedTable], plan: ColumnPlan, problem: Problem) -> tuple[str, ...]:
    """What nobody told: of the files, of the problem, of the columns."""
    files = tuple(sentence for table in tables for sentence in table.file.inferred)
    modality = () if problem.modality else (f"the modality is {plan.modality}",)
    task = (plan.task_sentence,) if plan.task_sentence else ()
    return files + modality + plan.resolved.inferred + task


def _numbers(index: RowIndex, plan: ColumnPlan, problem: Problem, splits: np.ndarray) -> dict[str, LabelNumbers]:
    """The labels by split where they are numbers that may be shown; personal ones may not."""
    if not plan.is_regression or plan.label in problem.pii:
        return {}
    kept = splits != LEFT_OUT
    return split_numbers(index.column("number")[kept], splits[kept])


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
    resolved = resolve_roles(first.first_rows(), problem, where=first.file.uri)
    kinds = {name: types[name] for name in first.types}
    plan = column_plan(kinds, resolved, problem, source=first.file.uri)
    if plan.text is not None:
        check_payload(plan.text, problem.repairs, what="texts")
    for table in tables[1:]:
        missing = [name for name in plan.needed if name not in table.types]
        if missing:
            raise ValueError(
                f"{table.file.uri} must have the column {missing[0]!r} as {first.file.name} has, "
                f"but it has {', '.join(table.types)}"
            )
    return with_task(plan, tables, problem)


def _indexed(tables: Sequence[ScannedTable], plan: ColumnPlan, problem: Problem) -> _Rows:
    rows = _Rows(index=RowIndex(salt=problem.split.salt))
    for table in tables:
        rows.quarantined += table.quarantined()[: _LISTED_ROWS - len(rows.quarantined)]
        rows.num_quarantined += table.num_ragged
        num_before, failed = 0, FailedRepairs()
        batches = table.file.iter_batches(failed=failed)
        for batch in progress(batches, label=f"reading {table.file.name}", unit="block"):
            try:
                prepared = prepared_rows(batch, plan, table.file.cleaning)
            except RefusedRowError as error:
                raise ValueError(f"{table.row_name(num_before + error.row)}: {error}") from error
            _count_missing_words(rows, prepared, plan, problem)
            for row, reason in enumerate(prepared.reasons):
                if reason is not None:
                    rows.num_quarantined += 1
                    if len(rows.quarantined) < _LISTED_ROWS:
                        rows.quarantined.append(Quarantined(name=table.row_name(num_before + row), reason=reason))
            usable = _usable(prepared, problem, rows.left_out)
            rows.index.add(prepared, usable, pinned=table.pinned)
            num_before += batch.num_rows
        personal = {*problem.pii, *plan.resolved.columns_of("pii")}
        rows.failed_repairs += table.failed_repairs(failed, personal=personal)
    return rows


def _count_missing_words(rows: _Rows, prepared: PreparedRows, plan: ColumnPlan, problem: Problem) -> None:
    """Count values that look missing; a label, too, may be a `?`, but `none` is a class like any other."""
    texts = {
        column.source: prepared.columns[column.name]
        for column in plan.outputs
        if column.kind == pa.string() and "pii" not in column.roles
    }
    found = {name: missing_words(values) for name, values in texts.items()}
    if isinstance(plan.label, str) and not plan.is_regression:
        found[plan.label] = missing_words(prepared.labels, but=("none", *problem.label.classes))
    for name, counts in found.items():
        if counts:
            rows.missing_words.setdefault(name, Counter()).update(counts)


def _usable(prepared: PreparedRows, problem: Problem, left_out: Counter[str] | None = None) -> list[int]:
    """Rows that become examples: nothing is wrong with them, and their label is wanted; `left_out` counts others."""
    usable = [row for row, reason in enumerate(prepared.reasons) if reason is None]
    left_out = Counter() if left_out is None else left_out
    if problem.label.classes:
        wanted, labels = {None, *problem.label.classes}, prepared.labels.to_pylist()
        usable, num_before = [row for row in usable if labels[row] in wanted], len(usable)
        left_out[_OTHER_CLASS] += num_before - len(usable)
    if not problem.label.keep_older and prepared.provenance.is_older.any():
        usable, num_before = [row for row in usable if not prepared.provenance.is_older[row]], len(usable)
        left_out[OLDER] += num_before - len(usable)
    return usable


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


def _placement(
    index: RowIndex,
    classes: np.ndarray,
    class_names: Sequence[str],
    problem: Problem,
    predefined: Sequence[str],
    known: KnownSplits | None,
    source: str,
) -> Placement:
    is_grouped = problem.group is not None
    examples = ExamplesToSplit(
        positions=index.column("position"),
        classes=classes,
        class_names=class_names,
        clusters=index.clusters(grouped=is_grouped),
        pinned=index.column("pinned"),
        known=known_places(known, index.column("content"), index.column("carried_group") if is_grouped else None),
        train_only=index.column("train_only"),
        times=index.column("time") if problem.split.by == "time" else None,
        of_classes=bool(index.labels),
    )
    return place_examples(examples, problem.split, predefined, source=source)


def _output_columns(plan: ColumnPlan) -> tuple[dict[str, pa.DataType], dict[str, tuple[ColumnRole, ...]]]:
    columns = {column.name: column.kind for column in plan.outputs}
    roles = {column.name: column.roles for column in plan.outputs}
    if plan.text is not None:
        columns.update(TEXT_MEASURES)
        roles.update(dict.fromkeys(TEXT_MEASURES, ("derived",)))
    return columns, roles


def _batches(
    tables: Sequence[ScannedTable], plan: ColumnPlan, problem: Problem, index: RowIndex, splits: np.ndarray
) -> Iterator[pa.RecordBatch]:
    repeated = repeated_keys(index.column("row"))
    seen: Counter[str] = Counter()
    start = 0
    for table in tables:
        for batch in progress(table.file.iter_batches(), label=f"storing {table.file.name}", unit="block"):
            prepared = prepared_rows(batch, plan, table.file.cleaning)
            usable = _usable(prepared, problem)
            places = splits[start : start + len(usable)].tolist()
            start += len(usable)
            ids = _example_ids(prepared, usable, plan) or list(
                numbered_rows([prepared.rows[row] for row in usable], repeated, seen)
            )
            kept = [number for number, place in enumerate(places) if place != LEFT_OUT]
            if kept:
                names = [SPLIT_NAMES[places[number]] for number in kept]
                yield _batch(prepared, [usable[number] for number in kept], [ids[number] for number in kept], names)


def _example_ids(prepared: PreparedRows, usable: Sequence[int], plan: ColumnPlan) -> list[str]:
    """The table's own identifiers, as keyed hashes where they are personal; empty where there are none."""
    if prepared.ids is None:
        return []
    ids = prepared.ids.take(pa.array(usable, pa.int64()))
    if plan.has_personal_ids:
        ids = keyed_hashes(ids)
    elif plan.id not in plan.kept:
        ids = hashed_texts(ids)
    return ids.to_pylist()


def _batch(prepared: PreparedRows, usable: Sequence[int], ids: Sequence[str], splits: Sequence[str]) -> pa.RecordBatch:
    rows = pa.array(usable, pa.int64())
    arrays = {
        "example_id": pa.array(ids, pa.string()),
        "split": pa.array(splits, pa.string()),
        "label": prepared.labels.take(rows),
        "content_id": pa.array([content_key(prepared.contents[row]) for row in usable], pa.uint64()),
        "label_source": prepared.provenance.sources.take(rows),
        "label_version": prepared.provenance.versions.take(rows),
        **{name: column.take(rows) for name, column in prepared.columns.items()},
    }
    if prepared.text is not None:
        texts = prepared.text.take(rows)
        arrays = {**arrays, "text": texts, **text_measures(texts)}
    return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))


def _warnings(index: RowIndex, placement: Placement, plan: ColumnPlan) -> list[str]:
    warnings = []
    if num_unlabelled := int((index.column("label") == UNLABELLED).sum()):
        warnings.append(f"{num_unlabelled} rows have no label")
    if num_moved := placement.num_not_tested:
        warnings.append(f"{num_moved} rows of the test file also occur among the others: they are not tested on")
    if plan.modality == "text" and (num_contradictory := index.num_contradictory()):
        warnings.append(f"{num_contradictory} texts occur under more than one label")
    return warnings
