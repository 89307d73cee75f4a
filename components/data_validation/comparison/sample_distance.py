"""Distance of two samples of numbers, row by row: for questions that bins are too coarse for."""

import numpy as np


def kolmogorov_smirnov_distance(reference: np.ndarray, current: np.ndarray) -> float:
    """Largest difference of two samples' cumulative shares, 0 to 1; `nan` where one is empty. No NaN goes in."""
    # SciPy's `ks_2samp` gives the same with a p-value that nobody asks for, at 3 to 30 times the time.
    if not len(reference) or not len(current):
        return float("nan")
    reference, current = np.sort(reference), np.sort(current)
    every = np.concatenate([reference, current])
    below = [np.searchsorted(values, every, side="right") / len(values) for values in (reference, current)]
    return float(np.abs(below[0] - below[1]).max())


def kolmogorov_smirnov_chance(num_reference: int, num_current: int) -> float:
    """Distance that two samples of one source pass in 5 of 100 cases: 1.36 sqrt(1/N + 1/M), for N and M above 30.

    Smirnov, Table for Estimating the Goodness of Fit of Empirical Distributions, Ann. Math. Stat. 19, 1948.
    """
    return float(1.36 * np.sqrt(1 / num_reference + 1 / num_current))
