"""Small tables on which our validation and plain TFDV must say the same.

Run as a script it prints our outcomes as JSON, so that the same corpus can run under another TFDV and be compared with
`golden/tfdv_1_16_1.json`; it needs nothing but TFDV and this project.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import json
import math
import sys
from typing import Any

from google.protobuf import text_format
import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_validation.schemas.custom_validations import CustomValidation
from components.data_validation.schemas.schema_inference import SERVING, TRAINING, training_schema
from components.data_validation.schemas.schema_validation import ComparedStatistics, validate_against_schema
from components.data_validation.statistics.quiet_tfdv import tfdv
from components.data_validation.statistics.streaming_statistics import (
    MAX_COUNTED_VALUES,
    NUM_HISTOGRAM_BUCKETS,
    NUM_TOP_VALUES,
    StatisticsAccumulator,
)
from components.data_validation.tables.arrow_lists import as_value_lists, ExaminedColumn

Columns = Mapping[str, list[Any]]
Statistics = statistics_pb2.DatasetFeatureStatisticsList
NUM_BATCHES = 4
BASE: Columns = {
    "age": [20, 31, 42, 53, 64, 75] * 20,
    "fare": [1.5, 2.5, 9.25, 4.0, 7.75, 3.0] * 20,
    "shop": ["a", "b", "c", "a", "a", "b"] * 20,
}


def base(**changes: list[Any]) -> Columns:
    return {**BASE, **changes}


def without(*names: str) -> Columns:
    return {name: values for name, values in BASE.items() if name not in names}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A reference that the schema is inferred from (or a reviewed schema as text), and the table to validate."""

    current: Columns
    reference: Columns = field(default_factory=lambda: BASE)
    schema: str | None = None
    environment: str = TRAINING
    previous: Columns | None = None
    serving: Columns | None = None
    validations: tuple[CustomValidation, ...] = ()
    label: str | None = None
    nothing: bool = False


AGE = 'feature { name: "age" type: INT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } %s }\n'
FARE = 'feature { name: "fare" type: FLOAT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } %s }\n'
SHOP = 'feature { name: "shop" type: BYTES presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } %s }\n'
L_INFTY = "%s { infinity_norm { threshold: 0.05 } }"
DIVERGENCE = "%s { jensen_shannon_divergence { threshold: 0.05 } }"


def reviewed(age: str = "", fare: str = "", shop: str = "", rest: str = "") -> str:
    return AGE % age + FARE % fare + SHOP % shop + rest


def maximum(bound: float) -> CustomValidation:
    return CustomValidation(
        feature="fare", expression=f"num_stats.max < {bound}", severity="error", description="fares are small"
    )


CASES: Mapping[str, Case] = {
    "the same data": Case(current=BASE),
    "column gone": Case(current=without("fare")),
    "new column": Case(current=base(tip=[1.0, 2.0] * 60)),
    "int to float": Case(current=base(age=[20.5, 31.0] * 60)),
    "int to text": Case(current=base(age=["20", "old"] * 60)),
    "float to int": Case(current=base(fare=[1, 2] * 60)),
    "float to text": Case(current=base(fare=["1.5", "two"] * 60)),
    "text to int": Case(current=base(shop=[1, 2, 3] * 40)),
    "text to float": Case(current=base(shop=[1.5, 2.5, 3.5] * 40)),
    "new category in half of the rows": Case(current=base(shop=["a", "zoo"] * 60)),
    "one row of a rare category": Case(current=base(shop=["a", "b", "c"] * 39 + ["a", "b", "zoo"])),
    "lower presence": Case(current=base(age=[20, 31, None] * 40)),
    "all missing numbers": Case(current=base(fare=[None] * 120)),
    "all missing text": Case(current=base(shop=[None] * 120)),
    "optional column may be missing": Case(
        reference=base(fare=[1.0, None] * 60), current=base(fare=[None, None, 2.0] * 40)
    ),
    "infinite values": Case(
        current=base(fare=[1.0, math.inf] * 60), schema=reviewed(fare="float_domain { disallow_inf: true }")
    ),
    "ints outside a reviewed range": Case(current=BASE, schema=reviewed(age="int_domain { min: 30 max: 60 }")),
    "ints inside a reviewed range": Case(current=BASE, schema=reviewed(age="int_domain { min: 18 max: 99 }")),
    "floats outside a reviewed range": Case(current=BASE, schema=reviewed(fare="float_domain { min: 2 max: 9 }")),
    "whole numbers that should be 0 or 1": Case(
        current=base(age=[0, 1, 2] * 40), schema=reviewed(age="bool_domain { }")
    ),
    "words that should be true or false": Case(
        reference={"paid": ["true", "false"] * 60}, current={"paid": ["true", "perhaps"] * 60}
    ),
    "two values a row expected": Case(current=BASE, schema=reviewed().replace("size: 1", "size: 2", 1)),
    "mass outside the domain within its constraint": Case(
        current=base(shop=["a", "b", "c", "zoo"] * 30),
        schema=reviewed(
            shop='string_domain { value: "a" value: "b" value: "c" } distribution_constraints { min_domain_mass: 0.7 }'
        ),
    ),
    "too few different values": Case(current=BASE, schema=reviewed(shop="unique_constraints { min: 5 max: 9 }")),
    "too few rows": Case(current=BASE, schema=reviewed(rest="dataset_constraints { min_examples_count: 1000 }")),
    "empty table": Case(current=BASE, nothing=True),
    "custom validation that fails": Case(current=BASE, validations=(maximum(5.0),)),
    "custom validation that holds": Case(current=BASE, validations=(maximum(50.0),)),
    "drift of categories by L-infinity": Case(
        current=base(shop=["a", "a", "b"] * 40), previous=BASE, schema=reviewed(shop=L_INFTY % "drift_comparator")
    ),
    "drift of numbers by Jensen-Shannon": Case(
        current=base(fare=[3.5, 5.5, 11.25, 6.0, 9.75, 5.0] * 20),
        previous=BASE,
        schema=reviewed(fare=DIVERGENCE % "drift_comparator", age=DIVERGENCE % "drift_comparator"),
    ),
    "drift of categories by Jensen-Shannon": Case(
        current=base(shop=["a", "c", "c"] * 40), previous=BASE, schema=reviewed(shop=DIVERGENCE % "drift_comparator")
    ),
    "skew of categories by L-infinity": Case(
        current=base(shop=["a", "a", "b"] * 40), serving=BASE, schema=reviewed(shop=L_INFTY % "skew_comparator")
    ),
    "skew within its threshold": Case(current=BASE, serving=BASE, schema=reviewed(shop=L_INFTY % "skew_comparator")),
    "names and values in Korean": Case(
        reference={"가게": ["서울", "부산"] * 60, "나이 (세)": [1, 2, 3] * 40},
        current={"가게": ["서울", "대구"] * 60, "나이 (세)": [1, 2, 3] * 40},
    ),
    "label missing in serving": Case(current=without("shop"), label="shop", environment=SERVING),
    "label missing in training": Case(current=without("shop"), label="shop"),
    "feature missing in serving": Case(current=without("age", "shop"), label="shop", environment=SERVING),
}


def outcomes() -> dict[str, dict[str, Any]]:
    """What our path says of every case, as plain JSON values."""
    return {name: outcome(case, streamed_statistics) for name, case in CASES.items()}


def outcome(case: Case, statistics_of: Callable[[Columns, bool], Statistics]) -> dict[str, Any]:
    """The case's anomaly names by column and its distances; the statistics decide which path is taken."""
    is_ours = statistics_of is streamed_statistics
    schema = schema_of(case, statistics_of(case.reference, False))
    current = statistics_of(case.current, case.nothing)
    sides = [None if side is None else statistics_of(side, False) for side in (case.previous, case.serving)]
    validate = our_anomalies if is_ours else plain_anomalies
    return as_json(validate(case, current, schema, sides[0], sides[1]))


def schema_of(case: Case, statistics: Statistics) -> schema_pb2.Schema:
    if case.schema is None:
        return training_schema(statistics, label=case.label)
    schema = text_format.Parse(case.schema, schema_pb2.Schema())
    schema.default_environment.extend([TRAINING, SERVING])
    return schema


def our_anomalies(
    case: Case, current: Statistics, schema: schema_pb2.Schema, previous: Statistics | None, serving: Statistics | None
) -> anomalies_pb2.Anomalies:
    compared = ComparedStatistics(previous=previous, serving=serving)
    anomalies, _ = validate_against_schema(
        current, schema, environment=case.environment, validations=case.validations, compared=compared
    )
    return anomalies


def plain_anomalies(
    case: Case, current: Statistics, schema: schema_pb2.Schema, previous: Statistics | None, serving: Statistics | None
) -> anomalies_pb2.Anomalies:
    return tfdv.validate_statistics(
        current,
        schema,
        environment=case.environment,
        previous_statistics=previous,
        serving_statistics=serving,
    )


def streamed_statistics(columns: Columns, nothing: bool) -> Statistics:
    """Our path: several small Arrow batches through the accumulators."""
    batch = pa.RecordBatch.from_arrays([pa.array(values) for values in columns.values()], list(columns))
    kinds = {pa.types.is_integer: "integer", pa.types.is_floating: "float"}
    examined = [
        ExaminedColumn(
            name=name,
            role="feature",
            kind=next((kind for is_kind, kind in kinds.items() if is_kind(column.type)), "category"),
        )
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    accumulator = StatisticsAccumulator()
    num_rows = 0 if nothing else batch.num_rows
    for start in range(0, num_rows, -(-batch.num_rows // NUM_BATCHES)):
        rows = batch.slice(start, -(-batch.num_rows // NUM_BATCHES))
        accumulator.add(as_value_lists(rows, examined))
    return accumulator.statistics(name="corpus")


def framed_statistics(columns: Columns, nothing: bool) -> Statistics:
    """Plain TFDV: a data frame, with as many buckets and counted values as our path has."""
    import pandas as pd

    # As pandas objects whole numbers beside missing ones stay whole; pandas' own floats would change their type.
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in columns.items()})
    options = tfdv.StatsOptions(
        num_top_values=NUM_TOP_VALUES,
        num_rank_histogram_buckets=MAX_COUNTED_VALUES,
        num_histogram_buckets=NUM_HISTOGRAM_BUCKETS,
    )
    with np.errstate(invalid="ignore", over="ignore"):
        return tfdv.generate_statistics_from_dataframe(frame.iloc[:0] if nothing else frame, stats_options=options)


def as_json(anomalies: anomalies_pb2.Anomalies) -> dict[str, Any]:
    """Anomaly names by column (the whole table's under ''), distances by column, and whether there was no data."""
    names = {
        info.path.step[-1] if info.path.step else key: type_names(info) for key, info in anomalies.anomaly_info.items()
    }
    if anomalies.dataset_anomaly_info.reason:
        names[""] = type_names(anomalies.dataset_anomaly_info)
    distances = {
        f"{info.path.step[-1]} {side} {anomalies_pb2.DriftSkewInfo.Measurement.Type.Name(measurement.type)}": (
            measurement.value
        )
        for info in anomalies.drift_skew_info
        for side, measurements in (("drift", info.drift_measurements), ("skew", info.skew_measurements))
        for measurement in measurements
    }
    return {
        "anomalies": dict(sorted(names.items())),
        "distances": dict(sorted(distances.items())),
        "data_missing": anomalies.data_missing,
    }


def type_names(info: anomalies_pb2.AnomalyInfo) -> list[str]:
    return sorted(anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in info.reason)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(outcomes(), ensure_ascii=False, indent=2) + "\n")
