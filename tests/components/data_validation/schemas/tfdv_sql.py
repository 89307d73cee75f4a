"""A small table, and what a TFDV that runs SQL over statistics itself says of it: 1.16 does, 1.21 no longer does."""

from collections.abc import Mapping, Sequence
import importlib.util

import pyarrow as pa
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_validation.statistics.quiet_tfdv import tfdv
from components.data_validation.statistics.streaming_statistics import StatisticsAccumulator
from components.data_validation.tables.arrow_lists import as_value_lists, ExaminedColumn

HAS_SQL = (
    importlib.util.find_spec("tensorflow_data_validation.anomalies.proto.custom_validation_config_pb2") is not None
)
Statistics = statistics_pb2.DatasetFeatureStatisticsList


def fares(name: str = "fare") -> Statistics:
    """Statistics of two fares, 1.5 and 900, in a column of this name, and of two shops, a and b."""
    accumulator = StatisticsAccumulator()
    batch = pa.RecordBatch.from_arrays([pa.array([1.5, 900.0]), pa.array(["a", "b"])], [name, "shop"])
    examined = [
        ExaminedColumn(name=name, role="feature", kind="float"),
        ExaminedColumn(name="shop", role="feature", kind="category"),
    ]
    accumulator.add(as_value_lists(batch, examined))
    return accumulator.statistics(name="current")


def tfdvs_anomalies(
    statistics: Statistics, schema: schema_pb2.Schema, checks: Mapping[str, Sequence[tuple[str, str, str]]]
) -> anomalies_pb2.Anomalies:
    """TFDV's own, where `HAS_SQL`; `RuntimeError` where an expression is NULL or cannot be computed.

    `checks` holds SQL, severity and description by column.
    """
    from tensorflow_data_validation.anomalies.proto import custom_validation_config_pb2

    config = custom_validation_config_pb2.CustomValidationConfig()
    for column, of_column in checks.items():
        checked = config.feature_validations.add(dataset_name=statistics.datasets[0].name)
        checked.feature_path.step.append(column)
        for sql, severity, description in of_column:
            value = anomalies_pb2.AnomalyInfo.Severity.Value(severity)
            checked.validations.add(sql_expression=sql, severity=value, description=description)
    return tfdv.validate_statistics(statistics, schema, custom_validation_config=config)
