"""Stand-ins: cheap models that are fitted in place of the model to see what labels by a model would do to it.

Shapes: L rows that people labelled for training, M held-out ones, N rows of the pool, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from components.modeling.cheap_models.fitting import Fitted, fitted_linear, Matrix, Question

Fit = Callable[[Matrix, np.ndarray, Question], Fitted]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StandIn:
    """A cheap model and the rows as it reads them.

    Attributes
    ----------
    name
        What it is and what it sees, in words.
    train, held_out, pool
        Rows (L, D), (M, D) and (N, D).
    fit
        Fits it to rows and class indices.
    """

    name: str
    train: Matrix
    held_out: Matrix
    pool: Matrix
    fit: Fit

    def fitted(self, rows: Matrix, labels: np.ndarray, num_classes: int) -> Fitted:
        """Fitted to rows and labels; with one class among them it always gives that one."""
        if len(np.unique(labels)) == 1:
            only = np.eye(num_classes)[labels[0]]
            return lambda asked: np.tile(only, (asked.shape[0], 1))
        return self.fit(rows, labels, Question(num_classes=num_classes, metric="accuracy"))


def linear_stand_in(name: str, train: np.ndarray, held_out: np.ndarray, pool: np.ndarray) -> StandIn:
    """Logistic regression on dense rows, centred and scaled to a mean squared norm of their width by the pool's."""
    middle = pool.mean(axis=0) if len(pool) else 0.0
    size = float(np.sqrt(((pool - middle) ** 2).mean())) if len(pool) else 1.0
    scaled = [(np.asarray(rows, np.float64) - middle) / (size or 1.0) for rows in (train, held_out, pool)]
    return StandIn(name=name, train=scaled[0], held_out=scaled[1], pool=scaled[2], fit=fitted_linear)


def stacked(first: Matrix, second: Matrix) -> Matrix:
    """Rows of both, one after the other."""
    if sparse.issparse(first):
        return sparse.csr_array(sparse.vstack([first, second], format="csr"))
    return np.concatenate([first, second])
