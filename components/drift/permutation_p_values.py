"""Permutation p-values and thresholds for a whole family of statistics, by the permuted maximum of all of them.

A run that compares 20 columns in three ways makes 60 comparisons, and at 5% each nearly every run would alarm. Each
statistic is put in standard units. The largest of all exceeds its own 95% quantile in 5% of the runs without drift,
however the columns depend on each other; whatever exceeds that is significant, all comparisons counted.
"""

from dataclasses import dataclass
import math

import numpy as np

from components.drift.comparison_result import StatisticResult

_ROUNDING = 1e-12
_SMALLEST_DEVIATION = 1e-7


@dataclass(frozen=True, kw_only=True, slots=True)
class FamilyMember:
    """One statistic's place in the family.

    Attributes
    ----------
    value
        What was observed, in the statistic's own unit; `nan` where there was nothing to compare.
    mean, deviation
        Of the permuted statistic, raised to `power`.
    score
        What was observed in those standard units; minus infinity where permuting changes nothing, so that nothing can
        be tested.
    """

    value: float
    power: float
    mean: float
    deviation: float
    score: float


class MaximumFamily:
    """The permuted maxima (P,) over all statistics that were added; row i of each must stem from permutation i.

    Reference: Westfall and Young, Resampling-Based Multiple Testing, Wiley, 1993, section 2.5: single-step adjusted
    p-values.
    """

    def __init__(self, num_permutations: int) -> None:
        self._maxima = np.full(num_permutations, -np.inf)

    def add(self, statistic: np.ndarray, *, power: float) -> FamilyMember:
        """Add a statistic (P + 1,), 0 or more, the observed value first; `nan` where nothing was compared.

        `power` makes it near normal, so that its long right tail does not dominate the family's maximum: 1/3 for sums
        of squares (Wilson and Hilferty, PNAS 17, 1931), so 2/3 for the size of a single difference.
        """
        raised = np.where(statistic < _ROUNDING, 0.0, statistic) ** power
        permuted = raised[1:][~np.isnan(raised[1:])]
        scores = _scores_by_the_others(raised)
        np.maximum(self._maxima, scores[1:], out=self._maxima)
        return FamilyMember(
            value=float(statistic[0]),
            power=power,
            mean=float(permuted.mean()) if len(permuted) else math.nan,
            deviation=float(permuted.std()) if len(permuted) else 0.0,
            score=float(scores[0]),
        )

    def p_value(self, member: FamilyMember) -> float:
        """Chance, without drift, that any statistic of the family is as extreme as this one: 1 / (P + 1) to 1.

        1 for a statistic that permuting does not change; `nan` where nothing was compared.
        """
        if math.isnan(member.value):
            return math.nan
        at_least = int(np.count_nonzero(self._maxima >= member.score - _ROUNDING * max(1.0, abs(member.score))))
        return (1 + at_least) / (len(self._maxima) + 1) if math.isfinite(member.score) else 1.0

    def threshold(self, member: FamilyMember, false_alarm_rate: float) -> float:
        """The value above which a statistic is significant, in its own unit; `nan` where permuting does not change it.

        `false_alarm_rate` is the chance, 1 / (P + 1) to 1, that any statistic exceeds its threshold without drift.
        """
        if not math.isfinite(member.score):
            return math.nan
        rank = math.floor(false_alarm_rate * (len(self._maxima) + 1) + _ROUNDING)
        score = np.partition(self._maxima, len(self._maxima) - rank)[len(self._maxima) - rank]
        return float(max(member.mean + float(score) * member.deviation, 0.0) ** (1 / member.power))

    def result(self, name: str, member: FamilyMember, false_alarm_rate: float) -> StatisticResult:
        """A statistic held against its threshold, once the whole family has been added."""
        return StatisticResult(
            name=name,
            value=member.value,
            threshold=self.threshold(member, false_alarm_rate),
            p_value=self.p_value(member),
        )


def _scores_by_the_others(values: np.ndarray) -> np.ndarray:
    """Each value less the mean of all the others, in their standard deviations; minus infinity where there is none.

    The observed value is compared with the permutations, and each permutation with all values but itself. Were only the
    observed value left out, the permutations' own extremes would widen the deviations that they are measured in, and
    with 70 statistics 5% would become 5.5%.
    """
    known = ~np.isnan(values)
    scores = np.full(len(values), -np.inf)
    num_others = np.count_nonzero(known) - 1
    if num_others < 1:
        return scores
    present = values[known]
    apart = (present - present.mean()) * (num_others + 1) / num_others
    squares = ((present - present.mean()) ** 2).sum() - apart**2 * num_others / (num_others + 1)
    deviations = np.sqrt(np.maximum(squares, 0.0) / num_others)
    varies = deviations > _SMALLEST_DEVIATION
    scores[known] = np.divide(apart, deviations, out=np.full_like(apart, -np.inf), where=varies)
    return scores
