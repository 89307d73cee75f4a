"""Distances between two distributions over the same bins.

All are vectorised over leading axes (permutations, say): the last axis is the bins, and that axis goes. A side without
rows has shares of `nan`, and every distance to it is `nan`: nothing was compared.
"""

import numpy as np


def shares(counts: np.ndarray) -> np.ndarray:
    """Share of the rows in each bin.

    Parameters
    ----------
    counts
        Shape (..., K), 0 or more: rows in each bin.

    Returns
    -------
    np.ndarray
        Shape (..., K), float64, 0 to 1, summing to 1 over the last axis; `nan` where there are no rows.
    """
    values = np.asarray(counts, dtype=np.float64)
    totals = values.sum(axis=-1, keepdims=True)
    return np.divide(values, totals, out=np.full_like(values, np.nan), where=totals > 0)


def l_infinity(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Largest absolute difference of two shares, TFDV's drift measure of categories.

    Parameters
    ----------
    p, q
        Shape (..., K): shares of the two sides.

    Returns
    -------
    np.ndarray
        Shape (...), 0 (same) to 1.
    """
    return np.abs(p - q).max(axis=-1)


def total_variation(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Half the sum of the absolute differences of shares: the share of rows that would have to move.

    Parameters
    ----------
    p, q
        Shape (..., K): shares of the two sides.

    Returns
    -------
    np.ndarray
        Shape (...), 0 (same) to 1 (disjoint).
    """
    return np.abs(p - q).sum(axis=-1) / 2


def kolmogorov_smirnov(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Largest difference of the two cumulative shares, over bins in their order.

    Parameters
    ----------
    p, q
        Shape (..., K): shares of the two sides, bins ascending.

    Returns
    -------
    np.ndarray
        Shape (...), 0 (same) to 1 (apart). At most the distance of the unbinned samples, and equal to it where no
        bin holds two different values.
    """
    return np.abs(np.cumsum(p - q, axis=-1)).max(axis=-1)


def jensen_shannon_divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Mean Kullback-Leibler divergence of the two sides to their middle, in bits, as TFDV measures numbers.

    Parameters
    ----------
    p, q
        Shape (..., K): shares of the two sides.

    Returns
    -------
    np.ndarray
        Shape (...), 0 (same) to 1 bit (disjoint).

    References
    ----------
    Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37(1), 1991.
    """
    middle = _entropy_bits((p + q) / 2)
    return np.clip(middle - (_entropy_bits(p) + _entropy_bits(q)) / 2, 0.0, 1.0)


def chi_squared(reference_counts: np.ndarray, current_counts: np.ndarray) -> np.ndarray:
    """Pearson's statistic of homogeneity of two samples.

    Parameters
    ----------
    reference_counts, current_counts
        Shape (..., K): rows in each bin on the two sides. A bin that is empty on both takes no part.

    Returns
    -------
    np.ndarray
        Shape (...), 0 or more; near K - 1 by chance alone.

    References
    ----------
    Press et al., Numerical Recipes, 3rd ed., equation 14.3.3 (two binned data sets of unequal size).
    """
    reference = np.asarray(reference_counts, dtype=np.float64)
    current = np.asarray(current_counts, dtype=np.float64)
    num_reference = reference.sum(axis=-1, keepdims=True)
    num_current = current.sum(axis=-1, keepdims=True)
    both = (num_reference > 0) & (num_current > 0)
    ratio = np.sqrt(np.divide(num_current, num_reference, out=np.full_like(num_reference, np.nan), where=both))
    pooled = reference + current
    squares = (ratio * reference - current / ratio) ** 2
    return np.divide(squares, pooled, out=0.0 * squares, where=pooled > 0).sum(axis=-1)


def population_stability_index(p: np.ndarray, q: np.ndarray, *, smallest_share: float = 1e-4) -> np.ndarray:
    """Symmetrised Kullback-Leibler divergence in nats, as credit scoring uses it.

    Parameters
    ----------
    p, q
        Shape (..., K): shares of the two sides.
    smallest_share
        What an empty bin's share counts as, above 0, since the index has no value there.

    Returns
    -------
    np.ndarray
        Shape (...), 0 (same) or more.

    Raises
    ------
    ValueError
        If `smallest_share` is not above 0 and below 1.

    References
    ----------
    Siddiqi, Credit Risk Scorecards, Wiley, 2006, chapter 8.
    """
    if not 0.0 < smallest_share < 1.0:
        raise ValueError(f"smallest_share must lie between 0 and 1, got {smallest_share!r}")
    left, right = np.maximum(p, smallest_share), np.maximum(q, smallest_share)
    return ((left - right) * np.log(left / right)).sum(axis=-1)


def _entropy_bits(p: np.ndarray) -> np.ndarray:
    logarithms = np.log2(p, out=np.zeros_like(p, dtype=np.float64), where=p > 0)
    return -(p * logarithms).sum(axis=-1)
