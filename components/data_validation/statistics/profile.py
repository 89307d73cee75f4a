"""One pass over a table: statistics of all rows and of slices, a sample of its rows, and whatever else counts rows.

Large tables are worked on by one process a core, each on a run of the rows; what they have found is merged in the
order of the runs, so that the number of processes changes neither sample nor counts.
"""

from collections.abc import Iterator, Sequence
import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.statistics.forked_work import forked_results
from components.data_validation.statistics.row_sample import RowSample
from components.data_validation.statistics.slice_statistics import SliceAccumulators, WHOLE_TABLE
from components.data_validation.statistics.streaming_statistics import (
    histogram_buckets,
    rows_per_batch,
    StatisticsAccumulator,
)
from components.data_validation.tables.arrow_lists import as_value_lists, column_kind, examined_values, ExaminedColumn
from components.data_validation.tables.table_source import split_mask, TablePart, TableSource, TypesWidened
from components.shared.runtime.cores import available_cores
from components.shared.runtime.progress import progress

_VALUES_A_PROCESS = 1_000_000
_READ_AS = {"integer": pa.int64(), "float": pa.float64(), "category": pa.string(), "masked": pa.string()}


class Collector(Protocol):
    """What else looks at the rows, on the way. It travels between processes, so that it must be picklable."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows with the examined and the extra columns, nothing of them masked."""

    def merge(self, other: Any) -> None:
        """Take what a copy of this collector has seen of the rows that follow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What is asked of one pass; see `profile_table`."""

    columns: tuple[ExaminedColumn, ...]
    splits: Sequence[str] | None
    sample_rows: int
    extra_columns: Sequence[str]
    sampled_columns: Sequence[str]
    slices: Sequence[str]
    collectors: Sequence[Collector]
    num_processes: int | None
    seed: int

    def __post_init__(self) -> None:
        if self.num_processes is not None and self.num_processes < 1:
            raise ValueError(f"num_processes must be at least 1, got {self.num_processes!r}")
        kinds = {column.name: column.kind for column in self.columns}
        for name in self.slices:
            if kinds.get(name, "masked") == "masked":
                raise ValueError(f"a slice must be an examined column, and not one of personal data, got {name!r}")

    @property
    def names(self) -> list[str]:
        """Columns that collectors see."""
        return list(dict.fromkeys([*(column.name for column in self.columns), *self.extra_columns]))

    def sample_schema(self, schema: pa.Schema) -> pa.Schema:
        """Columns and types of the sample of a table with this schema."""
        fields = {column.name: _READ_AS.get(column.kind, schema.field(column.name).type) for column in self.columns}
        extra = {name: schema.field(name).type for name in self.sampled_columns if name not in fields}
        return pa.schema([*fields.items(), *extra.items()])

    def as_read(self, schema: pa.Schema) -> "_Plan":
        """The same, once the table turned out to have these types."""
        kinds = {column.name: column_kind(schema.field(column.name).type) for column in self.columns}
        columns = [
            column if column.kind == "masked" else replace(column, kind=kinds[column.name] or column.kind)
            for column in self.columns
        ]
        return replace(self, columns=tuple(columns))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TableProfile:
    """What one pass found.

    Attributes
    ----------
    statistics
        One dataset for the whole table; where slices were asked for it is called `All Examples`, as TFDV does, and
        one dataset `<column>_<value>` for each slice follows.
    sample
        A uniform sample in the order of the table: examined columns in their examined types, then the extra ones.
        Values of masked columns are placeholders; NaN is missing.
    row_numbers
        Shape (K,), int64: the numbers of the sampled rows in the table.
    columns
        The examined columns as they were read in the end: a text file may have turned out to hold other types.
    remarks
        What the table's source has to say, and which slices were left out.
    """

    statistics: statistics_pb2.DatasetFeatureStatisticsList
    sample: pa.Table
    row_numbers: np.ndarray
    num_rows: int
    columns: tuple[ExaminedColumn, ...]
    remarks: tuple[str, ...]


class _Found:
    """What was found in one run of rows."""

    def __init__(self, plan: _Plan) -> None:
        self.whole = StatisticsAccumulator(num_histogram_buckets=histogram_buckets(len(plan.columns)))
        self.slices = SliceAccumulators(plan.slices, kept=[column.name for column in plan.columns if column.is_kept])
        self.sample = RowSample(plan.sample_rows, seed=plan.seed)
        # Copies: where the types turn out to be others, the work begins again.
        self.collectors = copy.deepcopy(list(plan.collectors))

    def merge(self, later: "_Found") -> None:
        self.whole.merge(later.whole)
        self.slices.merge(later.slices)
        self.sample.merge([later.sample])
        for mine, theirs in zip(self.collectors, later.collectors, strict=True):
            mine.merge(theirs)


def profile_table(
    source: TableSource,
    columns: Sequence[ExaminedColumn],
    *,
    splits: Sequence[str] | None = None,
    sample_rows: int = 100_000,
    extra_columns: Sequence[str] = (),
    sampled_columns: Sequence[str] | None = None,
    slices: Sequence[str] = (),
    collectors: Sequence[Collector] = (),
    num_processes: int | None = None,
    seed: int = 0,
) -> TableProfile:
    """Go over a table once. The options are many and independent, and most callers set two: hence no config.

    Collectors see `extra_columns` beside the examined ones; `sampled_columns` are those of them that stand in the
    sample too, all where None. A slice must be an examined column that is not masked. `num_processes` is one a core by
    default, where the table is large enough to gain from it; 1 stays in this process. `ValueError` where a column is
    not there, a slice is no such column, or the table cannot be read; `RuntimeError` where a process died.
    """
    plan = _Plan(
        columns=tuple(columns),
        splits=splits,
        sample_rows=sample_rows,
        extra_columns=extra_columns,
        sampled_columns=extra_columns if sampled_columns is None else sampled_columns,
        slices=slices,
        collectors=collectors,
        num_processes=num_processes,
        seed=seed,
    )
    try:
        return _profiled(source, plan)
    except TypesWidened:
        # The source knows its types for good now, and nothing of the first attempt is kept.
        return _profiled(source, plan.as_read(source.schema))


def _profiled(source: TableSource, plan: _Plan) -> TableProfile:
    parts = source.parts(_num_processes(source, plan))
    tasks = [partial(_found_in, source, plan, part) for part in parts]
    found, *others = [tasks[0]()] if len(tasks) == 1 else forked_results(tasks, what=f"statistics of {source.name}")
    for later in others:
        found.merge(later)
    for mine, theirs in zip(plan.collectors, found.collectors, strict=True):
        mine.merge(theirs)
    statistics = found.whole.statistics(name=WHOLE_TABLE if plan.slices else source.name)
    sliced, remarks = found.slices.statistics()
    statistics.datasets.extend(sliced)
    return TableProfile(
        statistics=statistics,
        sample=found.sample.table(plan.sample_schema(source.schema)),
        row_numbers=found.sample.row_numbers,
        num_rows=found.whole.num_rows,
        columns=plan.columns,
        remarks=(*source.remarks, *remarks),
    )


def _num_processes(source: TableSource, plan: _Plan) -> int:
    if plan.num_processes is not None:
        return plan.num_processes
    num_values = (source.num_rows or 0) * len(plan.columns)
    return max(1, min(available_cores(), num_values // _VALUES_A_PROCESS))


def _found_in(source: TableSource, plan: _Plan, part: TablePart) -> _Found:
    found = _Found(plan)
    convert = partial(_as_sampled, plan=plan, schema=plan.sample_schema(source.schema))
    for batch, row_numbers in _numbered_batches(source, plan, part):
        lists = as_value_lists(batch, plan.columns)
        found.whole.add(lists)
        found.slices.add(batch, lists)
        found.sample.add(batch, row_numbers, convert=convert)
        for collector in found.collectors:
            collector.add(batch)
    return found


def _numbered_batches(source: TableSource, plan: _Plan, part: TablePart) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Rows of the splits asked for, with the numbers that they have in the table."""
    names = plan.names
    read = names if plan.splits is None else list(dict.fromkeys([*names, "split"]))
    batch_rows = rows_per_batch(len(read))
    num_batches = None if part.num_rows is None else -(-part.num_rows // batch_rows)
    batches = source.iter_batches(read, part=part, batch_rows=batch_rows)
    next_row = part.start_row
    for batch in progress(batches, label=f"examining {source.name}", total=num_batches, unit="batch"):
        row_numbers = np.arange(next_row, next_row + batch.num_rows)
        next_row += batch.num_rows
        if plan.splits is not None:
            mask = split_mask(batch, plan.splits)
            batch, row_numbers = batch.filter(mask), row_numbers[np.asarray(mask)]
        yield pa.RecordBatch.from_arrays(batch.columns[: len(names)], names), row_numbers


def _as_sampled(batch: pa.RecordBatch, *, plan: _Plan, schema: pa.Schema) -> pa.RecordBatch:
    kinds = {column.name: column.kind for column in plan.columns}
    kept = {column.name for column in plan.columns if column.is_kept}
    arrays = [batch.column(name) for name in schema.names]
    # Extra columns are not examined, and a time stays a time: seconds are what statistics need.
    sampled = [
        array
        if kinds.get(name, "time") == "time"
        else examined_values(array, kinds[name], is_kept=name in kept).cast(kind)
        for name, kind, array in zip(schema.names, schema.types, arrays, strict=True)
    ]
    return pa.RecordBatch.from_arrays(sampled, schema=schema)
