"""The training examples that lie nearest to errors in the model's embedding, and what they are labelled.

Shapes: E errors, R training examples, D numbers an embedding, k neighbours.
"""

from dataclasses import dataclass

import numpy as np

NUM_NEIGHBOURS = 15


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NearestTraining:
    """Rows of the nearest training examples, shape (E, k), the nearest first, and cosine similarities, shape (E, k)."""

    rows: np.ndarray
    similarities: np.ndarray

    def votes(self, training_labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Share of each error's neighbours that are labelled with its class of `classes`, shape (E,), 0 to 1."""
        if not self.rows.shape[1]:
            return np.zeros(len(classes))
        shares: np.ndarray = (training_labels[self.rows] == classes[:, None]).mean(axis=1)
        return shares


def nearest_training(errors: np.ndarray, training: np.ndarray, number: int = NUM_NEIGHBOURS) -> NearestTraining:
    """Find the nearest training examples by cosine similarity.

    Parameters
    ----------
    errors, training
        Embeddings, shapes (E, D) and (R, D); with no training example, or D of 0, there are no neighbours.
    """
    if not len(training) or not len(errors) or not training.shape[1]:
        return NearestTraining(rows=np.zeros((len(errors), 0), np.int64), similarities=np.zeros((len(errors), 0)))
    similarities = _directions(errors) @ _directions(training).T
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :number]
    return NearestTraining(rows=rows, similarities=np.take_along_axis(similarities, rows, axis=1))


def _directions(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return found
