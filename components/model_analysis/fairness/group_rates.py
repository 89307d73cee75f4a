"""A measure in every group of a grouping, by fairlearn's MetricFrame, with intervals, and the groups compared.

Shapes: N examples, G groups.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
import math
from typing import Any

from fairlearn.metrics import mean_prediction, MetricFrame
import numpy as np

from components.drift.group_differences import (
    difference_p_value,
    largest_difference,
    LargestDifference,
    ratio_p_value,
)
from components.drift.group_means import group_means, GroupMeans
from components.model_analysis.fairness.measures import in_words, is_asked, Measure
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.runtime.json_values import without_nan
from components.shared.tables.sensitive_groups import Grouping

_ODDS, _ODDS_CONFIDENCE = ("true_positive_rate", "false_positive_rate"), 0.975


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRate:
    """One group's value of a measure over `num_examples` with its own 95 % interval; judged where large enough."""

    name: str
    num_examples: int
    value: float
    low: float
    high: float
    is_judged: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupComparison:
    """A measure in the groups of one grouping.

    Attributes
    ----------
    columns
        What is grouped by.
    measure, positive
        What is measured, and of which class.
    groups
        Every group, the largest first.
    found
        The largest difference among judged groups; None with fewer than two: too small to judge. Its indices are
        places among `judged`.
    p_value
        Of any difference at all.
    limit_p_values
        Of more than the limits, by their name: only where this measure is held against them.
    """

    columns: tuple[str, ...]
    measure: str
    positive: str
    groups: tuple[GroupRate, ...]
    found: LargestDifference | None
    p_value: float
    limit_p_values: dict[str, float]

    @property
    def judged(self) -> tuple[GroupRate, ...]:
        """The groups that are large enough."""
        return tuple(group for group in self.groups if group.is_judged)

    @property
    def too_small(self) -> tuple[GroupRate, ...]:
        """The others."""
        return tuple(group for group in self.groups if not group.is_judged)

    @property
    def words(self) -> str:
        """The measure in words."""
        return in_words(self.measure, self.positive)

    @property
    def by(self) -> str:
        """The columns in words."""
        return " and ".join(self.columns)

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON values, `nan` as null."""
        found = None
        if self.found is not None:
            names = [group.name for group in self.judged]
            surest = [names[place] for place in self.found.surest]
            ends = {"highest": names[self.found.highest], "lowest": names[self.found.lowest], "surest": surest}
            found = without_nan({**asdict(self.found), **ends})
        return {
            "columns": list(self.columns),
            "measure": self.measure,
            "positive": self.positive or None,
            "groups": [without_nan(asdict(group)) for group in self.groups],
            "largest_difference": found,
            **without_nan({"p_value": self.p_value}),
            "limit_p_values": self.limit_p_values,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class OddsDifference:
    """The larger of the differences in true and false positive rate, with a 95 % interval that counts both."""

    columns: tuple[str, ...]
    positive: str
    difference: float
    low: float
    high: float


def compared_groups(
    measures: Sequence[Measure], grouping: Grouping, spec: FairnessSpec, *, clusters: np.ndarray | None = None
) -> tuple[list[GroupComparison], list[OddsDifference]]:
    """Measures in every group, the largest differences between those that are large enough, and equalized odds.

    Parameters
    ----------
    measures, grouping
        Of the same N examples.
    spec
        The limits, and how many examples a group needs.
    clusters
        Shape (N,), int: examples that were sampled together; see `group_means`.

    Returns
    -------
    tuple
        A comparison a measure, and the equalized odds difference, as fairlearn defines it, of each class of which
        both rates could be judged.
    """
    means = [_means(measure, grouping, clusters) for measure in measures]
    comparisons = [_comparison(one, grouping, spec, found) for one, found in zip(measures, means, strict=True)]
    odds: dict[str, list[LargestDifference]] = {}
    for measure, found in zip(measures, means, strict=True):
        judged = found.of_groups(np.flatnonzero(_are_judged(found, spec)))
        if measure.name in _ODDS and len(judged.values) >= 2:
            of_both = odds.setdefault(measure.positive, [])
            of_both.append(largest_difference(judged, confidence=_ODDS_CONFIDENCE))
    differences = [
        OddsDifference(
            columns=grouping.columns,
            positive=positive,
            difference=max(one.difference for one in rates),
            low=max(one.low for one in rates),
            high=max(one.high for one in rates),
        )
        for positive, rates in odds.items()
        if len(rates) == len(_ODDS)
    ]
    return comparisons, differences


def _are_judged(means: GroupMeans, spec: FairnessSpec) -> np.ndarray:
    return (means.num_examples >= spec.min_group_size) & np.isfinite(means.effective)


def _comparison(measure: Measure, grouping: Grouping, spec: FairnessSpec, means: GroupMeans) -> GroupComparison:
    low, high = means.limits()
    is_judged = _are_judged(means, spec)
    columns = (means.num_examples, means.values, low, high, is_judged)
    rows = zip(grouping.names, *(column.tolist() for column in columns), strict=True)
    groups = tuple(
        GroupRate(name=name, num_examples=number, value=value, low=begin, high=end, is_judged=judged)
        for name, number, value, begin, end, judged in rows
    )
    compared = means.of_groups(np.flatnonzero(is_judged))
    can_compare = len(compared.values) >= 2
    return GroupComparison(
        columns=grouping.columns,
        measure=measure.name,
        positive=measure.positive,
        groups=groups,
        found=largest_difference(compared) if can_compare else None,
        p_value=difference_p_value(compared) if can_compare else math.nan,
        limit_p_values=_limit_p_values(compared, measure, spec) if can_compare else {},
    )


def _means(measure: Measure, grouping: Grouping, clusters: np.ndarray | None) -> GroupMeans:
    """Means by fairlearn; how sure they are by `group_means`."""
    rows = measure.rows & (grouping.numbers >= 0)
    values, numbers = measure.values[rows], grouping.numbers[rows]
    found = group_means(values, numbers, len(grouping.names), clusters=None if clusters is None else clusters[rows])
    if not len(values):
        return found
    frame = MetricFrame(metrics=mean_prediction, y_true=values, y_pred=values.astype(float), sensitive_features=numbers)
    return replace(found, values=frame.by_group.reindex(range(len(grouping.names))).to_numpy(dtype=np.float64))


def _limit_p_values(judged: GroupMeans, measure: Measure, spec: FairnessSpec) -> dict[str, float]:
    if not is_asked(measure.name, spec.metric):
        return {}
    found = {}
    if spec.max_difference is not None:
        found["max_difference"] = difference_p_value(judged, spec.max_difference)
    if spec.min_ratio is not None:
        found["min_ratio"] = ratio_p_value(judged, spec.min_ratio)
    return found
