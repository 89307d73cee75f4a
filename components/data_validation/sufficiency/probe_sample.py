"""The rows that a cheap probe looks at: a seeded, stratified sample of the labelled training rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from components.data_validation.tables.label_quarters import label_quarters
from components.data_validation.tables.raw_examples import RawExamples
from components.shared.contracts.example_table import ExampleTable
from components.shared.runtime.progress import progress

Examples: TypeAlias = ExampleTable | RawExamples

MAX_ROWS = 5000
_MIN_ROWS_A_CLASS = 50
_SPLITS = ("train",)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProbeSample:
    """Which rows of the training split take part."""

    rows: np.ndarray  # shape (N,), int, ascending: places among the rows of the training split
    labels: np.ndarray  # shape (N,), int: indices into `class_names`
    groups: np.ndarray | None  # shape (N,), int; rows without a group are each their own
    class_names: tuple[str, ...]
    class_counts: Mapping[str, int]  # labelled training rows, in or out of the sample

    def iter_batches(
        self, table: Examples, columns: Sequence[str], *, batch_rows: int = 1024
    ) -> Iterator[pa.RecordBatch]:
        """Stream the sample's rows, in order, of the table that it was drawn from."""
        start = 0
        batches = table.iter_batches(list(columns), splits=_SPLITS, batch_rows=batch_rows)
        for batch in progress(batches, label="reading a sample", total=None, unit="batch"):
            first, last = np.searchsorted(self.rows, (start, start + batch.num_rows))
            if last > first:
                yield batch.take(pa.array(self.rows[first:last] - start))
            start += batch.num_rows


def draw_probe_sample(table: Examples, *, max_rows: int = MAX_ROWS, seed: int) -> ProbeSample:
    """Draw labelled training rows, each class in its share but at least 50 of it where there are as many.

    All of them where they are at most `max_rows`, to which many rare classes may add. Of the table only the narrow
    columns `label` and the group are read. Where the label is a number, its quarters stand for classes.
    """
    if max_rows < 1:
        raise ValueError(f"max_rows must be at least 1, got {max_rows}")
    group_columns = table.info.columns_of("group")[:1]
    narrow = table.read(["label", *group_columns], splits=_SPLITS)
    class_names, labels = _classes(narrow.column("label"), table)
    rows = _stratified(labels, max_rows, np.random.default_rng(seed))
    groups = _group_numbers(narrow.column(group_columns[0]).to_pylist()) if group_columns else None
    counts = np.bincount(labels[labels >= 0], minlength=len(class_names))
    return ProbeSample(
        rows=rows,
        labels=labels[rows],
        groups=None if groups is None else np.unique(groups[rows], return_inverse=True)[1],
        class_names=class_names,
        class_counts=dict(zip(class_names, counts.tolist(), strict=True)),
    )


def _classes(column: pa.ChunkedArray, table: Examples) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names, and each row's place among them, -1 where unlabelled."""
    if table.info.task == "regression":
        return label_quarters(column.to_numpy())
    places = {name: place for place, name in enumerate(table.info.class_names)}
    labels = [places.get(label, -1) for label in column.to_pylist()]
    return table.info.class_names, np.array(labels, dtype=np.int64)


def _stratified(labels: np.ndarray, max_rows: int, rng: np.random.Generator) -> np.ndarray:
    labelled = int((labels >= 0).sum())
    share = min(1.0, max_rows / max(labelled, 1))
    chosen = [np.empty(0, dtype=np.int64)]
    for number in np.unique(labels[labels >= 0]):
        rows = np.flatnonzero(labels == number)
        num_rows = min(len(rows), max(round(share * len(rows)), min(_MIN_ROWS_A_CLASS, max_rows)))
        chosen.append(rng.choice(rows, num_rows, replace=False))
    return np.sort(np.concatenate(chosen))


def _group_numbers(groups: list[object]) -> np.ndarray:
    numbers: dict[object, int] = {}
    return np.array(
        [
            numbers.setdefault(("row", row) if group is None else group, len(numbers))
            for row, group in enumerate(groups)
        ],
        dtype=np.int64,
    )
