"""Stored labels beside the classes of the model that is being trained.

Shapes: N examples, K classes, D numbers an embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_rows import content_ids_of, example_ids_of, groups_of, looked_up
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.runtime.errors import ContractError

# Columns of an example table on where a label comes from; tables lack those that say nothing.
_ORIGIN = {"label_model": pa.string(), "label_round": pa.int32(), "label_probability": pa.float64()}
_AGREEMENT = "label_agreement"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ComparedRows:
    """N examples with a stored label that the model knows, and the model's answer.

    Attributes
    ----------
    example_ids, splits, sources
        Of each example; the source of its label is `person`, `model` or `rule`.
    labels, predicted
        Shape (N,), int, of `class_names`: the stored label, and the model's class.
    probabilities
        Shape (N, K): the model's.
    label_models, label_rounds
        Which model's version wrote the label, and in which round of labelling; None where that is not known.
    label_probabilities, agreements
        Shape (N,), 0 to 1, `nan` where not known: how sure that model was; how many of the annotators agreed.
    embeddings
        Shape (N, D), float32, the model's; D may be 0.
    content_ids
        Shape (N,), uint64, 0 where not known.
    groups
        Shape (N,), int, negative is a group of one; None where there are no groups.
    num_left_out
        Scored examples without a label, or with one that the model does not know.
    """

    class_names: tuple[str, ...]
    example_ids: Sequence[str]
    splits: np.ndarray
    sources: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    label_models: Sequence[str | None]
    label_rounds: Sequence[int | None]
    label_probabilities: np.ndarray
    agreements: np.ndarray
    embeddings: np.ndarray
    content_ids: np.ndarray
    groups: np.ndarray | None
    num_left_out: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def by_people(self) -> np.ndarray:
        """Whether a person gave the label, shape (N,), bool."""
        return self.sources == "person"

    @property
    def trained_on(self) -> np.ndarray:
        """Whether the model may have seen the label in training, shape (N,), bool."""
        return self.splits == "train"

    @property
    def differ(self) -> np.ndarray:
        """Whether the stored label is not the model's class, shape (N,), bool."""
        return self.labels != self.predicted

    def taken(self, rows: np.ndarray) -> "ComparedRows":
        """Those of some rows, shape (B,), int, in their order."""

        def own(values: Any) -> Any:
            return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows.tolist()]

        names = [name for name in _BY_ROW if getattr(self, name) is not None]
        return replace(self, **{name: own(getattr(self, name)) for name in names})


_BY_ROW = (
    "example_ids", "splits", "sources", "labels", "predicted", "probabilities", "label_models", "label_rounds",
    "label_probabilities", "agreements", "embeddings", "content_ids", "groups",
)  # fmt: skip


def compared_rows(examples: ExampleTable, table: PredictionsTable) -> ComparedRows:
    """Stored labels of an example table beside a model's answers.

    Parameters
    ----------
    examples
        Whose labels are compared: those that it has now, not those that the predictions table was written with.
    table
        The model's answers to any of its examples, of classes.

    Raises
    ------
    ContractError
        If the label is a number, or no scored example is in the table.
    """
    if table.is_regression or examples.info.task == "regression":
        raise ContractError(f"labels that are compared must be classes, but those of {examples.path} are numbers")
    stored = looked_up(examples, table, "label", SPLIT_NAMES)
    if not pc.any(looked_up(examples, table, "split", SPLIT_NAMES).is_valid()).as_py():
        raise ContractError(
            f"the predictions must be of examples of {examples.path}, but none of those in {table.path} is: "
            f"score this table"
        )
    labels = _class_indices(stored, table.class_names)
    rows = np.flatnonzero(labels >= 0)
    taken = pa.array(rows)
    probabilities = table.probabilities(splits=SPLIT_NAMES)[rows]
    content_ids, is_known = content_ids_of(examples, table, SPLIT_NAMES)
    groups = groups_of(examples, table, SPLIT_NAMES)
    sources = pc.fill_null(looked_up(examples, table, "label_source", SPLIT_NAMES), "person")
    origin = {name: _origin(examples, table, name, kind).take(taken) for name, kind in _ORIGIN.items()}
    agreements = _origin(examples, table, _AGREEMENT, pa.float64()).take(taken)
    return ComparedRows(
        class_names=table.class_names,
        example_ids=example_ids_of(table, SPLIT_NAMES).take(taken).to_pylist(),
        splits=_texts(looked_up(examples, table, "split", SPLIT_NAMES).take(taken)),
        sources=_texts(sources.take(taken)),
        labels=labels[rows],
        predicted=probabilities.argmax(axis=1),
        probabilities=probabilities,
        label_models=origin["label_model"].to_pylist(),
        label_rounds=origin["label_round"].to_pylist(),
        label_probabilities=_numbers(origin["label_probability"]),
        agreements=_numbers(agreements),
        embeddings=_embeddings(table)[rows],
        content_ids=np.where(is_known, content_ids, np.uint64(0))[rows],
        groups=None if groups is None else groups[rows],
        num_left_out=len(labels) - len(rows),
    )


def answers_of(rows: ComparedRows, table: PredictionsTable) -> np.ndarray:
    """Another model's probabilities of the same examples, shape (N, K), `nan` for examples that it did not answer.

    Raises
    ------
    ContractError
        If it knows other classes.
    """
    if set(table.class_names) != set(rows.class_names):
        raise ContractError(
            f"both models must know the same classes, got {', '.join(rows.class_names)} and, in {table.path}, "
            f"{', '.join(table.class_names) or 'numbers'}"
        )
    order = [table.class_names.index(name) for name in rows.class_names]
    ids = table.read(["example_id"]).column(0).combine_chunks()
    places = pc.fill_null(pc.index_in(pa.array(rows.example_ids, pa.string()), value_set=ids), -1).to_numpy()
    answers = np.concatenate([table.probabilities()[:, order], np.full((1, len(order)), np.nan)])
    found: np.ndarray = answers[places]
    return found


def _class_indices(labels: pa.Array, class_names: Sequence[str]) -> np.ndarray:
    """Class indices of labels, shape (N,), -1 where there is none or it is no class."""
    matcher = LabelMatcher(class_names)
    names = labels.to_pylist()
    index_of = {name: matcher.index(name) for name in set(names)}
    return np.array([-1 if index_of[name] is None else index_of[name] for name in names], dtype=np.int64)


def _origin(examples: ExampleTable, table: PredictionsTable, name: str, kind: pa.DataType) -> pa.Array:
    if name not in examples.schema.names:
        return pa.nulls(len(example_ids_of(table, SPLIT_NAMES)), kind)
    return looked_up(examples, table, name, SPLIT_NAMES).cast(kind)


def _texts(values: pa.Array) -> np.ndarray:
    return np.array(values.to_pylist(), dtype=object)


def _numbers(values: pa.Array) -> np.ndarray:
    numbers: np.ndarray = pc.fill_null(values.cast(pa.float64()), float("nan")).to_numpy()
    return numbers


def _embeddings(table: PredictionsTable) -> np.ndarray:
    column = table.read(["embedding"], splits=SPLIT_NAMES).column(0)
    flat = np.concatenate([np.asarray(chunk.flatten()) for chunk in column.chunks] or [np.empty(0, np.float32)])
    return flat.reshape(len(column), -1) if len(flat) else np.empty((len(column), 0), np.float32)
