"""Labels that are set, with what is needed to doubt them, from a predictions table and the examples behind it.

Shapes: N examples with a label, K classes, D numbers an embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.modeling.label_evidence.out_of_sample import cross_validated_probabilities
from components.shared.contracts.example_rows import content_ids_of, example_ids_of, groups_of, looked_up
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.predictions_table import PredictionsTable


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GivenLabels:
    """N examples with the label of a class that the model knows.

    Attributes
    ----------
    example_ids, splits, sources
        Of each example; the source is `person`, `model` or `rule`.
    labels
        Shape (N,), int, of `class_names`.
    probabilities
        Shape (N, K): the model's, or for examples that it was trained on, cross-validated ones.
    embeddings
        Shape (N, D), float32; D may be 0.
    content_ids
        Shape (N,), uint64, 0 where not known.
    num_left_out
        Examples without a label, or with one that the model does not know.
    """

    class_names: tuple[str, ...]
    example_ids: Sequence[str]
    splits: Sequence[str]
    sources: Sequence[str]
    labels: np.ndarray
    probabilities: np.ndarray
    embeddings: np.ndarray
    content_ids: np.ndarray
    num_left_out: int = 0

    def __len__(self) -> int:
        return len(self.labels)


def given_labels(
    table: PredictionsTable, examples: ExampleTable, splits: Sequence[str], *, were_trained_on: bool, max_rows: int
) -> GivenLabels:
    """Labels of some splits.

    Parameters
    ----------
    were_trained_on
        Whether the model saw these labels: then its probabilities say nothing, and logistic regression on its
        embeddings is cross-validated, the examples of a group in one fold.
    max_rows
        More are sampled, always the same.
    """
    matcher = LabelMatcher(table.class_names)
    names = table.read(["label"], splits=splits).column(0).to_pylist()
    index_of = {name: matcher.index(name) for name in set(names) if name is not None}
    indices = [index_of.get(name) for name in names]
    rows = np.array([row for row, index in enumerate(indices) if index is not None], dtype=np.int64)
    num_left_out = len(names) - len(rows)
    if len(rows) > max_rows:
        rows = np.sort(np.random.default_rng(0).choice(rows, max_rows, replace=False))
    labels = np.array([indices[row] for row in rows.tolist()], dtype=np.int64)
    embeddings = _embeddings(table, splits)[rows]
    if were_trained_on:
        groups = groups_of(examples, table, splits)
        own = None if groups is None else groups[rows]
        probabilities = cross_validated_probabilities(embeddings, labels, len(table.class_names), groups=own)
    else:
        probabilities = table.probabilities(splits=splits)[rows]
    content_ids, is_known = content_ids_of(examples, table, splits)
    return GivenLabels(
        class_names=table.class_names,
        example_ids=example_ids_of(table, splits).take(pa.array(rows)).to_pylist(),
        splits=table.read(["split"], splits=splits).column(0).take(pa.array(rows)).to_pylist(),
        sources=pc.fill_null(looked_up(examples, table, "label_source", splits), "person")
        .take(pa.array(rows))
        .to_pylist(),
        labels=labels,
        probabilities=probabilities,
        embeddings=embeddings,
        content_ids=np.where(is_known, content_ids, np.uint64(0))[rows],
        num_left_out=num_left_out,
    )


def _embeddings(table: PredictionsTable, splits: Sequence[str]) -> np.ndarray:
    column = table.read(["embedding"], splits=splits).column(0)
    flat = np.concatenate([np.asarray(chunk.flatten()) for chunk in column.chunks] or [np.empty(0, np.float32)])
    return flat.reshape(len(column), -1) if len(flat) else np.empty((len(column), 0), np.float32)
