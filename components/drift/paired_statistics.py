"""What is known of two shares, or two errors, of the same examples: an interval, an exact test, and its power."""

import math

import numpy as np
from scipy.stats import binom, norm

from components.drift.share_intervals import Z

_POWER = 0.8


def sign_flip_p_value(sums: np.ndarray) -> float:
    """The chance of a total at most as large as that of U whole numbers whose signs are heads or tails, exactly.

    Pitman's randomisation test; with sums of -1, 0 and 1 the exact one-sided test of McNemar.
    """
    sizes, counts = np.unique(np.abs(np.rint(sums)).astype(np.int64), return_counts=True)
    chances = np.ones(1)  # of the sum of those that are positive: 0, 1, ...
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        if size:
            spread = np.zeros(size * count + 1)
            spread[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
            chances = np.convolve(chances, spread)
    positive = int(np.rint(sums[sums > 0].sum()))
    return float(min(chances[: positive + 1].sum(), 1.0))


def agresti_min_interval(difference: float, disagreement: float, num_examples: float) -> tuple[float, float, float]:
    """95 % interval and standard error of a difference of paired shares; each of four counts gets half an example more.

    Parameters
    ----------
    difference
        Of the two shares, -1 to 1.
    disagreement
        Share of the examples that only one of the two has right.
    num_examples
        May be an effective number, which is not whole; `nan` gives `nan`.

    References
    ----------
    Agresti and Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24
    (2005).
    """
    if not num_examples > 0:
        return math.nan, math.nan, math.nan
    added = num_examples + 2
    share = difference * num_examples / added
    error = math.sqrt(max((disagreement * num_examples + 1) / added - share**2, 0.0) / added)
    low, high = max(share - Z * error, -1.0), min(share + Z * error, 1.0)
    return min(low, difference), max(high, difference), error


def smallest_detectable_difference(error: float, margin: float, num_tests: int = 1, level: float = 0.05) -> float:
    """How much worse a challenger must truly be to be refused in 80 % of the cases.

    Parameters
    ----------
    error
        Standard error of the difference.
    margin
        What the observed difference must exceed beside being more than chance.
    num_tests
        Tests that share the level.
    level
        Chance of a refusal where the two are equally good.

    Returns
    -------
    float
        In the metric's unit; `nan` where the error is.
    """
    power = float(norm.ppf(_POWER))
    return max(float(norm.ppf(1 - level / num_tests)) * error, margin) + power * error
