"""The law of a learning curve: an inverse power of the training size, fitted by weighted least squares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from components.data_validation.sufficiency.cheap_probes import CONFIDENCE

Answer = Literal["yes", "no", "unclear"]
Interval = tuple[float, float]

_EXPONENTS = np.linspace(0.2, 1.2, 21)


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerLaw:
    """The curve `a - b * n ** -c` with `b` of 0 or more and `a` of at most 1: it rises, and levels off at `a`."""

    a: float
    b: float
    c: float

    def at(self, num_rows: float) -> float:
        """Score at a number of training rows, 1 or more."""
        return self.a - self.b * float(num_rows) ** -self.c

    def rows_for(self, score: float) -> float:
        """Training rows at which the curve reaches a score: 1 where it always does, infinity where it never does."""
        if score >= self.a:
            return float("inf")
        return max(1.0, (self.b / (self.a - score)) ** (1.0 / self.c))


def fit_power_law(sizes: Sequence[int], scores: np.ndarray, weights: np.ndarray) -> PowerLaw:
    """Weighted least-squares fit of `a - b * n ** -c`, exponents on a grid from 0.2 to 1.2; flat where the scores fall.

    `sizes`, `scores` and `weights` (above 0) have shape (S,); scores that are not finite take no part.
    """
    used = np.isfinite(scores)
    if used.sum() < 2:
        raise ValueError(f"a curve must have finite scores at 2 sizes at least, got {used.sum()}")
    y, w = scores[used], weights[used] / weights[used].sum()
    basis_ES = np.asarray(sizes, dtype=float)[used][None, :] ** -_EXPONENTS[:, None]
    centre_E = basis_ES @ w
    spread_E = (basis_ES - centre_E[:, None]) ** 2 @ w
    slope_E = np.maximum(0.0, -((basis_ES - centre_E[:, None]) * (y - y @ w)) @ w / np.maximum(spread_E, 1e-300))
    limit_E = y @ w + slope_E * centre_E
    over_E = limit_E > 1.0
    slope_E = np.where(over_E, np.maximum(0.0, ((1.0 - y) * basis_ES) @ w / (basis_ES**2 @ w)), slope_E)
    limit_E = np.minimum(limit_E, 1.0)
    errors_E = (limit_E[:, None] - slope_E[:, None] * basis_ES - y) ** 2 @ w
    best = int(np.argmin(errors_E))
    return PowerLaw(a=float(limit_E[best]), b=float(slope_E[best]), c=float(_EXPONENTS[best]))


def quantile_interval(values: Sequence[float]) -> Interval:
    """Interval that holds 95% of the values, with as many below as above; infinities are values like others."""
    ordered = np.sort(np.asarray(values, dtype=float))
    tail = (1.0 - CONFIDENCE) / 2 * (len(ordered) - 1)
    return float(ordered[int(np.floor(tail))]), float(ordered[int(np.ceil(len(ordered) - 1 - tail))])


def reaches(interval: Interval, threshold: float) -> Answer:
    """Whether what the interval estimates is at least `threshold`; unclear where the interval holds it."""
    if interval[0] >= threshold:
        return "yes"
    return "no" if interval[1] < threshold else "unclear"
