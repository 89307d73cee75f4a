"""Numbers of any size scaled to around 0, and the knots between which a network bends.

A number is centred at the median and divided by a spread of quantiles, in 64 bits, so that times in seconds keep their
digits and a few huge values do not squeeze the others. Beyond three spreads it grows like a logarithm.

Shapes: B examples, S sources (columns of numbers), F numbers that the network gets to see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

_QUANTILE_PAIRS = ((0.25, 0.75), (0.1, 0.9), (0.05, 0.95), (0.01, 0.99), (0.001, 0.999))
_LINEAR_UP_TO = 3.0
_LARGEST = 1e150
_LARGEST_SCALED = 1e12
_INDICATOR_KNOTS = (0.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberScale:
    """How one source of numbers is scaled; `centre` (the median) and `spread` are in the source's unit.

    Attributes
    ----------
    spread
        Above 0: the standard deviation, if the numbers are normally distributed.
    knots
        Scaled values, ascending: quantiles, or every value where there are few. Empty for a source that never differs:
        it gives no number.
    marks_missing
        Whether a second number marks a missing value.
    """

    centre: float = 0.0
    spread: float = 1.0
    knots: tuple[float, ...] = ()
    marks_missing: bool = False

    def __post_init__(self) -> None:
        if not np.isfinite([self.centre, self.spread, *self.knots]).all() or self.spread <= 0.0:
            raise ValueError(f"a scale must have finite numbers and a spread above 0, got {self}")
        if len(self.knots) == 1 or not (np.diff(self.knots) > 0).all():
            raise ValueError(f"knots must be none or two or more, ascending, got {self.knots}")

    @property
    def num_numbers(self) -> int:
        """Numbers that the source gives: 0 to 2."""
        return bool(self.knots) + self.marks_missing

    def to_dict(self) -> dict[str, Any]:
        """The scale as JSON values."""
        return {**asdict(self), "knots": list(self.knots)}


def number_scale_from(content: Mapping[str, Any]) -> NumberScale:
    """Read what `to_dict` wrote; ValueError or TypeError if it is something else."""
    return NumberScale(**{**content, "knots": tuple(content["knots"])})


def fit_number_scale(values_N: np.ndarray, *, marks_missing: bool, max_bins: int) -> NumberScale:
    """Scale of training values, shape (N,), float64, `nan` where missing.

    Knots are at `max_bins` + 1 quantiles; at every value where there are few, so that each code, such as a month, may
    have its own effect.
    """
    finite = np.clip(values_N[np.isfinite(values_N)], -_LARGEST, _LARGEST)
    if not len(finite) or finite.min() == finite.max():
        return NumberScale(marks_missing=marks_missing)
    centre, spread = float(np.median(finite)), _spread(finite)
    scaled = _scaled(finite, np.array(centre), np.array(spread)).astype(np.float32)
    knots = np.unique(scaled)
    if len(knots) > max_bins + 1:
        knots = np.unique(np.quantile(scaled, np.linspace(0.0, 1.0, max_bins + 1)).astype(np.float32))
    if len(knots) < 2:
        return NumberScale(marks_missing=marks_missing)
    return NumberScale(centre=centre, spread=spread, knots=tuple(knots.tolist()), marks_missing=marks_missing)


def _spread(values_N: np.ndarray) -> float:
    for low, high in _QUANTILE_PAIRS:
        lower, upper = np.quantile(values_N, [low, high])
        if upper > lower:
            return float((upper - lower) / (2.0 * NormalDist().inv_cdf(high)))
    # All but a thousandth have one value.
    return float((values_N.max() - values_N.min()) / 4.0)


def _scaled(values: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        scaled = np.clip((np.clip(values, -_LARGEST, _LARGEST) - centre) / spread, -_LARGEST_SCALED, _LARGEST_SCALED)
    size = np.abs(scaled)
    beyond = _LINEAR_UP_TO + np.log1p(np.maximum(size - _LINEAR_UP_TO, 0.0))
    return np.where(size > _LINEAR_UP_TO, np.copysign(beyond, scaled), scaled)


class NumberScaling:
    """Scales all S sources of a table at once, one `NumberScale` each.

    `knots` are those of the F numbers: the scaled values first, then the indicators of missing values.
    """

    def __init__(self, scales: Sequence[NumberScale]) -> None:
        self._used = np.array([bool(scale.knots) for scale in scales], bool)
        self._marked = np.array([scale.marks_missing for scale in scales], bool)
        self._centre = np.array([scale.centre for scale in scales], np.float64)[self._used]
        self._spread = np.array([scale.spread for scale in scales], np.float64)[self._used]
        indicators = [_INDICATOR_KNOTS] * int(self._marked.sum())
        self.knots: tuple[tuple[float, ...], ...] = (*(scale.knots for scale in scales if scale.knots), *indicators)

    def numbers(self, values_BS: np.ndarray) -> np.ndarray:
        """Scaled numbers, shape (B, F), float32, finite, from values of the shape (B, S), float64.

        What is not finite is missing: it becomes 0, the median, and its indicator 1.
        """
        missing_BS = ~np.isfinite(values_BS)
        filled = np.where(missing_BS[:, self._used], self._centre, values_BS[:, self._used])
        scaled = _scaled(filled, self._centre, self._spread)
        return np.concatenate([scaled, missing_BS[:, self._marked]], axis=1, dtype=np.float32)
