"""Several opinions on what examples are, as one: a product of their powers, weighted by how well they predict labels.

Shapes: N examples, K classes, M opinions.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

_LEAST = 1e-6


def joint_opinion(
    opinions: Sequence[np.ndarray], labels: np.ndarray, *, known: np.ndarray | None = None, caution: float = 0.0
) -> np.ndarray:
    """A product of powers of the opinions with a factor a class: of the highest likelihood of labels.

    Parameters
    ----------
    opinions
        M of shape (N, K), rows add up to 1; none of them saw the labels that it is weighed by. One that is equal for
        all classes says nothing of an example.
    labels
        Shape (N,), int: classes, 0 to K - 1.
    known
        Shape (N,), bool: whose labels the opinions are weighed by; None for all.
    caution
        How much, in labels' log-likelihood, a power may not move from 1/M without gaining it; 0 weighs by the labels
        alone.

    Returns
    -------
    np.ndarray
        Shape (N, K), rows add up to 1.
    """
    logs = [np.log(np.clip(opinion, _LEAST, 1.0)) for opinion in opinions]
    num_opinions, num_classes = len(logs), logs[0].shape[1]
    rows = np.arange(len(labels)) if known is None else np.flatnonzero(known)
    told, is_given = [log[rows] for log in logs], np.eye(num_classes)[labels[rows]]
    equal = np.full(num_opinions, 1.0 / num_opinions)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        found, moved, factors = _product(told, weights), weights[:num_opinions] - equal, weights[num_opinions:]
        surplus = found - is_given
        slopes = np.array([(surplus * log).sum() for log in told]) + caution * moved
        value = -np.log(np.maximum(found[np.arange(len(rows)), labels[rows]], 1e-300)).sum()
        value += 0.5 * (factors**2).sum() + 0.5 * caution * (moved**2).sum()
        return float(value), np.concatenate([slopes, surplus.sum(axis=0) + factors])

    start = np.concatenate([equal, np.zeros(num_classes)])
    bounds = [(0.0, None)] * num_opinions + [(None, None)] * num_classes
    return _product(logs, minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _product(logs: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    exponents = weights[len(logs) :] + sum(weight * log for weight, log in zip(weights, logs, strict=False))
    powers = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    product: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return product
