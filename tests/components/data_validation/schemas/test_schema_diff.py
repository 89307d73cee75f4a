from google.protobuf import text_format
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.schemas.schema_diff import schema_differences

AGE = 'feature { name: "age" type: INT %s }'
SHOP = 'feature { name: "shop" type: BYTES %s }'
ENVIRONMENTS = ' default_environment: "TRAINING" default_environment: "SERVING"'


def schema(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def only_difference(old: str, new: str):
    (difference,) = schema_differences(schema(old), schema(new))
    return difference


def test_a_schema_does_not_differ_from_itself_nor_by_the_order_of_columns_and_values():
    old = AGE % "" + SHOP % 'string_domain { value: "a" value: "b" }'
    new = SHOP % 'string_domain { value: "b" value: "a" }' + AGE % ""
    assert schema_differences(schema(old), schema(old)) == ()
    assert schema_differences(schema(old), schema(new)) == ()


def test_a_shape_of_one_value_is_the_same_as_a_count_of_one_value():
    counted = AGE % "value_count { min: 1 max: 1 }"
    assert schema_differences(schema(AGE % "shape { dim { size: 1 } }"), schema(counted)) == ()


@pytest.mark.parametrize(
    ("old", "new", "what", "breaks"),
    [
        ("presence { min_fraction: 0.5 }", "presence { min_fraction: 1 }", "presence_tightened", "old_data"),
        ("presence { min_fraction: 1 }", "presence { min_fraction: 0.5 }", "presence_loosened", "old_consumers"),
        ("presence { min_count: 1 }", "presence { min_count: 100 }", "presence_tightened", "old_data"),
        ("int_domain { min: 0 max: 9 }", "int_domain { min: 1 max: 9 }", "range_narrowed", "old_data"),
        ("int_domain { min: 0 max: 9 }", "int_domain { min: 0 max: 10 }", "range_widened", "old_consumers"),
        ("", "int_domain { min: 0 }", "range_narrowed", "old_data"),
        ("bool_domain { }", "", "range_widened", "old_consumers"),
        ("", "shape { dim { size: 1 } }", "shape_tightened", "old_data"),
        ("shape { dim { size: 1 } }", "", "shape_loosened", "old_consumers"),
        ("value_count { min: 1 max: 1 }", "value_count { min: 1 max: 3 }", "shape_loosened", "old_consumers"),
        ("", "unique_constraints { min: 2 }", "rules_changed", "old_data"),
        ("", "distribution_constraints { min_domain_mass: 0.9 }", "rules_changed", "old_data"),
    ],
)
def test_a_bound_breaks_old_data_when_tighter_and_old_consumers_when_looser(old, new, what, breaks):
    difference = only_difference(AGE % old, AGE % new)
    assert (difference.column, difference.what, difference.breaks) == ("age", what, (breaks,))
    assert difference.breaking


def test_a_value_that_is_removed_breaks_old_data_and_one_that_is_added_breaks_old_consumers():
    old, new = SHOP % 'string_domain { value: "a" value: "b" }', SHOP % 'string_domain { value: "b" value: "c" }'
    removed, added = schema_differences(schema(old), schema(new))
    assert (removed.what, removed.breaks) == ("values_removed", ("old_data",))
    assert (added.what, added.breaks) == ("values_added", ("old_consumers",))
    assert "'a'" in removed.message
    assert "'c'" in added.message


def test_a_domain_that_comes_or_goes_adds_or_removes_values():
    listed = SHOP % 'domain: "shops"' + ' string_domain { name: "shops" value: "a" }'
    assert only_difference(SHOP % "", listed).breaks == ("old_data",)
    assert only_difference(listed, SHOP % "").breaks == ("old_consumers",)


def test_another_type_and_another_shape_break_both_sides():
    changed = only_difference(AGE % "", 'feature { name: "age" type: FLOAT }')
    assert (changed.what, changed.breaks) == ("type_changed", ("old_data", "old_consumers"))
    assert "from INT to FLOAT" in changed.message
    shapes = AGE % "shape { dim { size: 2 } dim { size: 3 } }", AGE % "shape { dim { size: 3 } dim { size: 2 } }"
    assert only_difference(*shapes).breaks == ("old_data", "old_consumers")


def test_a_column_that_is_gone_breaks_old_consumers():
    difference = only_difference(AGE % "" + SHOP % "", AGE % "")
    assert (difference.column, difference.what, difference.breaks) == ("shop", "column_gone", ("old_consumers",))
    assert "a model trained on the old schema lacks it" in difference.message


def test_a_deprecated_column_is_gone():
    difference = only_difference(AGE % "", AGE % "lifecycle_stage: DEPRECATED")
    assert difference.what == "column_gone"


@pytest.mark.parametrize("presence", ["presence { min_fraction: 1 }", "presence { min_count: 1 }"])
def test_a_new_column_that_is_required_breaks_old_data(presence):
    difference = only_difference(AGE % "", AGE % "" + SHOP % presence)
    assert (difference.column, difference.what, difference.breaks) == ("shop", "column_new", ("old_data",))


def test_a_new_column_that_may_be_absent_breaks_nothing():
    difference = only_difference(AGE % "", AGE % "" + SHOP % "")
    assert not difference.breaking
    assert "may be absent" in difference.message


def test_differences_say_before_and_after():
    presence = only_difference(
        AGE % "presence { min_fraction: 1 min_count: 1 }", AGE % "presence { min_fraction: 0.5 }"
    )
    assert "in 100.0% of the rows and in 1 rows at least, and now in 50.0% and 0" in presence.message
    shapes = only_difference(AGE % "shape { dim { size: 1 } }", AGE % "value_count { min: 1 max: 3 }")
    assert "1 values a row and now 1 to 3" in shapes.message


def test_a_comparators_threshold_breaks_nothing():
    difference = only_difference(SHOP % "", SHOP % "drift_comparator { infinity_norm { threshold: 0.1 } }")
    assert (difference.what, difference.breaking) == ("rules_changed", False)


def test_a_column_that_leaves_or_joins_an_environment_breaks_those_who_run_in_it():
    both, training = AGE % "" + ENVIRONMENTS, AGE % 'not_in_environment: "SERVING"' + ENVIRONMENTS
    left, joined = only_difference(both, training), only_difference(training, both)
    assert (left.what, left.breaks) == ("environment_removed", ("old_consumers",))
    assert (joined.what, joined.breaks) == ("environment_added", ("old_data",))
    assert "SERVING" in left.message


def test_an_environment_of_the_whole_schema_breaks_when_it_goes():
    gone = only_difference(AGE % "" + ENVIRONMENTS, AGE % "" + ' default_environment: "TRAINING"')
    assert (gone.column, gone.what, gone.breaks) == ("", "environment_removed", ("old_consumers",))
    new = only_difference(AGE % "" + ' default_environment: "TRAINING"', AGE % "" + ENVIRONMENTS)
    assert (new.what, new.breaking) == ("environment_added", False)


def test_bounds_on_the_number_of_rows_break_old_data():
    difference = only_difference(AGE % "", AGE % "" + "dataset_constraints { min_examples_count: 10 }")
    assert (difference.column, difference.breaks) == ("", ("old_data",))


def test_a_column_of_another_name_but_like_values_is_suggested_as_renamed():
    old = 'feature { name: "miles" type: FLOAT } feature { name: "zone" type: BYTES string_domain { value: "a" } }'
    new = 'feature { name: "trip_miles" type: FLOAT } feature { name: "area" type: BYTES string_domain { value: "a" } }'
    differences = schema_differences(schema(old), schema(new))
    assert {item.column: item.renamed_to for item in differences if item.what == "column_gone"} == {
        "miles": "trip_miles",
        "zone": "area",
    }


def test_a_column_of_another_type_or_of_nothing_alike_is_not_suggested():
    old = 'feature { name: "miles" type: FLOAT } feature { name: "zone" type: BYTES string_domain { value: "a" } }'
    new = 'feature { name: "mile" type: INT } feature { name: "tip" type: BYTES string_domain { value: "z" } }'
    assert [item.renamed_to for item in schema_differences(schema(old), schema(new))] == [""] * 4


def test_ranges_that_overlap_speak_for_a_renamed_column():
    old = 'feature { name: "km" type: INT int_domain { min: 0 max: 100 } }'
    new = 'feature { name: "way" type: INT int_domain { min: %d max: %d } }'
    assert schema_differences(schema(old), schema(new % (0, 100)))[0].renamed_to == "way"
    assert schema_differences(schema(old), schema(new % (200, 300)))[0].renamed_to == ""


def test_values_of_masked_columns_are_not_told():
    old = schema(SHOP % 'string_domain { value: "010-1234" }')
    new = schema(SHOP % 'string_domain { value: "010-5678" }')
    assert schema_differences(old, new, masked=["shop"]) == ()
    assert len(schema_differences(old, new)) == 2
