import pytest
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_validation.schemas.custom_validations import CustomValidation
from components.data_validation.schemas.statistics_sql import StatisticsSql
from tests.components.data_validation.schemas.tfdv_sql import fares, HAS_SQL, tfdvs_anomalies

FARE, SHOP = fares().datasets[0].features
# Two fares, 1.5 and 900, and two shops, a and b.
OUTCOMES = [
    (FARE, "feature.num_stats.max < 3", False),
    (FARE, "feature.num_stats.max = 900 AND feature.num_stats.min = 1.5", True),
    (FARE, "FEATURE.num_stats.MAX > 3", True),
    (FARE, "feature.string_stats.unique > 0", None),
    (FARE, "feature.string_stats IS NULL", True),
    (FARE, "feature.string_stats.common_stats.num_missing IS NULL", True),
    (FARE, "feature.string_stats.unique > 0 OR feature.num_stats.max > 3", True),
    (FARE, "feature.string_stats.unique > 0 AND feature.num_stats.max > 3", None),
    (FARE, "NULL AND FALSE", False),
    (FARE, "COALESCE(feature.string_stats.unique, 0) = 0", True),
    (FARE, "feature.num_stats.weighted_numeric_stats.mean IS NOT NULL", False),
    (FARE, "feature.num_stats.histograms IS NULL", False),
    (FARE, "ARRAY_LENGTH(feature.num_stats.histograms) = 2", True),
    (FARE, "feature.name = ''", True),
    (FARE, "feature.type = 'FLOAT'", True),
    (SHOP, "feature.type IN ('INT', 'FLOAT')", False),
    (SHOP, "feature.string_stats.unique = 2", True),
    (SHOP, "feature.num_stats.max BETWEEN 1 AND 1000", None),
    (FARE, "feature.num_stats.max BETWEEN 1 AND 900", True),
    (FARE, "feature.num_stats.max NOT BETWEEN 1 AND 899", True),
    (FARE, "5 BETWEEN NULL AND 2", False),
    (FARE, "1 BETWEEN NULL AND 2", None),
    (FARE, "feature.num_stats.max in (1.5, 900)", True),
    (FARE, "2 NOT IN (1, NULL)", None),
    (FARE, "1 IN (1, NULL)", True),
    (FARE, "NOT 1 = 2", True),
    (FARE, "NOT TRUE AND FALSE", False),
    (FARE, "TRUE OR TRUE AND FALSE", True),
    (FARE, "10 - 3 - 2 = 5 AND 8 / 4 / 2 = 1 AND 1 + 2 * 3 = 7 AND (1 + 2) * 3 = 9", True),
    (FARE, "- - 1 = +1 AND -2 * 3 = -6 AND 1 - -1 = 2", True),
    (FARE, "5 / 2 = 2.5 AND 1e3 = 1000 AND .5 = 0.5", True),
    (FARE, "feature.num_stats.common_stats.num_missing / feature.num_stats.common_stats.num_non_missing < 0.1", True),
    (FARE, "feature.num_stats.common_stats.avg_num_values = 1", True),
    (FARE, "CAST(2.5 AS INT64) = 3 AND CAST(-2.5 AS INT64) = -3 AND CAST(TRUE AS INT64) = 1", True),
    (FARE, "CAST(feature.num_stats.num_zeros AS DOUBLE) = CAST(0 AS FLOAT64)", True),
    (FARE, "CAST(NULL AS INT64) IS NULL", True),
    (FARE, "ABS(-3) = 3 AND ROUND(2.5) = 3 AND ROUND(-2.5) = -3", True),
    (FARE, "GREATEST(1, 2.5) = 2.5 AND LEAST(1, 2) = 1", True),
    (FARE, "GREATEST(1, NULL) IS NULL", True),
    (FARE, "IF(NULL, FALSE, TRUE) AND IF(TRUE, TRUE, 1 / 0 > 1)", True),
    (FARE, "SAFE_DIVIDE(1, 0) IS NULL AND SAFE_DIVIDE(1, 4) = 0.25", True),
    (FARE, "NULL IS TRUE OR (1 > 2) IS NOT FALSE", False),
    (FARE, """'it\\'s' = "it's" AND 'a' < 'b' AND 'a' <> 'b' -- a comment""", True),
    (FARE, "TRUE = (1 != 1)", False),
]


def tfdvs_outcome(feature: statistics_pb2.FeatureNameStatistics, sql: str) -> bool | None:
    """What TFDV itself says of the expression."""
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.datasets.add(num_examples=2).features.append(feature)
    check = CustomValidation(feature=feature.path.step[0], sql=sql, severity="error", description="sought")
    try:
        anomalies = tfdvs_anomalies(statistics, schema_pb2.Schema(), [check])
    except RuntimeError as error:
        if "returned null" in str(error):
            return None
        raise
    reasons = [reason.short_description for info in anomalies.anomaly_info.values() for reason in info.reason]
    return "sought" not in reasons


@pytest.mark.parametrize(("feature", "sql", "expected"), OUTCOMES)
def test_an_expression_has_its_known_outcome(feature, sql, expected):
    assert StatisticsSql(sql).evaluate(feature) is expected


@pytest.mark.skipif(not HAS_SQL, reason="this TFDV runs no SQL over statistics")
@pytest.mark.parametrize(("feature", "sql", "expected"), OUTCOMES)
def test_tfdv_itself_gives_the_known_outcome(feature, sql, expected):
    assert tfdvs_outcome(feature, sql) is expected


@pytest.mark.parametrize(
    "sql",
    [
        "feature.num_stats.max / feature.num_stats.num_zeros > 1",
        "FALSE AND 1 / 0 > 1",
        "CAST(1e30 AS INT64) = 1",
        "CAST(1e999 AS INT64) = 1",
    ],
)
def test_a_number_that_cannot_be_computed_leaves_no_answer_where_tfdv_stops(sql):
    assert StatisticsSql(sql).evaluate(FARE) is None
    if HAS_SQL:
        with pytest.raises(RuntimeError, match="OUT_OF_RANGE"):
            tfdvs_outcome(FARE, sql)


def test_nan_is_not_among_greatest_and_least_by_chance():
    statistics = statistics_pb2.FeatureNameStatistics()
    statistics.num_stats.mean = float("nan")
    for sql in ("GREATEST(1, feature.num_stats.mean) > 0", "LEAST(feature.num_stats.mean, 1) < 2"):
        assert StatisticsSql(sql).evaluate(statistics) is False
    assert StatisticsSql("ROUND(feature.num_stats.mean) != 1").evaluate(statistics) is True


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("", r"a value, feature.FIELD or a function is expected, got the end of the expression \(character 1\)"),
        ("feature.num_stats.max < 3 )", r"'\)' is not understood here \(character 27\)"),
        ("feature.num_stats.max < 3;", r"';' is not understood \(character 26\)"),
        ("1 < 2 < 3", r"'<' is not understood here \(character 7\)"),
        ("feature.num_stats.max < (3", r"\) is expected, got the end of the expression"),
        ("feature.num_stats.maximum < 3", r"'maximum' is no field of NumericStatistics, which has .*std_dev.*max"),
        ("feature.num_stats.max.x < 3", r"a number has no fields, got 'x' \(character 23\)"),
        ("feature.num_stats.histograms.buckets IS NULL", r"a list has no fields, got 'buckets'"),
        ("feature. < 3", r"'<' is no field of FeatureNameStatistics"),
        ("feature.num_stats = 3", r"'=' needs a single value, got a message \(character 1\)"),
        ("feature.num_stats.max = '3'", r"'=' needs a number, got a text \(character 25\)"),
        ("feature.num_stats.max AND TRUE", r"'AND' needs a truth value, got a number \(character 1\)"),
        ("feature.num_stats.max = NULL", r"write IS NULL or IS NOT NULL \(character 23\)"),
        ("feature.num_stats.max IS 3", r"TRUE or FALSE or NULL is expected, got '3'"),
        ("feature.num_stats.max NOT 3", r"BETWEEN or IN is expected, got '3'"),
        ("feature.num_stats.max IN ()", r"a value, .* is expected, got '\)'"),
        ("SQRT(feature.num_stats.max) < 3", r"a function is expected, got 'SQRT' \(character 1\)"),
        ("ABS(1, 2) = 1", r"ABS does not take 2 arguments"),
        ("IF(TRUE, 1) = 1", r"IF does not take 2 arguments"),
        ("CAST(1 AS STRING) = '1'", r"INT64 or FLOAT64 or DOUBLE is expected, got 'STRING'"),
        ("CAST('1' AS INT64) = 1", r"'CAST' needs a number, got a text"),
        ("'a' = 'a", r'"\'" is not understood \(character 7\)'),
        ("'\\d' = 'a'", r"the escape \\d is not understood \(character 2\)"),
        ("feature.num_stats.max", r"it gives a number \(character 1\)"),
        ("__import__('os') = 1", r"a function is expected, got '__import__'"),
        ("(" * 1900 + "TRUE" + ")" * 90, "nested too deeply"),
        ("1 = 1" + " " * 2000, "at most 2000 characters, got 2005"),
    ],
)
def test_a_mistake_is_said_with_its_place(sql, words):
    with pytest.raises(ValueError, match=words):
        StatisticsSql(sql)


def test_an_expression_of_too_many_parts_is_refused_and_does_not_crash():
    with pytest.raises(ValueError, match="nested too deeply"):
        StatisticsSql("1" + "+1" * 990 + " > 0").evaluate(FARE)
