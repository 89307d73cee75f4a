"""What a threshold a group would change: chosen on validation, looked at on test, and never applied.

Shapes: N examples of the validation and the test split, G groups.
"""

from dataclasses import dataclass
import math

import numpy as np

from components.drift.paired_shares import paired_shares
from components.shared.contracts.fairness_spec import FairnessMetric, RateName
from components.shared.tables.sensitive_groups import Grouping

_EVENED: dict[FairnessMetric | None, RateName] = {
    "false_positive_rate": "false_positive_rate",
    "selection_rate": "selection_rate",
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScoredExamples:
    """Examples of two classes: whether each is positive, its probability of that, and whether it is a test example.

    Shape (N,) each; the others are of the validation split. `clusters` are as in `group_means`.
    """

    is_positive: np.ndarray
    scores: np.ndarray
    is_test: np.ndarray
    clusters: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupThreshold:
    """A group's threshold, and its rate on the test split with the common one and with it; `nan` without examples."""

    name: str
    threshold: float
    before: float
    after: float
    is_own: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdChange:
    """What thresholds a group would do on the test split.

    Attributes
    ----------
    columns, measure
        What is grouped by, and the rate that is evened out.
    groups
        Those with test examples.
    difference_before, difference_after
        Largest difference of the rate between groups that have a threshold of their own.
    accuracy_before, accuracy_change, accuracy_low, accuracy_high
        Accuracy with the common threshold, and what it gains with a 95 % interval.
    """

    columns: tuple[str, ...]
    measure: RateName
    groups: tuple[GroupThreshold, ...]
    difference_before: float
    difference_after: float
    accuracy_before: float
    accuracy_change: float
    accuracy_low: float
    accuracy_high: float


def evened_rate(metric: FairnessMetric | None) -> RateName:
    """The rate that thresholds even out: the one that was asked for, else the true positive rate."""
    return _EVENED.get(metric, "true_positive_rate")


def threshold_change(
    examples: ScoredExamples, grouping: Grouping, measure: RateName, *, threshold: float, min_group_size: int
) -> ThresholdChange | None:
    """Give every group the threshold at which its rate is the overall one's; None where fewer than two can have one.

    Parameters
    ----------
    measure
        The rate to even out.
    threshold
        The common one: examples whose score is at least as large are answered positive.
    min_group_size
        Groups with fewer validation examples for the rate keep the common threshold.

    References
    ----------
    Hardt, Price and Srebro, "Equality of opportunity in supervised learning", NeurIPS 29 (2016); without its
    randomisation.
    """
    counted = _counted(examples, measure)
    chosen_on = counted & ~examples.is_test
    if not chosen_on.any():
        return None
    overall = float((examples.scores[chosen_on] >= threshold).mean())
    own: dict[int, float] = {}
    thresholds = np.full(len(examples.scores), threshold)
    for number in range(len(grouping.names)):
        of_group = grouping.numbers == number
        scores = examples.scores[chosen_on & of_group]
        if len(scores) >= min_group_size:
            own[number] = threshold_for(scores, overall)
            thresholds[of_group] = own[number]
    if len(own) < 2:
        return None
    answered = (examples.scores >= threshold, examples.scores >= thresholds)
    return _change(examples, grouping, measure, answered, own, threshold)


def threshold_for(scores: np.ndarray, share: float) -> float:
    """The threshold that a share of scores (N,) closest to the wanted one reaches; above all of them for none."""
    ordered = np.unique(scores)
    reached = 1.0 - np.searchsorted(np.sort(scores), ordered) / len(scores)
    candidates = np.append(ordered, np.nextafter(ordered[-1], math.inf))
    return float(candidates[np.abs(np.append(reached, 0.0) - share).argmin()])


def _counted(examples: ScoredExamples, measure: RateName) -> np.ndarray:
    """The examples that a rate is a share of, shape (N,), bool."""
    if measure == "true_positive_rate":
        return examples.is_positive
    if measure == "false_positive_rate":
        return ~examples.is_positive
    return np.ones(len(examples.is_positive), dtype=bool)


def _change(
    examples: ScoredExamples,
    grouping: Grouping,
    measure: RateName,
    answered: tuple[np.ndarray, np.ndarray],
    own: dict[int, float],
    threshold: float,
) -> ThresholdChange:
    shown_on = _counted(examples, measure) & examples.is_test
    groups = []
    for number, name in enumerate(grouping.names):
        rows = shown_on & (grouping.numbers == number)
        if rows.any():
            before, after = (float(side[rows].mean()) for side in answered)
            limit = own.get(number, threshold)
            groups.append(GroupThreshold(name=name, threshold=limit, before=before, after=after, is_own=number in own))
    rates = [(group.before, group.after) for group in groups if group.is_own]
    spread = np.ptp(rates, axis=0) if rates else np.full(2, math.nan)
    test, clusters = examples.is_test, examples.clusters
    now, then = (side[test] == examples.is_positive[test] for side in answered)
    gained = paired_shares(then, now, None if clusters is None else clusters[test])
    return ThresholdChange(
        columns=grouping.columns,
        measure=measure,
        groups=tuple(groups),
        difference_before=float(spread[0]),
        difference_after=float(spread[1]),
        accuracy_before=float(now.mean()) if len(now) else math.nan,
        accuracy_change=gained.difference,
        accuracy_low=gained.low,
        accuracy_high=gained.high,
    )
