"""Stand-ins of each modality, from the examples themselves and from the model's embeddings where these are known.

Shapes: L rows for training, M held out, N of the pool, D numbers a row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
import torch

from components.active_learning.pseudo_labels.stand_ins import linear_stand_in, StandIn
from components.modeling.cheap_models.fitting import (
    fitted_linear,
    fitted_trees,
    Matrix,
    MAX_TREE_CLASSES,
    NothingToLearnError,
)
from components.modeling.cheap_models.photo_reading import BATCH_PHOTOS, PhotoReading
from components.modeling.cheap_models.table_reading import honest_columns, TableReading
from components.modeling.cheap_models.text_reading import TextReading
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.shown_examples import images_of, rows_of

_TEXT_STRENGTH = 3.0
_DENSE_COLUMNS = 64
# Wider, trees take a minute, and learn nothing of a few labels.
_MAX_TREE_COLUMNS = 64
_AXES_SEED = 0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JudgedRows:
    """Identifiers of the rows that people labelled for training, the held-out ones, and the sample of the pool."""

    train: Sequence[str]
    held_out: Sequence[str]
    pool: Sequence[str]


def stand_ins_of(
    examples: ExampleTable,
    pool: ExampleTable,
    rows: JudgedRows,
    *,
    num_classes: int,
    device: torch.device | None = None,
) -> list[StandIn]:
    """The cheap models of the modality; none where the rows hold nothing that one could learn from.

    How texts and columns are read is fitted to all rows without their labels, so that nothing but labels differs
    between what is compared.
    """
    try:
        if examples.info.modality == "text":
            return [_of_texts(examples, pool, rows, num_classes)]
        if examples.info.modality == "image":
            return [_of_photos(examples, pool, rows, device or torch.device("cpu"))]
        return _of_tables(examples, pool, rows, num_classes)
    except NothingToLearnError:
        return []


def dense_rows(stand_in: StandIn) -> np.ndarray:
    """A stand-in's training rows, then its pool, shape (L + N, d): sparse ones on their main axes."""
    if not sparse.issparse(stand_in.train):
        return np.concatenate([stand_in.train, stand_in.pool])
    both = sparse.csr_array(sparse.vstack([stand_in.train, stand_in.pool], format="csr"))
    num_axes = min(_DENSE_COLUMNS, min(both.shape) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # of rows that are all alike
        found: np.ndarray = TruncatedSVD(num_axes, random_state=_AXES_SEED).fit_transform(both)
    return found


def _of_texts(examples: ExampleTable, pool: ExampleTable, rows: JudgedRows, num_classes: int) -> StandIn:
    texts = [found["text"] for found in _columns(examples, pool, rows, ["text"])]
    reading = TextReading(pa.concat_arrays(texts), num_classes=num_classes)
    train, held_out, others = (reading.rows(found) for found in texts)
    fit = partial(fitted_linear, strength=_TEXT_STRENGTH)
    name = "logistic regression on TF-IDF of words and character n-grams"
    return StandIn(name=name, train=train, held_out=held_out, pool=others, fit=fit)


def _of_photos(examples: ExampleTable, pool: ExampleTable, rows: JudgedRows, device: torch.device) -> StandIn:
    reading = PhotoReading(device)

    def features(table: ExampleTable, ids: Sequence[str]) -> np.ndarray:
        return reading.rows(_photo_batches(table, ids))[0]

    parts = (features(examples, rows.train), features(examples, rows.held_out), features(pool, rows.pool))
    return linear_stand_in("logistic regression on frozen features of photos", *parts)


def _photo_batches(table: ExampleTable, ids: Sequence[str]) -> Iterator[pa.RecordBatch]:
    photos = pa.array(images_of(table, ids), pa.binary())
    for start in range(0, len(photos), BATCH_PHOTOS):
        yield pa.RecordBatch.from_arrays([photos.slice(start, BATCH_PHOTOS)], ["image"])


def _of_tables(examples: ExampleTable, pool: ExampleTable, rows: JudgedRows, num_classes: int) -> list[StandIn]:
    names = [
        name for name in honest_columns(examples, examples.info.columns_of("feature")) if name in pool.schema.names
    ]
    if not names:
        raise NothingToLearnError("no column may tell a label")
    parts = _columns(examples, pool, rows, names)
    everything = {name: pa.concat_arrays([found[name] for found in parts]) for name in names}
    reading = TableReading(examples, everything)
    read = [reading.rows(found) for found in parts]
    lines = _stand_in("logistic regression on the columns", [found.for_lines() for found in read], fitted_linear)
    if num_classes > MAX_TREE_CLASSES or len(names) > _MAX_TREE_COLUMNS:
        return [lines]
    fit = partial(fitted_trees, num_categories=read[0].codes.shape[1])
    return [lines, _stand_in("gradient-boosted trees on the columns", [found.for_trees() for found in read], fit)]


def _stand_in(name: str, parts: Sequence[Matrix], fit: Callable[..., Any]) -> StandIn:
    return StandIn(name=name, train=parts[0], held_out=parts[1], pool=parts[2], fit=fit)


def _columns(
    examples: ExampleTable, pool: ExampleTable, rows: JudgedRows, names: Sequence[str]
) -> list[dict[str, pa.Array]]:
    """Columns of the training rows, the held-out ones and the pool's."""
    asked = ((examples, rows.train), (examples, rows.held_out), (pool, rows.pool))
    tables = [rows_of(table, names, ids) for table, ids in asked]
    return [{name: table.column(name).combine_chunks() for name in names} for table in tables]
