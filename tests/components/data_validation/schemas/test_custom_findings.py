from google.protobuf import text_format
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.data_validation.schemas.custom_findings import add_failed
from components.data_validation.schemas.custom_validations import CustomValidation
from components.data_validation.schemas.schema_validation import validate_against_schema
from tests.components.data_validation.schemas.tfdv_sql import fares, HAS_SQL, tfdvs_anomalies

SCHEMA = 'feature { name: "%s" type: %s presence { min_fraction: 1 } } feature { name: "shop" type: BYTES }'
COLUMNS = ["fare", "fare (US$)", "(fare)", "a.b", "driver's fare", "요금"]


def check(
    column: str, expression: str, *, severity: str = "error", description: str = "fares are small"
) -> CustomValidation:
    return CustomValidation(feature=column, expression=expression, severity=severity, description=description)


def test_a_failed_check_is_entered_with_the_users_words():
    anomalies = anomalies_pb2.Anomalies()
    add_failed(anomalies, [check("fare", "num_stats.max > 2", severity="warning")], dataset_name="current")
    info = anomalies.anomaly_info["fare"]
    assert list(info.path.step) == ["fare"]
    assert info.severity == anomalies_pb2.AnomalyInfo.WARNING
    assert info.short_description == "fares are small"
    assert [(item.type, item.short_description) for item in info.reason] == [
        (anomalies_pb2.AnomalyInfo.CUSTOM_VALIDATION, "fares are small")
    ]
    assert "num_stats.max > 2" in info.description


def test_a_second_failed_check_joins_the_first_and_the_graver_severity_holds():
    anomalies = anomalies_pb2.Anomalies()
    failed = [
        check("a.b", "num_stats.max > 2"),
        check("a.b", "num_stats.max > 3", severity="warning", description="other"),
    ]
    add_failed(anomalies, failed, dataset_name="current")
    (info,) = anomalies.anomaly_info.values()
    assert [item.short_description for item in info.reason] == ["fares are small", "other"]
    assert info.severity == anomalies_pb2.AnomalyInfo.ERROR


@pytest.mark.skipif(not HAS_SQL, reason="this TFDV runs no SQL over statistics")
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", ["FLOAT", "INT"])
def test_the_anomalies_are_those_of_a_tfdv_that_runs_the_checks_itself(column, kind):
    statistics = fares(column)
    schema = text_format.Parse(SCHEMA % (column.replace("'", "\\'"), kind), schema_pb2.Schema())
    checks = [
        check(column, "num_stats.max < 3", severity="warning"),
        check(column, "num_stats.min > 3", description="요금은 크다"),
        check(column, "num_stats.max > 3", description="this one holds"),
        check("shop", "string_stats.unique > 9", description="many shops"),
    ]
    anomalies, _ = validate_against_schema(statistics, schema, environment=None, validations=checks)
    in_sql = {
        name: [
            (f"feature.{item.expression}", item.severity.upper(), item.description)
            for item in checks
            if item.feature == name
        ]
        for name in (column, "shop")
    }
    theirs = text_format.MessageToString(tfdvs_anomalies(statistics, schema, in_sql))
    assert text_format.MessageToString(anomalies) == theirs.replace("Query: feature.", "Query: ")
