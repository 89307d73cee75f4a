"""A few labels spread over the nearest examples: an opinion of rows that no label taught, from where they lie.

Shapes: N rows, D numbers an embedding, L labels, K classes.
"""

import numpy as np
from scipy import sparse

from components.modeling.label_evidence.neighbour_votes import nearest_neighbours

NO_CLASS = -1
_NUM_NEIGHBOURS = 10
_PASSED_ON, _STEPS = 0.9, 40
# Directions of rows that are lifted far off lie as the rows themselves do: distance counts, not the angle.
_LIFT = 10.0
_LEAST = 1e-12


class LabelGraph:
    """The graph of nearest examples, built once of embeddings (N, D), finite, N at least 2.

    References
    ----------
    Zhou et al., "Learning with local and global consistency", NeurIPS 2003; the classes' masses as of Zhu, Ghahramani
    and Lafferty, "Semi-supervised learning using Gaussian fields and harmonic functions", ICML 2003, section 4, with
    equal shares in place of those of the labels.
    """

    def __init__(self, embeddings: np.ndarray) -> None:
        rows = np.asarray(embeddings, np.float64)
        rows = rows - rows.mean(axis=0)
        size = float(np.sqrt((rows**2).sum(axis=1).mean())) or 1.0
        lifted = np.column_stack([rows / size, np.full(len(rows), _LIFT)])
        neighbours, _ = nearest_neighbours(lifted, _NUM_NEIGHBOURS)
        places = np.arange(0, neighbours.size + 1, neighbours.shape[1])
        ones = sparse.csr_array((np.ones(neighbours.size), neighbours.ravel(), places), shape=(len(rows), len(rows)))
        both = ones.maximum(ones.T)
        scale = sparse.diags_array(1.0 / np.sqrt(both.sum(axis=1)))
        self._graph = sparse.csr_array(scale @ both @ scale)

    def shares(self, labelled: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
        """How much of what reaches each row is of each class, shape (N, K), adding up to 1; 0 where nothing does.

        Parameters
        ----------
        labelled
            Shape (L,), int: rows with a label.
        labels
            Shape (L,), int: their classes. All classes send out as much, however many labels they have: in many
            dimensions what reaches a row differs little between classes, so that weights by the labels' shares let the
            class with a few labels more win everywhere.
        """
        given = np.zeros((self._graph.shape[0], num_classes))
        given[labelled, labels] = 1.0
        reached = given.copy()
        for _ in range(_STEPS):
            reached = _PASSED_ON * (self._graph @ reached) + (1.0 - _PASSED_ON) * given
        reached /= np.maximum(reached.sum(axis=0), _LEAST)
        found: np.ndarray = reached / np.maximum(reached.sum(axis=1, keepdims=True), _LEAST)
        return found

    def classes(self, labelled: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
        """The class that reaches each row most, shape (N,), parameters as of `shares`; `NO_CLASS` where none does."""
        return most_reached(self.shares(labelled, labels, num_classes))


def most_reached(shares: np.ndarray) -> np.ndarray:
    """The class with the largest of the shares (N, K), shape (N,); `NO_CLASS` where there is none."""
    found: np.ndarray = np.where(shares.max(axis=1) > 0.0, shares.argmax(axis=1), NO_CLASS)
    return found
