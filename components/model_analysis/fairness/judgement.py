"""Which differences between groups are more than chance, all comparisons counted, and which a model is refused for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from components.drift.multiple_tests import holm
from components.model_analysis.fairness.group_rates import GroupComparison

LEVEL = 0.05
Status = Literal["refused", "more than chance", "not more than chance", "too small to judge"]
Limit = Literal["max_difference", "min_ratio"]


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedComparison:
    """A comparison with its status.

    Attributes
    ----------
    adjusted_p
        Holm's, of any difference at all, all comparisons counted; `nan` where it is too small to judge.
    broken
        The limits that are broken by more than chance, with Holm's p-value among all that were held against a limit.
    """

    comparison: GroupComparison
    adjusted_p: float
    broken: dict[str, float]

    @property
    def status(self) -> Status:
        """What is said of it."""
        if self.comparison.found is None:
            return "too small to judge"
        if self.broken:
            return "refused"
        return "more than chance" if self.adjusted_p < LEVEL else "not more than chance"


def judged_comparisons(comparisons: Sequence[GroupComparison]) -> list[JudgedComparison]:
    """Every comparison with Holm's p-values, of two families: any difference, and the limits."""
    adjusted = holm([one.p_value for one in comparisons])
    asked = [(place, name, p) for place, one in enumerate(comparisons) for name, p in one.limit_p_values.items()]
    of_limits = holm([p for _, _, p in asked])
    broken: dict[int, dict[str, float]] = {}
    for (place, name, _), p_value in zip(asked, of_limits, strict=True):
        if p_value < LEVEL:
            broken.setdefault(place, {})[name] = p_value
    return [
        JudgedComparison(comparison=one, adjusted_p=p_value, broken=broken.get(place, {}))
        for place, (one, p_value) in enumerate(zip(comparisons, adjusted, strict=True))
    ]
