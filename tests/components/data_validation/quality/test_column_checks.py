import math

import pytest

from components.data_validation.quality.column_checks import column_findings, missing_word_findings
from components.data_validation.statistics.feature_summaries import FeatureSummary


def number(name="age", *, missing=0, low=0.0, high=1.0) -> FeatureSummary:
    return FeatureSummary(
        name=name, type="float", num_examples=10, num_missing=missing, minimum=low, maximum=high, value_counts={}
    )


def found(summary: FeatureSummary, role="feature") -> list[tuple[str, str]]:
    findings = column_findings({"train": {summary.name: summary}, "test": {}}, {summary.name: role})
    return [(finding.name, finding.severity) for finding in findings]


def test_a_varying_feature_has_no_findings():
    assert found(number()) == []


def test_a_constant_feature_is_a_note():
    assert found(number(low=3.0, high=3.0)) == [("CONSTANT", "note")]
    text = FeatureSummary(
        name="shop", type="text", num_examples=10, num_missing=0, num_unique=1, value_counts={"a": 10}
    )
    assert found(text) == [("CONSTANT", "note")]


def test_a_value_that_is_there_or_not_still_says_something():
    assert found(number(low=3.0, high=3.0, missing=5)) == []


def test_a_feature_without_values_is_a_note():
    assert found(number(missing=10, low=math.nan, high=math.nan)) == [("ALL_MISSING", "note")]


def test_photos_of_one_size_are_no_finding():
    assert found(number(name="width", low=28.0, high=28.0), role="derived") == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_infinite_values_are_a_warning_in_any_split(split):
    summaries = {"train": {"age": number()}, "test": {"age": number()}}
    summaries[split] = {"age": number(high=math.inf)}
    (finding,) = column_findings(summaries, {"age": "feature"})
    assert (finding.name, finding.severity) == ("INFINITE_VALUES", "warning")
    assert split in finding.message


def text(name: str, **counts: int) -> dict[str, FeatureSummary]:
    total = sum(counts.values())
    return {name: FeatureSummary(name=name, type="text", num_examples=total, num_missing=0, value_counts=counts)}


def test_values_that_look_missing_are_a_warning_counted_over_all_splits():
    (finding,) = missing_word_findings([text("work", **{"?": 3, "a": 5}), text("work", **{"?": 1})], {}, known=["-1"])
    assert (finding.kind, finding.severity, finding.column, finding.value) == ("quality", "warning", "work", 4.0)
    assert finding.message == (
        "column 'work' holds '?' 4 times: if that means a missing value, write table: {missing: [\"-1\", \"?\"]} in "
        "the problem file"
    )


def test_none_is_a_class_like_any_other_but_no_feature_like_any_other():
    assert missing_word_findings([text("tone", none=3, good=2)], {"tone": "label"}) == []
    assert len(missing_word_findings([text("tone", none=3, good=2)], {"tone": "feature"})) == 1
    assert missing_word_findings([text("tone", good=2, nano=1), {"age": number()}], {}) == []
