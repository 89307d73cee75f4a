import pytest
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_validation.schemas.statistics_expression import StatisticsExpression
from tests.components.data_validation.schemas.tfdv_sql import fares, HAS_SQL, tfdvs_anomalies

FARE, SHOP = fares().datasets[0].features
# Two fares, 1.5 and 900, and two shops, a and b: an expression, the same in TFDV's SQL, and what both say.
OUTCOMES = [
    (FARE, "num_stats.max < 3", "feature.num_stats.max < 3", False),
    (
        FARE,
        "num_stats.max == 900 and num_stats.min == 1.5",
        "feature.num_stats.max = 900 AND feature.num_stats.min = 1.5",
        True,
    ),
    (SHOP, "string_stats.unique <= 10", "feature.string_stats.unique <= 10", True),
    (FARE, "string_stats.unique > 0", "feature.string_stats.unique > 0", None),
    (
        FARE,
        "string_stats.unique > 0 or num_stats.max > 3",
        "feature.string_stats.unique > 0 OR feature.num_stats.max > 3",
        True,
    ),
    (
        FARE,
        "string_stats.unique > 0 or num_stats.max < 3",
        "feature.string_stats.unique > 0 OR feature.num_stats.max < 3",
        None,
    ),
    (
        FARE,
        "string_stats.unique > 0 and num_stats.max > 3",
        "feature.string_stats.unique > 0 AND feature.num_stats.max > 3",
        None,
    ),
    (
        FARE,
        "string_stats.unique > 0 and num_stats.max < 3",
        "feature.string_stats.unique > 0 AND feature.num_stats.max < 3",
        False,
    ),
    (FARE, "not string_stats.unique > 0", "NOT feature.string_stats.unique > 0", None),
    (FARE, "not num_stats.max < 3", "NOT feature.num_stats.max < 3", True),
    (FARE, "name == ''", "feature.name = ''", True),
    (FARE, "type == 'FLOAT'", "feature.type = 'FLOAT'", True),
    (SHOP, "type in ('INT', 'FLOAT')", "feature.type IN ('INT', 'FLOAT')", False),
    (SHOP, "1 <= num_stats.max <= 1000", "feature.num_stats.max BETWEEN 1 AND 1000", None),
    (FARE, "1 <= num_stats.max <= 900", "feature.num_stats.max BETWEEN 1 AND 900", True),
    (FARE, "not 1 <= num_stats.max <= 899", "feature.num_stats.max NOT BETWEEN 1 AND 899", True),
    (FARE, "num_stats.max in [1.5, 900]", "feature.num_stats.max in (1.5, 900)", True),
    (FARE, "num_stats.max not in [-1, 1.5]", "feature.num_stats.max NOT IN (-1, 1.5)", True),
    (
        FARE,
        "num_stats.common_stats.num_missing / num_stats.common_stats.num_non_missing < 0.1",
        "feature.num_stats.common_stats.num_missing / feature.num_stats.common_stats.num_non_missing < 0.1",
        True,
    ),
    (FARE, "(num_stats.max + 100) * 2 - 1 == 1999", "(feature.num_stats.max + 100) * 2 - 1 = 1999", True),
    (FARE, "-num_stats.max < num_stats.min", "-feature.num_stats.max < feature.num_stats.min", True),
    (
        FARE,
        "num_stats.weighted_numeric_stats.mean > 0",
        "feature.num_stats.weighted_numeric_stats.mean > 0",
        None,
    ),
]


def tfdvs_outcome(feature: statistics_pb2.FeatureNameStatistics, sql: str) -> bool | None:
    """What TFDV itself says of the SQL."""
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.datasets.add(num_examples=2).features.append(feature)
    try:
        anomalies = tfdvs_anomalies(statistics, schema_pb2.Schema(), {feature.path.step[0]: [(sql, "ERROR", "sought")]})
    except RuntimeError as error:
        if "returned null" in str(error):
            return None
        raise
    reasons = [reason.short_description for info in anomalies.anomaly_info.values() for reason in info.reason]
    return "sought" not in reasons


@pytest.mark.parametrize(("feature", "expression", "sql", "expected"), OUTCOMES)
def test_an_expression_has_its_known_outcome_and_tfdvs_where_tfdv_evaluates_sql(feature, expression, sql, expected):
    assert StatisticsExpression(expression).evaluate(feature) is expected
    if HAS_SQL:
        assert tfdvs_outcome(feature, sql) is expected


@pytest.mark.parametrize(
    "expression", ["num_stats.max / num_stats.num_zeros > 1", "num_stats.max < 3 and 1 / num_stats.num_zeros > 1"]
)
def test_a_divisor_of_0_leaves_no_answer(expression):
    assert StatisticsExpression(expression).evaluate(FARE) is None


def test_whole_numbers_are_exact_past_those_of_a_float():
    statistics = statistics_pb2.FeatureNameStatistics()
    statistics.num_stats.num_zeros = 2**53 + 1
    assert StatisticsExpression(f"num_stats.num_zeros == {2**53 + 1}").evaluate(statistics) is True
    assert StatisticsExpression(f"num_stats.num_zeros * 3 > {3 * (2**53 + 1) - 1}").evaluate(statistics) is True
    assert StatisticsExpression(f"num_stats.num_zeros in [{2**53}]").evaluate(statistics) is False


def test_nan_is_equal_to_nothing():
    statistics = statistics_pb2.FeatureNameStatistics()
    statistics.num_stats.mean = float("nan")
    assert StatisticsExpression("num_stats.mean > 0 or num_stats.mean <= 0").evaluate(statistics) is False
    assert StatisticsExpression("num_stats.mean != 1").evaluate(statistics) is True


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "it cannot be read"),
        ("1 < 2", "it names no statistic"),
        ("num_stats.max", "it must be a condition, such as num_stats.max < 1000"),
        ("num_stats.maximum < 3", "'maximum' is no field of NumericStatistics, which has .*std_dev.*max"),
        ("num_stats.max.x < 3", "'num_stats.max.x' has no field 'x': max is no group of statistics"),
        ("num_stats.histograms.buckets == 3", "'num_stats.histograms.buckets' must be one number or text"),
        ("num_stats == 3", "'num_stats' must be one number or text"),
        ("path.step == 'fare'", "'path.step' must be one number or text"),
        ("num_stats.max == '3'", r"\"num_stats.max == '3'\" mixes a number and a text"),
        ("type in ['INT', 3]", "mixes a text and a number"),
        ("-type == 'INT'", "'-type' needs numbers"),
        ("type + name == 'INT'", "'type \\+ name' needs numbers"),
        ("(num_stats.max < 3) + 1 > 0", "mixes a condition and a number"),
        ("num_stats.max and num_stats.min > 0", "'num_stats.max' is no condition"),
        ("num_stats.max is None", "'is' is not understood"),
        ("num_stats.max in []", "'in' must be followed by a list of constants"),
        ("abs(num_stats.max) < 3", r"'abs\(num_stats.max\)' is not understood"),
        ("num_stats.max.__class__ == 3", "has no field '__class__'"),
        ("__import__('os').system('true') == 0", "is not understood"),
        ("feature.num_stats.max < 3", "'feature' is no field of FeatureNameStatistics"),
    ],
)
def test_a_mistake_is_named_whatever_the_column(expression, words):
    with pytest.raises(ValueError, match=words):
        StatisticsExpression(expression)
