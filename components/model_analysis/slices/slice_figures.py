"""How much a model errs on a slice, and elsewhere, with intervals.

Shapes: N examples.
"""

from dataclasses import asdict, dataclass
import math

import numpy as np

from components.shared.runtime.json_values import without_nan


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceFigures:
    """Errors of a slice and of all other examples: shares that are wrong, or mean errors.

    Attributes
    ----------
    num_examples
        Examples of the slice.
    error, error_low, error_high
        On the slice; `nan` without examples.
    elsewhere
        On all other examples.
    difference, difference_low, difference_high
        Slice less elsewhere.
    """

    num_examples: int
    error: float
    error_low: float
    error_high: float
    elsewhere: float
    difference: float
    difference_low: float
    difference_high: float

    def to_json(self) -> dict[str, float | int | None]:
        """The figures as JSON values; None where one is undefined."""
        return dict(without_nan(asdict(self)))


def slice_figures(errors: np.ndarray, rows: np.ndarray, *, z: float, is_share: bool) -> SliceFigures:
    """Figures of a slice.

    Parameters
    ----------
    errors
        Shape (N,): 0 or 1 where `is_share`, else numbers of 0 or more.
    rows
        Shape (N,), bool: the slice.
    z
        How many standard errors the intervals reach: 1.96 for 95 % of one slice, more where it holds for many at once.
    is_share
        Whether the error is the share that is wrong: Wilson's interval, Newcombe's of the difference; else Welch's.

    References
    ----------
    Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
    Statistics in Medicine 17 (1998), method 10.
    """
    inside, outside = errors[rows], errors[~rows]
    if not len(inside) or not len(outside):
        error = float(inside.mean()) if len(inside) else math.nan
        gone = dict.fromkeys(("error_low", "error_high", "elsewhere", "difference"), math.nan)
        return SliceFigures(
            num_examples=len(inside), error=error, **gone, difference_low=math.nan, difference_high=math.nan
        )
    error, elsewhere = float(inside.mean()), float(outside.mean())
    low, high = _interval(inside, z, is_share=is_share)
    other_low, other_high = _interval(outside, z, is_share=is_share)
    return SliceFigures(
        num_examples=len(inside),
        error=error,
        error_low=low,
        error_high=high,
        elsewhere=elsewhere,
        difference=error - elsewhere,
        difference_low=error - elsewhere - math.hypot(error - low, other_high - elsewhere),
        difference_high=error - elsewhere + math.hypot(high - error, elsewhere - other_low),
    )


def _interval(values: np.ndarray, z: float, *, is_share: bool) -> tuple[float, float]:
    mean, number = float(values.mean()), len(values)
    if not is_share:
        half = z * float(values.std(ddof=1)) / math.sqrt(number) if number > 1 else math.inf
        return mean - half, mean + half
    weight = z**2 / number
    middle = (mean + weight / 2) / (1 + weight)
    half = math.sqrt(mean * (1 - mean) * weight + weight**2 / 4) / (1 + weight)
    return max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half))
