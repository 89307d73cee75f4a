"""Pools as scoring wrote them, read part by part, with the rows that nobody needs to be asked about any more.

Shapes: N rows of a part, K classes, D numbers an embedding.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.active_learning.random_order import random_order
from components.active_learning.selection.pool_rows import PoolRows, UNKNOWN_CONTENT
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_origin import from_people, LABEL_SOURCE
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.tables.personal_columns import hashed_texts, kept_columns

_BATCH_ROWS = 4096
_HELD_OUT = ("validation", "test")
_MUTUAL_INFORMATION = "mutual_information"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledSoFar:
    """What people have labelled.

    Attributes
    ----------
    example_ids
        As predictions tables have them.
    content_ids
        Of those whose content is known.
    counts
        Labels of each class among the training rows.
    """

    example_ids: frozenset[str]
    content_ids: frozenset[int]
    counts: dict[str, int]


def labelled_so_far(examples: ExampleTable) -> LabelledSoFar:
    """The labels of an example table that people gave; what models and rules said may still be asked."""
    table = examples.read(["example_id", "label", "label_source", "content_id", "split"])
    ids = _as_predicted(examples, table.column(0).combine_chunks())
    by_people = from_people(table.column(2).to_pylist()) & np.asarray(table.column(1).is_valid())
    labels, splits = table.column(1).to_pylist(), table.column(4).to_pylist()
    chosen = np.flatnonzero(by_people).tolist()
    counts = dict.fromkeys(examples.info.class_names, 0)
    for row in chosen:
        counts[labels[row]] += splits[row] == "train"
    contents = table.column(3).take(pa.array(chosen, pa.int64())).drop_null().to_pylist()
    return LabelledSoFar(
        example_ids=frozenset(ids.take(pa.array(chosen, pa.int64())).to_pylist()),
        content_ids=frozenset(contents),
        counts=counts,
    )


def held_out_rows(pool: ExampleTable) -> frozenset[str]:
    """Rows of the validation and test splits, as predictions tables have them; a pool without splits has none."""
    found: set[str] = set()
    for batch in pool.iter_batches(["example_id"], splits=_HELD_OUT, batch_rows=65_536):
        found.update(_as_predicted(pool, batch.column(0)).to_pylist())
    return frozenset(found)


def pool_parts(
    tables: Sequence[PredictionsTable], left_out: Collection[str], *, seed: int
) -> Iterator[tuple[PoolRows, np.ndarray]]:
    """Rows of predictions tables, and which need no label, shape (N,), bool: those named, and those with one."""
    for table in tables:
        is_told = _MUTUAL_INFORMATION in table.schema.names
        optional = [name for name in (_MUTUAL_INFORMATION, LABEL_SOURCE) if name in table.schema.names]
        columns = ["example_id", "label", "probabilities", "embedding", *optional]
        for batch in table.iter_batches(columns, batch_rows=_BATCH_ROWS):
            read = dict(zip(columns, batch.columns, strict=True))
            ids = read["example_id"].to_pylist()
            rows = PoolRows(
                example_ids=np.array(ids, dtype=object),
                order=random_order(ids, seed),
                probabilities=_matrix(read["probabilities"]),
                embeddings=_matrix(read["embedding"]),
                content_ids=np.full(len(ids), UNKNOWN_CONTENT, np.uint64),
                mutual_information=_numbers(read[_MUTUAL_INFORMATION]) if is_told else None,
            )
            has_label = np.asarray(read["label"].is_valid())
            if LABEL_SOURCE in read:
                has_label &= from_people(read[LABEL_SOURCE].to_pylist())
            yield rows, has_label | np.array([name in left_out for name in ids], dtype=bool)


def contents_of(pools: Sequence[ExampleTable], wanted: Collection[str]) -> dict[str, int]:
    """Content ids of the rows named as predictions tables name them, as far as the pools know them."""
    found: dict[str, int] = {}
    for pool in pools:
        for batch in pool.iter_batches(["example_id", "content_id"], batch_rows=65_536):
            ids = _as_predicted(pool, batch.column(0)).to_pylist()
            for name, content in zip(ids, batch.column(1).to_pylist(), strict=True):
                if content is not None and name in wanted:
                    found[name] = content
    return found


def _as_predicted(examples: ExampleTable, ids: pa.Array) -> pa.Array:
    return ids if "example_id" in kept_columns(examples.schema) else hashed_texts(ids)


def _matrix(lists: pa.ListArray) -> np.ndarray:
    flat = np.asarray(lists.flatten(), np.float32)
    return flat.reshape(len(lists), -1) if len(flat) else np.zeros((len(lists), 0), np.float32)


def _numbers(values: Any) -> np.ndarray:
    """Numbers with 0 where there is none: nothing is known to be learnt there."""
    return np.asarray(pc.fill_null(values.cast(pa.float64()), 0.0), np.float64)
