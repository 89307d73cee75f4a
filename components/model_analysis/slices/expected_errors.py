"""Errors that a model itself leads one to expect: where it is unsure, it errs, and says so.

Shapes: N examples.
"""

import numpy as np

NUM_BINS = 10


def errors_expected_by_confidence(
    confidence: np.ndarray, errors: np.ndarray, *, num_bins: int = NUM_BINS
) -> np.ndarray:
    """The mean error of the examples of which the model is about as sure, shape (N,).

    Confidence need not be calibrated, only larger where the model is surer: what it is worth is read off the errors.

    Parameters
    ----------
    confidence
        Shape (N,): the probability of the predicted class, 0 to 1.
    errors
        Shape (N,): 0 or 1, whether the answer is wrong.
    num_bins
        Bins of equally many examples, 1 or more; fewer where many are equally sure.

    Returns
    -------
    numpy.ndarray
        As if a bin had one example more, of the mean error of all, so that no error is impossible.

    Raises
    ------
    ValueError
        If lengths disagree, a confidence is not a number, or `num_bins` is below 1.
    """
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1, got {num_bins!r}")
    if len(confidence) != len(errors):
        raise ValueError(f"there must be a confidence for each of {len(errors)} errors, got {len(confidence)}")
    if not np.isfinite(confidence).all():
        raise ValueError("confidence must be numbers of 0 to 1, got one that is not finite: leave such examples out")
    if not len(errors):
        return np.zeros(0)
    edges = np.unique(np.quantile(confidence, np.arange(1, num_bins) / num_bins))
    bins = np.searchsorted(edges, confidence, side="right")
    totals, sizes = np.bincount(bins, weights=errors), np.bincount(bins)
    return np.asarray(((totals + errors.mean()) / (sizes + 1.0))[bins])
