"""Rates of groups are fairlearn's to the last digit, and thresholds a group do what they should."""

from fairlearn.metrics import (
    equalized_odds_difference,
    false_positive_rate,
    MetricFrame,
    selection_rate,
    true_positive_rate,
)
import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score

from components.model_analysis.fairness.group_rates import compared_groups
from components.model_analysis.fairness.group_thresholds import threshold_for
from components.model_analysis.fairness.measures import class_measures
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.tables.sensitive_groups import sensitive_groupings

THEIRS = {
    "accuracy": accuracy_score,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "selection_rate": selection_rate,
}


def test_figures_equal_fairlearns_to_the_last_digit() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 2, 997), rng.integers(0, 2, 997)
    columns = {"sex": pa.array(rng.choice(["f", "m"], 997)), "race": pa.array(rng.choice(["a", "b", "c"], 997))}
    measures = class_measures(labels, predicted, ("no", "yes"), [1])
    for grouping in sensitive_groupings(columns):
        frame = MetricFrame(metrics=THEIRS, y_true=labels, y_pred=predicted, sensitive_features=grouping.numbers)
        compared, [odds] = compared_groups(measures, grouping, FairnessSpec(min_group_size=10))
        for one in compared:
            assert [group.value for group in one.groups] == frame.by_group[one.measure].tolist()
            assert one.found.difference == frame.difference()[one.measure]
            assert one.found.ratio == pytest.approx(frame.ratio()[one.measure], rel=1e-15)
        theirs = equalized_odds_difference(labels, predicted, sensitive_features=grouping.numbers)
        assert odds.difference == theirs
        assert odds.low < odds.difference < odds.high


def test_a_rate_without_examples_is_undefined_and_not_0() -> None:
    labels, groups = np.array([1] * 20 + [0] * 20), pa.array(["a"] * 20 + ["b"] * 20)
    measures = class_measures(labels, labels, ("no", "yes"), [1])
    [_, positive_rate, *_], odds = compared_groups(
        measures, sensitive_groupings({"group": groups})[0], FairnessSpec(min_group_size=5)
    )
    assert np.isnan(positive_rate.groups[1].value)
    assert (positive_rate.found, odds) == (None, [])
    assert positive_rate.to_json()["groups"][1]["value"] is None


def test_a_threshold_reaches_the_share_that_is_closest() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    assert [threshold_for(scores, share) for share in (1.0, 0.5, 0.3)] == [0.1, 0.3, 0.4]
    assert threshold_for(scores, 0.0) > 0.4
    assert threshold_for(np.array([0.5, 0.5, 0.9]), 0.4) == 0.9
