"""A model's answers to labelled examples, group by group: compared, judged, and what thresholds a group would change.

Shapes: N examples, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from components.model_analysis.fairness.findings import fairness_verdict, JudgedExamples, nothing_to_compare
from components.model_analysis.fairness.group_rates import compared_groups, GroupComparison, OddsDifference
from components.model_analysis.fairness.group_thresholds import (
    evened_rate,
    ScoredExamples,
    threshold_change,
    ThresholdChange,
)
from components.model_analysis.fairness.judgement import judged_comparisons, JudgedComparison
from components.model_analysis.fairness.measures import (
    class_measures,
    MAX_CLASSES,
    number_measures,
    positive_classes,
)
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.contracts.verdict import Verdict
from components.shared.tables.sensitive_groups import Grouping, MAX_GROUPS


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnsweredExamples:
    """Examples that people labelled, of the test split and, for thresholds, of the validation split.

    Attributes
    ----------
    labels, predicted
        Shape (N,): class indices, or numbers where `class_names` is empty.
    is_test
        Shape (N,), bool: what is judged; the others are of the validation split.
    groupings
        Of the N examples.
    scores
        Shape (N,): the probability of the second of two classes, or of the one that is looked for; None elsewhere.
    threshold
        From which on a score is answered positive.
    clusters
        Shape (N,), int: which were sampled together; None where each was by itself.
    target_positive
        The class that the target looks for, where it names one.
    """

    labels: np.ndarray
    predicted: np.ndarray
    is_test: np.ndarray
    groupings: Sequence[Grouping]
    class_names: Sequence[str] = ()
    scores: np.ndarray | None = None
    threshold: float = 0.5
    clusters: np.ndarray | None = None
    target_positive: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FairnessAssessment:
    """The verdict with what it rests on; nothing where nothing could be compared."""

    verdict: Verdict
    examples: JudgedExamples
    judged: list[JudgedComparison] = field(default_factory=list)
    odds: list[OddsDifference] = field(default_factory=list)
    thresholds: list[ThresholdChange] = field(default_factory=list)


def assessed(answered: AnsweredExamples, spec: FairnessSpec, *, num_by_machines: int = 0) -> FairnessAssessment:
    """Compare the groups of every grouping in every measure, and judge the differences.

    Parameters
    ----------
    spec
        The limits.
    num_by_machines
        Test examples that were left out because a model or a rule labelled them.

    Raises
    ------
    ValueError
        If the limits are of the other task, or about a class that the model does not know.
    """
    spec.check_task(is_regression=not answered.class_names)
    test = answered.is_test
    spread = float(answered.labels[test].std()) if test.any() and not answered.class_names else 0.0
    examples = JudgedExamples(num_examples=int(test.sum()), num_by_machines=num_by_machines, spread=spread)
    if not answered.groupings or not test.any():
        lacking = "no sensitive column has two groups" if test.any() else "no test example has a label from people"
        return FairnessAssessment(verdict=nothing_to_compare(lacking), examples=examples)
    clusters = None if answered.clusters is None else answered.clusters[test]
    comparisons: list[GroupComparison] = []
    odds: list[OddsDifference] = []
    labels, predicted = answered.labels[test], answered.predicted[test]
    positives: list[int] = []
    if answered.class_names:
        positives = positive_classes(answered.class_names, labels, spec, answered.target_positive)
        measures = class_measures(labels, predicted, answered.class_names, positives)
    else:
        measures = number_measures(labels, predicted)
    for grouping in answered.groupings:
        of_test = Grouping(columns=grouping.columns, names=grouping.names, numbers=grouping.numbers[test])
        found, of_odds = compared_groups(measures, of_test, spec, clusters=clusters)
        comparisons += found
        odds += of_odds
    judged = judged_comparisons(comparisons)
    return FairnessAssessment(
        verdict=fairness_verdict(judged, spec, examples, remarks=_bounds(answered, positives)),
        examples=examples,
        judged=judged,
        odds=odds,
        thresholds=_thresholds(answered, spec, positives),
    )


def _thresholds(answered: AnsweredExamples, spec: FairnessSpec, positives: Sequence[int]) -> list[ThresholdChange]:
    """Of every single column, where two classes are told apart by a threshold."""
    if answered.scores is None or len(answered.class_names) != 2 or not positives:
        return []
    if answered.target_positive not in (None, answered.class_names[positives[0]]):
        return []  # the threshold is one of the other class
    scored = ScoredExamples(
        is_positive=answered.labels == positives[0],
        scores=answered.scores,
        is_test=answered.is_test,
        clusters=answered.clusters,
    )
    found = [
        threshold_change(
            scored,
            grouping,
            evened_rate(spec.metric),
            threshold=answered.threshold,
            min_group_size=spec.min_group_size,
        )
        for grouping in answered.groupings
        if len(grouping.columns) == 1
    ]
    return [change for change in found if change is not None]


def _bounds(answered: AnsweredExamples, positives: Sequence[int]) -> list[str]:
    """What was not looked at, a sentence each."""
    found = [
        f"by {grouping.name}, {grouping.num_left_out:,} examples are in none of the {MAX_GROUPS} largest groups"
        for grouping in answered.groupings
        if grouping.num_left_out
    ]
    if len(answered.class_names) > len(positives) >= MAX_CLASSES:
        found.append(f"rates are of the {MAX_CLASSES} most frequent of {len(answered.class_names)} classes")
    return found
