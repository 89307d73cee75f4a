"""A sample of a scored pool that may get labels by a model, drawn in bounded memory however large the pool is.

Identifiers are as the predictions tables have them: hashed where they hold personal data. Shapes: N rows of the sample,
D numbers an embedding, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.active_learning.pseudo_labels.people_rows import shown_ids
from components.active_learning.random_order import random_order
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.progress import progress

_ID = "example_id"
_BATCH_ROWS = 16_384


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PoolSample:
    """A sample of the pool: identifiers, the model's answers (N, K), and how many rows there are and were left out.

    `num_known` rows are examples of the table already, by identifier or content: those never get a label by a model.
    """

    ids: Sequence[str]
    answers: np.ndarray
    num_all: int
    num_known: int


def pool_sample(
    pool: ExampleTable, answers: PredictionsTable, examples: ExampleTable, *, max_rows: int, seed: int = 0
) -> PoolSample:
    """Scored rows of the pool that are no example of the table yet, in their order; more than `max_rows` are sampled.

    Both tables are read in parts; 8 bytes a row of the pool are held, and some rows more than the sample.
    """
    fresh = _fresh_rows(pool, examples, seed)
    kept = _FirstRows(max_rows, len(answers.class_names))
    num_all = num_fresh = 0
    with progress(tuple[str, ...](), label="reading the pool", total=answers.num_rows) as bar:
        for batch in answers.iter_batches([_ID, "probabilities"], batch_rows=_BATCH_ROWS):
            order = random_order(batch.column(0).to_pylist(), seed)
            rows = np.flatnonzero(_is_among(order, fresh))
            kept.add(batch.take(pa.array(rows)), order[rows], num_all + rows)
            num_all, num_fresh = num_all + batch.num_rows, num_fresh + len(rows)
            bar.update(batch.num_rows)
    ids, found = kept.rows()
    return PoolSample(ids=ids, answers=found, num_all=num_all, num_known=num_all - num_fresh)


def embeddings_by_id(table: PredictionsTable, ids: Sequence[str]) -> np.ndarray | None:
    """Embeddings of some scored examples, shape (N, D), in the order of `ids`; None where one of them has none."""
    if not ids:
        return None
    wanted, found = pa.array(ids, pa.string()), list[pa.Table]()
    for batch in table.iter_batches([_ID, "embedding"], batch_rows=_BATCH_ROWS):
        chosen = pc.is_in(batch.column(0), value_set=wanted)
        if pc.any(chosen).as_py():
            found.append(pa.Table.from_batches([batch.filter(chosen)]))
    if not found:
        return None
    rows = pa.concat_tables(found).combine_chunks()
    places = pc.index_in(wanted, value_set=rows.column(0).combine_chunks())
    if places.null_count:
        return None
    flat = np.asarray(rows.column(1).combine_chunks().take(places).flatten(), np.float32)
    is_whole = len(flat) and len(flat) % len(ids) == 0 and np.isfinite(flat).all()
    return flat.reshape(len(ids), -1) if is_whole else None


class _FirstRows:
    """Keeps the `size` rows that stand first in the random order, with their places in the table."""

    def __init__(self, size: int, num_classes: int) -> None:
        self._size, self._limit = size, np.uint64(np.iinfo(np.uint64).max)
        self._order, self._places = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._ids, self._answers = np.zeros(0, dtype=object), np.zeros((0, num_classes), np.float32)

    def add(self, batch: pa.RecordBatch, order: np.ndarray, places: np.ndarray) -> None:
        """Identifiers and answers of rows, where they stand in the random order, and in the table."""
        chosen = np.flatnonzero(order <= self._limit)
        if not len(chosen):
            return
        part = batch.take(pa.array(chosen))
        answers = np.asarray(part.column(1).flatten(), np.float32).reshape(len(chosen), -1)
        self._order = np.concatenate([self._order, order[chosen]])
        self._places = np.concatenate([self._places, places[chosen]])
        self._ids = np.concatenate([self._ids, np.array(part.column(0).to_pylist(), dtype=object)])
        self._answers = np.concatenate([self._answers, answers])
        if len(self._order) > 2 * self._size:
            self._prune()

    def rows(self) -> tuple[list[str], np.ndarray]:
        """Identifiers and answers, (N, K), float64, in the order of the table."""
        self._prune()
        ranked = np.argsort(self._places, kind="stable")
        return self._ids[ranked].tolist(), self._answers[ranked].astype(np.float64)

    def _prune(self) -> None:
        first = np.argsort(self._order, kind="stable")[: self._size]
        self._order, self._places = self._order[first], self._places[first]
        self._ids, self._answers = self._ids[first], self._answers[first]
        if len(first) == self._size and self._size:
            self._limit = self._order[-1]


def _is_among(order: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Which numbers are among some that ascend, shape (N,), bool."""
    if not len(fresh):
        return np.zeros(len(order), bool)
    found: np.ndarray = fresh[np.minimum(np.searchsorted(fresh, order), len(fresh) - 1)] == order
    return found


def _fresh_rows(pool: ExampleTable, examples: ExampleTable, seed: int) -> np.ndarray:
    """Where the rows of the pool that are no example yet stand in the random order, ascending, uint64."""
    taken, contents = _known(examples)
    found = [np.zeros(0, np.uint64)]
    for batch in pool.iter_batches([_ID, "content_id"], batch_rows=_BATCH_ROWS):
        names, keys = shown_ids(pool, batch.column(0)), batch.column(1).to_pylist()
        fresh = [
            name
            for name, key in zip(names, keys, strict=True)
            if name not in taken and (not key or key not in contents)
        ]
        found.append(random_order(fresh, seed))
    return np.sort(np.concatenate(found))


def _known(examples: ExampleTable) -> tuple[set[str], set[int]]:
    """Identifiers and contents of all examples with a label, and of all of validation and test."""
    ids: set[str] = set()
    contents: set[int] = set()
    for batch in examples.iter_batches([_ID, "split", "label", "content_id"]):
        splits, labels, keys = (batch.column(number).to_pylist() for number in (1, 2, 3))
        for name, split, label, key in zip(shown_ids(examples, batch.column(0)), splits, labels, keys, strict=True):
            if label is not None or split != "train":
                ids.add(name)
                if key:
                    contents.add(key)
    return ids, contents
