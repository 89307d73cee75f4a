"""How far a series in time depends on itself, which decides how long a nearly independent block must be."""

import numpy as np


def autocorrelation_time(values: np.ndarray) -> float:
    """Integrated autocorrelation time of a series (N,), in rows, 1 or more; `nan` values are left out.

    So many rows carry as much as one independent row: 1 for independent rows, for a constant and below 4 values. For
    values with long tails pass ranks or codes.

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
    """Autocorrelation at lags 0 to N / 2; zero padding to twice the length keeps the FFT from wrapping around."""
    size = 1 << (2 * len(centred) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), size)[: len(centred) // 2]
    return covariance / covariance[0]
