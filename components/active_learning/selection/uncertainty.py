"""How unsure a model is of each row; the larger, the sooner people should be asked.

Shapes: N rows, K classes.

References
----------
B. Settles, "Active Learning Literature Survey", University of Wisconsin-Madison, TR 1648 (2009), section 3.1. Mutual
information: N. Houlsby et al., "Bayesian Active Learning for Classification and Preference Learning",
arXiv:1112.5745 (2011).
"""

from collections.abc import Callable

import numpy as np

from components.active_learning.label_requests import Strategy
from components.active_learning.selection.pool_rows import PoolRows


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy of the answer, shape (N,), 0 to log K, in nats.

    Parameters
    ----------
    probabilities
        Shape (N, K), each row adds up to 1.
    """
    p = np.asarray(probabilities, np.float64)
    found: np.ndarray = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)
    return found


def least_confidence(probabilities: np.ndarray) -> np.ndarray:
    """One minus the probability of the likeliest class, shape (N,), 0 to 1 - 1 / K.

    Parameters
    ----------
    probabilities
        Shape (N, K), each row adds up to 1.
    """
    found: np.ndarray = 1.0 - np.asarray(probabilities, np.float64).max(axis=1)
    return found


def margin(probabilities: np.ndarray) -> np.ndarray:
    """One minus what the likeliest class is ahead of the second, shape (N,), 0 to 1.

    Parameters
    ----------
    probabilities
        Shape (N, K), K 2 or more, each row adds up to 1.
    """
    two = np.partition(np.asarray(probabilities, np.float64), -2, axis=1)[:, -2:]
    found: np.ndarray = 1.0 - (two[:, 1] - two[:, 0])
    return found


OF_PROBABILITIES: dict[Strategy, Callable[[np.ndarray], np.ndarray]] = {
    "entropy": entropy,
    "least_confidence": least_confidence,
    "margin": margin,
}
# Strategies that ask what the model is unsure of.
UNCERTAINTY: tuple[Strategy, ...] = (*OF_PROBABILITIES, "mutual_information")


def uncertainty_scores(rows: PoolRows, strategy: Strategy) -> np.ndarray:
    """How unsure the model is of each row by a strategy of `UNCERTAINTY`, shape (N,).

    Raises
    ------
    ValueError
        If the rows have no mutual information and it is asked for.
    """
    if strategy != "mutual_information":
        return OF_PROBABILITIES[strategy](rows.probabilities)
    if rows.mutual_information is None:
        raise ValueError(
            "mutual_information must be in the predictions table to choose by it, but it is not: score the pool with "
            "dropout passes, or choose by entropy"
        )
    return np.asarray(rows.mutual_information, np.float64)
