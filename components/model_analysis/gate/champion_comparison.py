"""The challenger against the champion: overall and on every slice, with the tests' level shared among them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np

from components.drift.multiple_tests import holm
from components.drift.paired_shares import PairedDifference
from components.drift.paired_statistics import smallest_detectable_difference
from components.model_analysis.gate.answered_pair import ClassPair, NumberPair
from components.shared.contracts.target_spec import ERROR_METRICS, TargetSpec

LEVEL = 0.05
MIN_SLICE_EXAMPLES = 100
OVERALL = "overall"
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One comparison: overall, or on a slice.

    Attributes
    ----------
    name
        `overall`, or the slice in words, such as `region = north`.
    margin
        How much worse the challenger may be, in the metric's unit.
    adjusted_p
        Holm's: below 0.05 where being worse is more than chance, all comparisons counted; `nan` where undefined.
    detectable
        How much worse a challenger must truly be here to be refused in 80 % of the cases.
    """

    name: str
    found: PairedDifference
    margin: float
    adjusted_p: float
    detectable: float

    @property
    def is_significant(self) -> bool:
        """Whether the challenger is worse by more than chance."""
        return self.adjusted_p < LEVEL

    @property
    def is_refused(self) -> bool:
        """Whether it is worse by more than chance, and by more than the margin."""
        return self.is_significant and self.found.difference < -self.margin - _ROUNDING

    @property
    def is_non_inferior(self) -> bool:
        """Whether the interval of the difference lies within the margin."""
        return self.found.low > -self.margin

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON values, `nan` as null."""
        values = {
            "name": self.name,
            **asdict(self.found),
            "margin": self.margin,
            "adjusted_p_value": self.adjusted_p,
            "smallest_detectable_difference": self.detectable,
            "refused": self.is_refused,
        }
        return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in values.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionComparison:
    """All comparisons of one challenger: overall, judged slices, and the examples of slices that are too small."""

    metric: str
    overall: Compared
    slices: tuple[Compared, ...]
    too_small: dict[str, int]

    def refused(self) -> tuple[Compared, ...]:
        """Comparisons that refuse the challenger, overall first, then the largest differences."""
        slices = sorted((item for item in self.slices if item.is_refused), key=lambda item: item.found.difference)
        return (*([self.overall] if self.overall.is_refused else []), *slices)


def compared_with_champion(
    pair: ClassPair | NumberPair,
    target: TargetSpec,
    *,
    slices: Mapping[str, np.ndarray] | None = None,
    min_slice_examples: int = MIN_SLICE_EXAMPLES,
) -> ChampionComparison:
    """Compare two models in the target's metric.

    Parameters
    ----------
    pair
        What both answered on the same N examples; N is 1 or more.
    target
        Its metric and margin.
    slices
        Masks by name, shape (N,), bool.
    min_slice_examples
        Slices that the metric has fewer examples of are too small to judge.

    Returns
    -------
    ChampionComparison
        Slices in the order given.
    """
    found = {OVERALL: pair.compare(target.metric, np.ones(len(pair), dtype=bool))}
    too_small = {}
    for name, rows in (slices or {}).items():
        num_rows = int(rows.sum())
        compared = pair.compare(target.metric, rows) if num_rows >= min_slice_examples else None
        if compared is None or compared.num_examples < min_slice_examples:
            too_small[name] = num_rows if compared is None else compared.num_examples
        elif math.isfinite(compared.p_value):
            found[name] = compared
    adjusted = holm([item.p_value for item in found.values()])
    judged = []
    for (name, item), adjusted_p in zip(found.items(), adjusted, strict=True):
        margin = target.margin * (item.champion if target.metric in ERROR_METRICS else 1.0)
        detectable = smallest_detectable_difference(item.error, margin, len(found), LEVEL)
        judged.append(Compared(name=name, found=item, margin=margin, adjusted_p=adjusted_p, detectable=detectable))
    return ChampionComparison(metric=target.metric, overall=judged[0], slices=tuple(judged[1:]), too_small=too_small)
