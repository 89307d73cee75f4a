"""How long a series remembers: what decides how long a block must be for blocks to be all but independent."""

import numpy as np


def autocorrelation_time(values: np.ndarray) -> float:
    """Integrated autocorrelation time of a series: rows that carry as much as one independent row.

    Parameters
    ----------
    values
        Shape (N,): values in their order in time (ranks or codes for values with long tails); `nan` is left out.

    Returns
    -------
    float
        Rows, 1 or more; 1 for independent rows, for a constant and below 4 values.

    References
    ----------
    Geyer, Practical Markov Chain Monte Carlo, Statistical Science 7(4), 1992, section 3.3: the initial positive
    sequence.
    """
    series = np.asarray(values, dtype=np.float64)
    series = series[~np.isnan(series)]
    if len(series) < 4 or series.min() == series.max():
        return 1.0
    correlation = _autocorrelation(series - series.mean())
    pairs = correlation[: len(correlation) // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    num_positive = int(negative[0]) if len(negative) else len(pairs)
    return max(1.0, float(2 * pairs[:num_positive].sum() - 1))


def _autocorrelation(centred: np.ndarray) -> np.ndarray:
    """Autocorrelation at lags 0 to N / 2; zeros to twice the length keep the series' ends apart."""
    size = 1 << (2 * len(centred) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), size)[: len(centred) // 2]
    return covariance / covariance[0]
