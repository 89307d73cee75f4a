import numpy as np
import pytest

from components.model_analysis.metrics.operating_point import (
    chosen_threshold,
    figures_at,
    why_no_threshold,
)
from components.model_analysis.metrics.precision_recall import class_precision_recall
from components.shared.contracts.target_spec import CostSpec, OperatingPointSpec

POSITIVE = np.array([1, 1, 0, 1, 0, 0, 1, 0], bool)
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])


@pytest.mark.parametrize(
    ("asked", "threshold"),
    [
        ({"precision": 0.7}, 0.6),  # 3 of 4 right, 3 of 4 found
        ({"precision": 1.0}, 0.8),
        ({"precision": 0.0}, 0.3),  # all found, with the fewest answered
        ({"recall": 0.5}, 0.8),
        ({"recall": 1.0}, 0.3),
        ({"cost": CostSpec(false_positive=1.0, false_negative=1.0)}, 0.8),
        ({"cost": CostSpec(false_positive=1.0, false_negative=9.0)}, 0.3),
    ],
)
def test_the_threshold_does_what_was_asked(asked, threshold) -> None:
    assert chosen_threshold(POSITIVE, SCORES, OperatingPointSpec(**asked)) == threshold


def test_equal_scores_are_answered_alike() -> None:
    positive, scores = np.array([1, 0, 1, 0], bool), np.array([0.9, 0.5, 0.5, 0.1])
    assert chosen_threshold(positive, scores, OperatingPointSpec(precision=0.8)) == 0.9


def test_where_no_threshold_does_it_is_said_why() -> None:
    spec = OperatingPointSpec(precision=0.9)
    positive = np.array([0, 1, 0, 0], bool)
    assert np.isnan(chosen_threshold(positive, np.array([0.9, 0.5, 0.5, 0.1]), spec))
    assert why_no_threshold(positive, spec, "dog") == (
        "no threshold reaches the precision 0.9 for 'dog' on the validation split"
    )
    assert np.isnan(chosen_threshold(np.ones(3, bool), np.ones(3), spec))
    assert "but every one is of it" in why_no_threshold(np.ones(3, bool), spec, "dog")


def test_figures_are_counted_at_the_threshold() -> None:
    found = figures_at(POSITIVE, SCORES, 0.6)
    assert (found.precision, found.recall, found.num_answered_positive) == (0.75, 0.75, 4)
    assert found.recall_low < 0.75 < found.recall_high


@pytest.mark.parametrize(
    ("names", "positive", "message"),
    [("abc", None, "must be of a model of two classes, got 3"), ("ab", "c", "must be one of a, b, got 'c'")],
)
def test_a_class_that_cannot_be_looked_for_is_refused(names, positive, message) -> None:
    with pytest.raises(ValueError, match=message):
        OperatingPointSpec(precision=0.5, positive=positive).positive_index(names)


def test_the_positive_class_is_the_second_unless_it_is_named() -> None:
    assert OperatingPointSpec(precision=0.5).positive_index("ab") == 1
    assert OperatingPointSpec(precision=0.5, positive="a").positive_index("ab") == 0


def test_a_precision_recall_curve_has_its_area_with_an_interval() -> None:
    probabilities = np.column_stack([1 - SCORES, SCORES])
    curve = class_precision_recall(POSITIVE.astype(int), probabilities, 1)
    assert curve.average_precision == pytest.approx((1 + 1 + 0.75 + 4 / 7) / 4)
    assert curve.low < curve.average_precision < curve.high
    assert (curve.share_positive, len(curve.recalls)) == (0.5, 8)
    assert class_precision_recall(np.ones(3, int), np.ones((3, 2)), 1).recalls == ()
