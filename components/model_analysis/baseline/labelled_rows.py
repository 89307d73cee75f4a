"""Which rows a cheap model is trained on and judged by: a bounded, seeded sample of what people labelled.

Shapes: N rows of a sample, K classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.model_analysis.scoring.predictions import labelled_answers
from components.shared.contracts.example_rows import example_rows_of, groups_of
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.label_origin import from_people
from components.shared.contracts.predictions_table import PredictionsTable

_FEWEST_OF_A_CLASS = 50
_NO_CLASS = -1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledRows:
    """Rows of one split that people labelled.

    Attributes
    ----------
    split
        `train`, `validation` or `test`.
    rows
        Shape (N,), int, ascending: places among the rows of the split in the example table.
    labels
        Shape (N,): class indices of the model, or numbers.
    num_all
        Rows of the split that people labelled, in or out of the sample.
    """

    split: str
    rows: np.ndarray
    labels: np.ndarray
    num_all: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnsweredRows(LabelledRows):
    """The same with the model's `answers`, shape (N, K) or (N,), and `groups`, shape (N,), or None for no groups."""

    answers: np.ndarray
    groups: np.ndarray | None

    def __len__(self) -> int:
        return len(self.rows)


def training_rows(examples: ExampleTable, class_names: Sequence[str], *, max_rows: int, seed: int = 0) -> LabelledRows:
    """Rows of the training split, at most about `max_rows` of them.

    A sample holds each class in its share, but 50 of it where there are as many; of numbers it is drawn at random.
    """
    table = examples.read(["label", "label_source"], splits=["train"])
    by_people = from_people(table.column(1).to_pylist())
    if examples.info.task == "regression":
        labels = table.column(0).to_numpy()
        known = np.flatnonzero(np.isfinite(labels) & by_people)
        kinds = np.zeros(len(known), np.int64)
    else:
        labels = _class_indices(table.column(0), class_names)
        known = np.flatnonzero((labels != _NO_CLASS) & by_people)
        kinds = labels[known]
    rows = known[_stratified(kinds, max_rows, np.random.default_rng(seed))]
    return LabelledRows(split="train", rows=rows, labels=labels[rows], num_all=len(known))


def answered_rows(
    examples: ExampleTable, table: PredictionsTable, split: str, *, max_rows: int, seed: int = 0
) -> AnsweredRows:
    """Scored rows of a split, at most `max_rows` of them, drawn at random."""
    found = labelled_answers(table, [split])
    chosen = np.arange(len(found.rows))
    if len(chosen) > max_rows:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, max_rows, replace=False))
    groups = groups_of(examples, table, [split])
    scored = found.rows[chosen]
    return AnsweredRows(
        split=split,
        rows=example_rows_of(examples, table, [split])[scored],
        labels=found.labels[chosen],
        num_all=len(found.rows),
        answers=found.answers[chosen],
        groups=None if groups is None else groups[scored],
    )


def iter_rows(
    examples: ExampleTable, sample: LabelledRows, columns: Sequence[str], *, batch_rows: int = 1024
) -> Iterator[pa.RecordBatch]:
    """Stream columns of a sample's rows, in the order of the example table, which is not always the sample's."""
    wanted, start = np.sort(sample.rows), 0
    for batch in examples.iter_batches(list(columns), splits=[sample.split], batch_rows=batch_rows):
        first, last = np.searchsorted(wanted, (start, start + batch.num_rows))
        if last > first:
            yield batch.take(pa.array(wanted[first:last] - start))
        start += batch.num_rows


def read_rows(examples: ExampleTable, sample: LabelledRows, columns: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of a sample's rows, N values each, in the sample's order."""
    batches = list(iter_rows(examples, sample, columns, batch_rows=16_384))
    schema = pa.schema([examples.schema.field(name) for name in columns])
    table = pa.Table.from_batches(batches, schema=batches[0].schema) if batches else schema.empty_table()
    places = pa.array(np.argsort(np.argsort(sample.rows, kind="stable"), kind="stable"))
    return {name: table.column(name).combine_chunks().take(places) for name in columns}


def _class_indices(labels: pa.ChunkedArray, class_names: Sequence[str]) -> np.ndarray:
    matcher = LabelMatcher(class_names)
    encoded = labels.combine_chunks().dictionary_encode()
    found = [matcher.index(name) for name in encoded.dictionary.to_pylist()]
    indices = np.array([_NO_CLASS if index is None else index for index in found] + [_NO_CLASS], np.int64)
    return indices[encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)]


def _stratified(kinds: np.ndarray, max_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Places of at most about `max_rows` of N rows, ascending."""
    if len(kinds) <= max_rows:
        return np.arange(len(kinds))
    share, chosen = max_rows / len(kinds), list[np.ndarray]()
    present = np.unique(kinds)
    fewest = max(min(_FEWEST_OF_A_CLASS, max_rows // len(present)), 1)
    for kind in present:
        rows = np.flatnonzero(kinds == kind)
        chosen.append(rng.choice(rows, min(len(rows), max(round(share * len(rows)), fewest)), replace=False))
    return np.sort(np.concatenate(chosen))
