from google.protobuf import text_format
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.schemas.anomalies import anomalies_text
from components.data_validation.schemas.custom_validations import CustomValidation
from components.data_validation.schemas.schema_validation import ComparedStatistics, validate_against_schema
from components.data_validation.statistics.streaming_statistics import StatisticsAccumulator
from components.data_validation.tables.arrow_lists import as_value_lists, ExaminedColumn, MASKED

REVIEWED = """
default_environment: "TRAINING"
default_environment: "SERVING"
feature { name: "age" type: INT presence { min_fraction: 0.9 } int_domain { min: 18 max: 99 } }
feature { name: "shop" type: BYTES presence { min_fraction: 1 } domain: "shops" }
feature { name: "tip" type: FLOAT presence { min_fraction: 1 } not_in_environment: "SERVING" }
string_domain { name: "shops" value: "a" value: "b" }
"""
FITS = {"age": [20, 30, 40, 50] * 10, "shop": ["a", "b", "a", "a"] * 10, "tip": [1.0, 2.0, 3.0, 4.0] * 10}


def reviewed(text: str = REVIEWED) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def statistics_of(columns: dict, *, masked: tuple[str, ...] = (), name: str = "current"):
    arrays = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    kinds = {pa.int64(): "integer", pa.float64(): "float"}
    examined = [
        ExaminedColumn(
            name=name, role="feature", kind="masked" if name in masked else kinds.get(array.type, "category")
        )
        for name, array in arrays.items()
    ]
    accumulator = StatisticsAccumulator()
    accumulator.add(as_value_lists(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)), examined))
    return accumulator.statistics(name=name)


def findings_of(columns: dict, *, schema: str = REVIEWED, environment: str | None = "TRAINING", **options):
    return validate_against_schema(statistics_of(columns), reviewed(schema), environment=environment, **options)[1]


def changed(**columns) -> dict:
    return {**FITS, **columns}


def without(*names: str) -> dict:
    return {name: values for name, values in FITS.items() if name not in names}


def test_a_table_that_fits_has_no_findings():
    assert findings_of(FITS) == ()


def test_a_label_may_be_absent_when_serving_but_not_when_training():
    assert findings_of(without("tip"), environment="SERVING") == ()
    (finding,) = findings_of(without("tip"), environment="TRAINING")
    assert (finding.column, finding.name, finding.severity) == ("tip", "SCHEMA_MISSING_COLUMN", "blocking")
    assert finding.message == "column 'tip' is missing from the table altogether"


def test_an_environment_that_the_schema_lacks_is_refused_unless_it_has_none_at_all():
    with pytest.raises(ValueError, match=r"one of the schema's \(TRAINING, SERVING\), got 'SCORING'"):
        findings_of(FITS, environment="SCORING")
    assert findings_of({"age": [20]}, schema='feature { name: "age" type: INT }', environment="TRAINING") == ()


def test_a_value_that_the_schema_does_not_list_blocks_with_its_count_and_share():
    (finding,) = findings_of(changed(shop=["a", "b", "a", "zoo"] * 10))
    assert (finding.kind, finding.severity) == ("schema_drift", "blocking")
    assert finding.name == "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
    assert (
        finding.message
        == "column 'shop' holds values that the schema does not list: 'zoo' (10); 10 of 40 values, 25.0%"
    )
    assert [(value.value, value.reference_share, value.current_share) for value in finding.values] == [
        ("zoo", 0.0, 0.25)
    ]
    assert (finding.value, finding.threshold, finding.num_current) == (0.25, 0.0, 40)


def test_a_value_within_the_mass_that_the_schema_leaves_free_is_no_finding():
    schema = REVIEWED.replace(
        'domain: "shops" }', 'domain: "shops" distribution_constraints { min_domain_mass: 0.7 } }'
    )
    assert findings_of(changed(shop=["a", "b", "a", "zoo"] * 10), schema=schema) == ()


def test_numbers_outside_a_reviewed_range_block_with_bound_and_share():
    small, large = findings_of(changed(age=[3, 20, 30, 300] * 10))
    assert {small.name, large.name} == {"INT_TYPE_SMALL_INT", "INT_TYPE_BIG_INT"}
    by_name = {finding.name: finding for finding in (small, large)}
    assert (by_name["INT_TYPE_BIG_INT"].value, by_name["INT_TYPE_BIG_INT"].threshold) == (300.0, 99.0)
    assert "the largest is 300, the schema's maximum 99" in by_name["INT_TYPE_BIG_INT"].message
    assert "about 25.0% of the values lie above it" in by_name["INT_TYPE_BIG_INT"].message
    assert (by_name["INT_TYPE_SMALL_INT"].value, by_name["INT_TYPE_SMALL_INT"].threshold) == (3.0, 18.0)


def test_another_type_blocks_with_examples():
    (finding,) = findings_of(changed(age=["20", "old"] * 20))
    assert (finding.name, finding.severity) == ("UNEXPECTED_DATA_TYPE", "blocking")
    assert "says whole numbers, but it holds text such as '20' (20), 'old' (20)" in finding.message


def test_missing_values_beyond_the_reviewed_presence_block_as_quality():
    (finding,) = findings_of(changed(age=[20, 30, None, 40] * 10))
    assert (finding.kind, finding.severity, finding.name) == (
        "quality",
        "blocking",
        "FEATURE_TYPE_LOW_FRACTION_PRESENT",
    )
    assert "10 of 40 rows, 25.0%, lack it, where the schema allows 10.0%" in finding.message


def test_missing_values_that_break_presence_and_shape_are_told_once():
    shaped = REVIEWED.replace(
        "presence { min_fraction: 1 } domain", "presence { min_fraction: 1 } shape { dim { size: 1 } } domain"
    )
    (finding,) = findings_of(changed(shop=["a", None] * 20), schema=shaped)
    assert finding.name == "FEATURE_TYPE_LOW_FRACTION_PRESENT"


def test_a_new_column_warns():
    (finding,) = findings_of(changed(fare=[1.0] * 40))
    assert (finding.column, finding.name, finding.severity) == ("fare", "SCHEMA_NEW_COLUMN", "warning")


def test_a_label_that_is_there_when_serving_warns_and_is_not_called_unknown():
    (finding,) = findings_of(FITS, environment="SERVING")
    assert (finding.column, finding.severity) == ("tip", "warning")
    assert "the schema does not expect it in SERVING" in finding.message


def test_a_users_check_may_run_over_several_lines():
    expression = "num_stats.max < 3\n  and num_stats.min > 0\n"
    check = CustomValidation(feature="tip", expression=expression, severity="error", description="small")
    assert [finding.name for finding in findings_of(FITS, validations=[check])] == ["CUSTOM_VALIDATION"]


def test_an_empty_table_blocks():
    empty = StatisticsAccumulator().statistics(name="current")
    anomalies, (finding,) = validate_against_schema(empty, reviewed(), environment="TRAINING")
    assert anomalies.data_missing
    assert (finding.name, finding.severity, finding.kind) == ("DATA_MISSING", "blocking", "quality")


def test_bounds_on_the_number_of_rows_are_of_the_whole_table():
    (finding,) = findings_of(FITS, schema=REVIEWED + "dataset_constraints { min_examples_count: 1000 }")
    assert (finding.column, finding.name, finding.severity) == ("", "DATASET_LOW_NUM_EXAMPLES", "blocking")
    assert "40 examples" in finding.message


def test_the_schemas_comparators_warn_of_drift_and_of_skew_with_distance_and_threshold():
    comparators = (
        "drift_comparator { infinity_norm { threshold: 0.1 } } skew_comparator { infinity_norm { threshold: 0.1 } }"
    )
    schema = reviewed(REVIEWED.replace('domain: "shops" }', f'domain: "shops" {comparators} }}'))
    other = statistics_of(changed(shop=["b", "b", "a", "a"] * 10))
    compared = ComparedStatistics(previous=other, serving=other)
    _, findings = validate_against_schema(statistics_of(FITS), schema, environment="TRAINING", compared=compared)
    assert [(finding.kind, finding.severity, finding.name) for finding in findings] == [
        ("data_drift", "warning", "COMPARATOR_L_INFTY_HIGH"),
        ("data_skew", "warning", "COMPARATOR_L_INFTY_HIGH"),
    ]
    assert [finding.value for finding in findings] == pytest.approx([0.25, 0.25])
    assert [finding.threshold for finding in findings] == [0.1, 0.1]
    assert "earlier data" in findings[0].message
    assert "served data" in findings[1].message


def test_a_users_own_check_that_fails_speaks_in_the_users_words():
    checks = [
        CustomValidation(feature="tip", expression="num_stats.max < 3", severity="error", description="팁은 작다"),
        CustomValidation(feature="tip", expression="num_stats.mean < 1", severity="warning", description="few tip"),
        CustomValidation(feature="tip", expression="num_stats.min > 0", severity="error", description="all tip"),
    ]
    findings = findings_of(FITS, validations=checks)
    assert [(finding.name, finding.severity) for finding in findings] == [
        ("CUSTOM_VALIDATION", "blocking"),
        ("CUSTOM_VALIDATION", "warning"),
    ]
    assert "팁은 작다" in findings[0].message
    assert "num_stats.max < 3" in findings[0].message


def test_a_users_check_runs_in_its_environments_alone():
    check = CustomValidation(
        feature="age", expression="num_stats.max < 3", severity="error", description="d", environments=("SERVING",)
    )
    assert findings_of(without("tip"), environment="SERVING", validations=[check])[0].name == "CUSTOM_VALIDATION"
    assert findings_of(FITS, validations=[check]) == ()


def test_a_users_check_of_a_column_that_is_gone_could_not_be_checked():
    check = CustomValidation(feature="tip", expression="num_stats.max < 3", severity="error", description="small")
    findings = findings_of(without("tip"), validations=[check])
    assert [finding.name for finding in findings] == ["SCHEMA_MISSING_COLUMN", "CUSTOM_VALIDATION"]
    assert "could not be checked: small" in findings[1].message
    assert findings_of(without("tip"), environment="SERVING", validations=[check]) == ()


def test_a_users_check_of_a_column_that_nobody_knows_is_a_mistake():
    check = CustomValidation(feature="tpi", expression="num_stats.max < 3", severity="error", description="small")
    with pytest.raises(ValueError, match="got 'tpi'"):
        findings_of(FITS, validations=[check])


@pytest.mark.parametrize("masked_in_statistics", [("phone",), ()])
def test_values_of_a_masked_column_are_nowhere_even_where_the_schema_lists_them(masked_in_statistics):
    schema = reviewed(
        'feature { name: "phone" type: BYTES presence { min_fraction: 1 } domain: "phones" '
        "drift_comparator { infinity_norm { threshold: 0.01 } } }"
        'string_domain { name: "phones" value: "010-0000" }'
    )
    current = statistics_of({"phone": ["010-1234", "010-5678", None] * 10}, masked=masked_in_statistics)
    previous = statistics_of({"phone": ["010-9999"] * 30}, masked=masked_in_statistics)
    anomalies, findings = validate_against_schema(
        current, schema, environment=None, masked=["phone"], compared=ComparedStatistics(previous=previous)
    )
    assert [finding.name for finding in findings] == ["FEATURE_TYPE_LOW_FRACTION_PRESENT"]
    told = anomalies_text(anomalies) + "".join(map(str, findings))
    assert "010" not in told
    assert MASKED not in told


def test_a_masked_column_of_numbers_is_not_taken_for_a_changed_type():
    schema = 'feature { name: "phone" type: INT int_domain { min: 1 } }'
    current = statistics_of({"phone": [1012345678, 1087654321]}, masked=("phone",))
    assert validate_against_schema(current, reviewed(schema), environment=None, masked=["phone"])[1] == ()
