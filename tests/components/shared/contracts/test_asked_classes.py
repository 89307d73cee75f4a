"""What a problem file asks of the classes, and nothing else of its target."""

import pytest

from components.shared.contracts.asked_classes import asked_classes, AskedClasses, parse_asked_classes
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.contracts.target_spec import OperatingPointSpec, TargetSpec


def test_another_minimum_asks_the_same():
    low, high = (TargetSpec(metric="accuracy", minimum=minimum) for minimum in (0.8, 0.9))
    assert asked_classes(low, FairnessSpec()) == asked_classes(high, FairnessSpec()) == AskedClasses()


def test_named_classes_are_asked_for_and_read_back():
    at = OperatingPointSpec(precision=0.5, positive="yes")
    target = TargetSpec(metric="recall", minimum=0.5, at=at)
    asked = asked_classes(target, FairnessSpec(positive="ja"))
    assert parse_asked_classes(asked.to_json()) == asked
    with pytest.raises(ValueError, match=r"fairness\.positive must be one of no, yes, got 'ja'"):
        asked.check(("no", "yes"))
    asked.check(("ja", "yes"))
    with pytest.raises(ValueError, match="must be of a model of two classes, got 3"):
        asked.check(("ja", "no", "yes"))


def test_nothing_is_asked_by_an_empty_text():
    parse_asked_classes("").check(("a", "b", "c"))
