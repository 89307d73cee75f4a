from google.protobuf import text_format
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.schemas.offending_values import listed_words, offence, responsible_values, shown_values
from components.data_validation.statistics.feature_summaries import Bucket, FeatureSummary


def feature(text: str) -> schema_pb2.Feature:
    return text_format.Parse('name: "column" ' + text, schema_pb2.Feature())


def numbers(**fields) -> FeatureSummary:
    known = {"name": "column", "type": "float", "num_examples": 10, "num_missing": 0, "value_counts": {}}
    return FeatureSummary(**{**known, **fields})


def test_the_share_outside_a_bound_counts_whole_buckets_and_parts_of_them():
    held = numbers(
        minimum=0.0, maximum=4.0, histogram=(Bucket(low=0.0, high=2.0, count=6), Bucket(low=2.0, high=4.0, count=4))
    )
    found = offence("FLOAT_TYPE_BIG_FLOAT", feature("type: FLOAT float_domain { max: 3 }"), held, schema_pb2.Schema())
    assert (found.statistic, found.value, found.threshold) == ("maximum", 4.0, 3.0)
    assert "about 20.0% of the values lie above it" in found.words


def test_a_single_value_below_a_bound_is_all_of_the_column():
    held = numbers(minimum=1.0, maximum=1.0, histogram=(Bucket(low=1.0, high=1.0, count=10),))
    found = offence("FLOAT_TYPE_SMALL_FLOAT", feature("type: FLOAT float_domain { min: 2 }"), held, schema_pb2.Schema())
    assert "the smallest is 1, the schema's minimum 2; about 100.0% of the values lie below it" in found.words


def test_infinite_values_are_no_obstacle():
    held = numbers(minimum=0.0, maximum=float("inf"), histogram=(Bucket(low=0.0, high=float("inf"), count=10),))
    found = offence("FLOAT_TYPE_BIG_FLOAT", feature("type: FLOAT float_domain { max: 3 }"), held, schema_pb2.Schema())
    assert "the largest is inf" in found.words


@pytest.mark.parametrize(
    "name", ["SCHEMA_MISSING_COLUMN", "FLOAT_TYPE_BIG_FLOAT", "ENUM_TYPE_UNEXPECTED_STRING_VALUES"]
)
def test_what_the_statistics_do_not_show_has_no_evidence(name):
    assert offence(name, feature("type: FLOAT"), numbers(), schema_pb2.Schema()) is None


def test_values_are_ordered_by_count_and_the_rest_is_counted():
    counts = {letter: count for count, letter in enumerate("abcdefg", start=1)}
    assert shown_values(counts) == "'g' (7), 'f' (6), 'e' (5), 'd' (4), 'c' (3) and 2 more"
    assert [item.value for item in responsible_values(counts, 28)] == ["g", "f", "e", "d", "c"]
    assert responsible_values(counts, 28)[0].current_share == pytest.approx(0.25)
    assert listed_words(list(counts)) == "'a', 'b', 'c', 'd', 'e' and 2 more"
    assert listed_words(["a"]) == "'a'"


def test_a_long_value_is_shortened():
    assert len(shown_values({"x" * 5000: 1})) < 60
    assert len(responsible_values({"x" * 5000: 1}, 1)[0].value) == 40


def test_a_rare_value_is_not_shown_as_no_share():
    held = FeatureSummary(
        name="column", type="text", num_examples=5000, num_missing=0, value_counts={"a": 4999, "zoo": 1}
    )
    allowed = feature('type: BYTES string_domain { value: "a" }')
    found = offence("ENUM_TYPE_UNEXPECTED_STRING_VALUES", allowed, held, schema_pb2.Schema())
    assert found.words == "'zoo' (1); 1 of 5,000 values, less than 0.1%"
