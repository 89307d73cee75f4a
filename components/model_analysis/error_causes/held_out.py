"""The held-out examples of a predictions table that errors are looked for among.

Shapes: N examples, K classes, D numbers an embedding.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.shared.contracts.label_origin import are_by_people
from components.shared.contracts.predictions_table import PredictionsTable

HELD_OUT_SPLITS = ("validation", "test")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeldOut:
    """Examples with a label that a person gave and the model knows.

    Attributes
    ----------
    ids
        N identifiers, as the predictions table has them.
    labels
        Shape (N,), class indices.
    probabilities, embeddings
        Shapes (N, K) and (N, D), as recorded; D is 0 where the model gives none.
    is_test
        Shape (N,), bool: of the test split, not of validation.
    """

    ids: list[str]
    labels: np.ndarray
    probabilities: np.ndarray
    embeddings: np.ndarray
    is_test: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """Shape (N,), class indices."""
        found: np.ndarray = self.probabilities.argmax(axis=1)
        return found

    def wrong(self) -> np.ndarray:
        """Rows of the test split that are answered wrongly."""
        return np.flatnonzero((self.predicted != self.labels) & self.is_test)


def held_out(table: PredictionsTable) -> HeldOut:
    """Read the held-out examples of a table whose label is a class."""
    columns = table.read(["example_id", "split", "label", "embedding"], splits=HELD_OUT_SPLITS)
    known: Mapping[str, int] = {name: index for index, name in enumerate(table.class_names)}
    labels = np.array([known.get(label, -1) for label in columns.column("label").to_pylist()], np.int64)
    rows = np.flatnonzero((labels >= 0) & are_by_people(table, HELD_OUT_SPLITS))
    chosen = columns.take(pa.array(rows))
    flat = chosen.column("embedding").combine_chunks()
    return HeldOut(
        ids=chosen.column("example_id").to_pylist(),
        labels=labels[rows],
        probabilities=table.probabilities(splits=HELD_OUT_SPLITS)[rows],
        embeddings=np.asarray(flat.flatten(), np.float32).reshape(len(rows), -1) if len(rows) else np.zeros((0, 0)),
        is_test=np.array([split == "test" for split in chosen.column("split").to_pylist()], dtype=bool),
    )
