"""Distances between two distributions over the same K bins.

All are vectorised over leading axes (permutations, say): counts and shares `p`, `q` have the shape (..., K), results
(...). A side without rows has shares of `nan`, and every distance to it is `nan`: nothing was compared.
"""

import numpy as np


def shares(counts: np.ndarray) -> np.ndarray:
    """Share of the rows in each bin, (..., K) to (..., K), 0 to 1; `nan` where there are no rows."""
    values = np.asarray(counts, dtype=np.float64)
    totals = values.sum(axis=-1, keepdims=True)
    return np.divide(values, totals, out=np.full_like(values, np.nan), where=totals > 0)


def l_infinity(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Largest absolute difference of two shares, 0 (same) to 1: TFDV's drift measure of categories."""
    return np.abs(p - q).max(axis=-1)


def total_variation(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Share of rows that would have to move, 0 (same) to 1 (disjoint): half the summed absolute differences."""
    return np.abs(p - q).sum(axis=-1) / 2


def kolmogorov_smirnov(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Largest difference of the two cumulative shares over ascending bins, 0 (same) to 1 (apart).

    At most the distance of the unbinned samples, and equal to it where no bin holds two different values.
    """
    return np.abs(np.cumsum(p - q, axis=-1)).max(axis=-1)


def jensen_shannon_divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Mean Kullback-Leibler divergence to the sides' middle, 0 (same) to 1 bit (disjoint): TFDV's for numbers.

    Reference: Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37(1),
    1991.
    """
    middle = _entropy_bits((p + q) / 2)
    return np.clip(middle - (_entropy_bits(p) + _entropy_bits(q)) / 2, 0.0, 1.0)


def chi_squared(reference_counts: np.ndarray, current_counts: np.ndarray) -> np.ndarray:
    """Pearson's statistic of homogeneity of two samples' counts, 0 or more; near K - 1 by chance alone.

    A bin that is empty on both sides takes no part. Reference: Press et al., Numerical Recipes, 3rd ed., equation
    14.3.3 (two binned data sets of unequal size).
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


def _entropy_bits(p: np.ndarray) -> np.ndarray:
    logarithms = np.log2(p, out=np.zeros_like(p, dtype=np.float64), where=p > 0)
    return -(p * logarithms).sum(axis=-1)
