"""Examples as cheap models see them: texts, photos and rows themselves, which no wrong label has touched.

The embeddings of a model that learnt wrong labels by heart repeat them; what is read here does not.
Shapes: N examples, M of them read, D columns, A main axes.

References
----------
Cristianini, Shawe-Taylor and Lodhi, "Latent semantic kernels", Journal of Intelligent Information Systems 18 (2002):
axes that are weighted by how much of the examples, labelled or not, lies along them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits
import torch

from components.modeling.cheap_models.fitting import Matrix, NothingToLearnError
from components.modeling.cheap_models.photo_reading import BATCH_PHOTOS, PhotoReading
from components.modeling.cheap_models.table_reading import honest_columns, TableReading
from components.modeling.cheap_models.text_reading import TextReading
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.shown_examples import rows_of

MAX_AXES = 256


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class View:
    """One way to see examples.

    Attributes
    ----------
    rows
        Shape (M,), int, ascending: which of the N examples could be read.
    axes
        Shape (M, A), float64: the examples along their main axes, the largest first, centred.
    lines
        Shape (M, D): what a linear model takes; None where the axes hold all of it.
    trees
        Shape (M, D), float32: what trees take, categories first; None where they are no use.
    num_categories
        Of the columns of `trees`.
    """

    rows: np.ndarray
    axes: np.ndarray
    lines: Matrix | None = None
    trees: np.ndarray | None = None
    num_categories: int = 0


def payload_view(
    examples: ExampleTable, example_ids: Sequence[str], *, num_classes: int, device: torch.device
) -> View | None:
    """The texts, photos or columns of N examples; None where they hold nothing to learn from.

    Parameters
    ----------
    example_ids
        N identifiers, as the predictions table has them.
    num_classes
        K: more classes get fewer columns of a text.
    device
        Where photos are embedded.
    """
    try:
        if examples.info.modality == "image":
            return _of_photos(examples, example_ids, device)
        if examples.info.modality == "text":
            return _of_texts(examples, example_ids, num_classes)
        return _of_tables(examples, example_ids)
    except NothingToLearnError:
        return None


def embedding_view(embeddings: np.ndarray) -> View | None:
    """A model's embeddings, shape (N, D), as a view; None where there are none."""
    if not embeddings.shape[1] or not len(embeddings):
        return None
    return View(rows=np.arange(len(embeddings)), axes=main_axes(embeddings))


def main_axes(values: Matrix) -> np.ndarray:
    """N examples of D columns along at most 256 main axes, (N, A), centred; the same axes for the same values.

    Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 53 (2011).
    """
    num_axes = max(min(MAX_AXES, *values.shape), 1)
    with threadpool_limits(limits=1):
        if sparse.issparse(values):
            left, sizes, _ = randomized_svd(values, num_axes, n_iter=2, random_state=0)
        else:
            centred = values - values.mean(axis=0, dtype=np.float64)
            left, sizes, _ = randomized_svd(centred, num_axes, n_iter=2, random_state=0)
    axes: np.ndarray = (left * sizes).astype(np.float64)
    return axes - axes.mean(axis=0)


def _of_texts(examples: ExampleTable, example_ids: Sequence[str], num_classes: int) -> View:
    texts = rows_of(examples, ["text"], example_ids).column("text").combine_chunks()
    lines = TextReading(texts, num_classes=num_classes).rows(texts)
    return View(rows=np.arange(len(texts)), axes=main_axes(lines), lines=lines)


def _of_tables(examples: ExampleTable, example_ids: Sequence[str]) -> View:
    names = honest_columns(examples, examples.info.columns_of("feature"))
    if not names:
        raise NothingToLearnError("no column of the table may tell a label")
    columns = rows_of(examples, names, example_ids)
    values = {name: columns.column(name).combine_chunks() for name in names}
    read = TableReading(examples, values).rows(values)
    lines = read.for_lines()
    return View(
        rows=np.arange(len(example_ids)),
        axes=main_axes(lines),
        lines=lines,
        trees=read.for_trees(),
        num_categories=read.codes.shape[1],
    )


def _of_photos(examples: ExampleTable, example_ids: Sequence[str], device: torch.device) -> View:
    photos = rows_of(examples, ["image"], example_ids).select(["image"])
    batches = (pa.RecordBatch.from_arrays(batch.columns, ["image"]) for batch in photos.to_batches(BATCH_PHOTOS))
    features, readable = PhotoReading(device).rows(batches)
    rows = np.flatnonzero(readable)
    if len(rows) < 2:
        raise NothingToLearnError("two photos or more must be readable, but they are not")
    scaled = (features[rows] - features[rows].mean(axis=0)) / (features[rows].std(axis=0) + 1e-6)
    return View(rows=rows, axes=main_axes(scaled))
