"""Labels that are numbers, cut into quarters, where what is asked of a label needs classes."""

import numpy as np

_SHARES = (0.25, 0.5, 0.75)


def label_quarters(numbers: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Ranges that hold a quarter of the labels each, in words, and each row's range.

    Parameters
    ----------
    numbers
        Shape (N,), float, `nan` where unlabelled; where many are equal there are fewer ranges.

    Returns
    -------
    tuple
        The ranges in ascending order, and shape (N,), int64: their places, -1 where unlabelled.
    """
    is_known = np.isfinite(numbers)
    known = numbers[is_known]
    codes = np.full(len(numbers), -1, np.int64)
    if not len(known):
        return (), codes
    cuts = np.unique(np.quantile(known, _SHARES))
    places, codes[is_known] = np.unique(np.searchsorted(cuts, known), return_inverse=True)
    ends = _words([float(known.min()), *cuts.tolist(), float(known.max())])
    return tuple(f"{ends[place]} to {ends[place + 1]}" for place in places), codes


def _words(numbers: list[float]) -> list[str]:
    """Numbers in as few digits, from four on, as tell different ones apart."""
    for digits in range(4, 18):
        words = [f"{number:.{digits}g}" for number in numbers]
        if len(set(words)) == len(set(numbers)):
            break
    return words
