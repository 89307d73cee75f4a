"""A changed unit: one factor that turns the reference's distribution into the current one.

Values that came in kilometres instead of miles have drifted as far as any test can tell, but they want a different
remedy than values that really changed.
"""

from dataclasses import dataclass
import math

import numpy as np

from components.data_validation.comparison.sample_distance import kolmogorov_smirnov_chance, kolmogorov_smirnov_distance

_MIN_ROWS = 50
_QUANTILES = np.linspace(0.05, 0.95, 19)
# A factor this close to 1 is a small drift, not a unit.
_SMALLEST_FACTOR = 1.05
# How far, on log scale, the ratio of two samples may lie from the known factor that it stands for.
_KNOWN_TOLERANCE, _WIDEST_TOLERANCE = 0.03, 0.1
_CLOSE_ENOUGH = 0.05
_IMPROVEMENT = 0.5
# A factor, and the units it leads from and to.
_UNITS: tuple[tuple[float, tuple[tuple[str, str], ...]], ...] = (
    (1.609344, (("miles", "kilometres"),)),
    (1 / 0.45359237, (("kilograms", "pounds"),)),
    (2.54, (("inches", "centimetres"),)),
    (1 / 0.3048, (("metres", "feet"),)),
    (1 / 0.9144, (("metres", "yards"),)),
    (3.785411784, (("gallons", "litres"),)),
    (4.184, (("kilocalories", "kilojoules"),)),
    (28.349523125, (("ounces", "grams"),)),
    (7.0, (("weeks", "days"),)),
    (24.0, (("days", "hours"),)),
    (60.0, (("minutes", "seconds"), ("hours", "minutes"))),
    (3600.0, (("hours", "seconds"),)),
    (100.0, (("shares", "percentages"), ("dollars", "cents"), ("metres", "centimetres"))),
    (1000.0, (("seconds", "milliseconds"), ("thousands", "single units"))),
    (1e6, (("seconds", "microseconds"), ("millions", "single units"))),
    (1e9, (("seconds", "nanoseconds"), ("billions", "single units"))),
)
_Candidate = tuple[float, float, str]
_KNOWN_FACTORS: tuple[_Candidate, ...] = tuple(
    candidate
    for factor, pairs in _UNITS
    for candidate in (
        (factor, 0.0, " or ".join(f"{small} to {large}" for small, large in pairs)),
        (1 / factor, 0.0, " or ".join(f"{large} to {small}" for small, large in pairs)),
    )
)
_TEMPERATURES: tuple[_Candidate, ...] = (
    (1.8, 32.0, "degrees Celsius to Fahrenheit"),
    (1 / 1.8, -32.0 / 1.8, "degrees Fahrenheit to Celsius"),
    (1.0, 273.15, "degrees Celsius to kelvins"),
    (1.0, -273.15, "kelvins to degrees Celsius"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitChange:
    """How the current values follow from the reference's: `factor * value + offset`."""

    factor: float
    offset: float  # 0 except between temperature scales
    name: str  # the units, `miles to kilometres`; empty where the factor is no known one
    distance_after: float  # Kolmogorov-Smirnov, 0 to 1, once the reference is rescaled

    @property
    def words(self) -> str:
        """The change as a question: `values look multiplied by 1.609: miles to kilometres?`."""
        size = f"multiplied by {self.factor:.4g}" if self.factor > 1 else f"divided by {1 / self.factor:.4g}"
        parts = [size] * (self.factor != 1) + [f"moved by {self.offset:.4g}"] * (self.offset != 0)
        return f"values look {' and '.join(parts)}: {self.name or 'did their unit change'}?"


def unit_change(reference: np.ndarray, current: np.ndarray) -> UnitChange | None:
    """The one factor that explains how a column drifted, from its values in the two datasets, shapes (N,) and (M,).

    NaN and infinities take no part. None where a dataset has fewer than 50 values, the samples do not differ, or no one
    factor brings them together: at most a distance of 0.05 (or what chance explains) may be left, and at most half of
    what was there. The factor is the median ratio of the two samples' quantiles; a known factor within its error that
    fits as well is taken instead. Prices that all rose by a tenth look like a changed unit: then `name` is empty.
    """
    reference, current = reference[np.isfinite(reference)], current[np.isfinite(current)]
    if min(len(reference), len(current)) < _MIN_ROWS:
        return None
    chance = kolmogorov_smirnov_chance(len(reference), len(current))
    before = kolmogorov_smirnov_distance(reference, current)
    if before <= chance:
        return None
    candidates = [*_factors(reference, current), *_TEMPERATURES]
    changes = [_rescaled(reference, current, candidate) for candidate in candidates]
    bound = min(max(_CLOSE_ENOUGH, chance), _IMPROVEMENT * before)
    fitting = [change for change in changes if change.distance_after <= bound]
    # A known factor may fit a little worse than the one that was fitted.
    return min(fitting, key=lambda change: change.distance_after - bool(change.name) * chance / 2, default=None)


def _factors(reference: np.ndarray, current: np.ndarray) -> list[_Candidate]:
    """The ratio of the quantiles, and the known factors that it may stand for."""
    logs = [np.log(np.abs(values[values != 0])) for values in (reference, current)]
    if not all(map(len, logs)):
        return []
    quantiles = [np.quantile(values, _QUANTILES) for values in logs]
    ratio = float(np.median(quantiles[1] - quantiles[0]))
    if abs(ratio) < math.log(_SMALLEST_FACTOR):
        return []
    error = min(values.std() for values in logs) * math.sqrt(sum(1 / len(values) for values in logs))
    tolerance = min(max(_KNOWN_TOLERANCE, 2 * error), _WIDEST_TOLERANCE)
    known = [candidate for candidate in _KNOWN_FACTORS if abs(math.log(candidate[0]) - ratio) < tolerance]
    return [*known, (math.exp(ratio), 0.0, "")]


def _rescaled(reference: np.ndarray, current: np.ndarray, candidate: _Candidate) -> UnitChange:
    factor, offset, name = candidate
    # Rounding splits values that are equal on paper: to nine digits they are equal.
    with np.errstate(over="ignore"):  # infinite is as large as it needs to be
        scaled = reference * factor + offset
    after = kolmogorov_smirnov_distance(_rounded(scaled), _rounded(current))
    return UnitChange(factor=factor, offset=offset, name=name, distance_after=after)


def _rounded(values: np.ndarray) -> np.ndarray:
    smallest, largest = 1e-290, 1e290  # beyond these the power of ten would leave the range of a float
    digits = np.floor(np.log10(np.clip(np.abs(values), smallest, largest)))
    scale = 10.0 ** (8 - digits)
    return np.round(values * scale) / scale
