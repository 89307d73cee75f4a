"""How many examples a class are missing for a target, by extrapolating the learning curve of a cheap probe."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from components.data_validation.sufficiency.learning_curve import LearningCurve
from components.data_validation.sufficiency.power_law import Answer, Interval, quantile_interval, reaches

# Beyond this many times the present data an extrapolation is a guess, and is not given.
MAX_EXTRAPOLATION = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingExamples:
    """How far the data are from a target, by the curve of a cheap probe."""

    minimum: float
    reached: bool  # whether the curve is there with the rows at hand
    reachable: Answer  # by `MAX_EXTRAPOLATION` times the rows: what the curve's interval there says
    rows_needed: float  # training rows at which the curve gets there; infinity where it does not
    rows_interval: Interval  # the upper end may be infinity
    missing_a_class: tuple[int, ...]  # further rows, a class each; empty unless finite and above 0


def missing_examples(curve: LearningCurve, *, minimum: float, counts: Sequence[int]) -> MissingExamples:
    """How many training rows, of the present mix of classes (`counts` at hand), are missing for a target."""
    rows = sum(counts)
    farthest = rows * MAX_EXTRAPOLATION
    needed_by_law = [law.rows_for(minimum) for law in curve.laws]
    needed_by_law = [needed if needed <= farthest else math.inf for needed in needed_by_law]
    rows_needed = float(np.median(needed_by_law))
    reached = curve.law.at(rows) >= minimum
    reachable = "yes" if reached else reaches(curve.interval_at(farthest), minimum)
    further = reachable != "no" and not reached and rows < rows_needed <= farthest
    return MissingExamples(
        minimum=minimum,
        reached=reached,
        reachable=reachable,
        rows_needed=rows_needed,
        rows_interval=quantile_interval(needed_by_law),
        missing_a_class=tuple(_further(count, rows_needed / rows) for count in counts) if further else (),
    )


def _further(count: int, factor: float) -> int:
    # Rounded first: 75 x 4 must not become 301 for the last binary digit.
    return math.ceil(round(count * (factor - 1.0), 6))
